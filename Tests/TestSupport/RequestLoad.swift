import Foundation
import Synchronization

/// A constant number of HTTP requests a second, each over a connection of its own, from threads of its own: what an
/// update must not be noticed by.
package final class RequestLoad: Sendable {
    /// One request: when it began, how long it took, and why it failed.
    package struct Outcome: Sendable {
        package let began: ContinuousClock.Instant
        package let took: Duration
        /// `nil` where the answer was whole.
        package let failure: String?
        package let body: String
    }

    private struct State {
        var outcomes: [Outcome] = []
        var threads = 0
        var isStopping = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private static let threads = 20
    private static let patience = 5
    private let address: String
    private let port: UInt16
    private let state = Mutex(State())

    package init(address: String, port: UInt16, perSecond: Int) {
        self.address = address
        self.port = port
        state.withLock { $0.threads = Self.threads }
        let began = ContinuousClock.now
        let interval = Duration.seconds(1) / perSecond
        for number in 0..<Self.threads {
            Thread.detachNewThread { [self] in
                var next = began + interval * number
                while !state.withLock({ $0.isStopping }) {
                    let wait = next - .now
                    if wait > .zero { usleep(UInt32(wait.components.attoseconds / 1_000_000_000_000)) }
                    ask()
                    next = max(next + interval * Self.threads, .now)
                }
                state.withLock { state in
                    state.threads -= 1
                    if state.threads == 0 { state.waiter?.resume() }
                }
            }
        }
    }

    package var outcomes: [Outcome] { state.withLock { $0.outcomes } }

    /// Ends the load and gives what became of every request.
    package func stop() async -> [Outcome] {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                state.isStopping = true
                guard state.threads > 0 else { return true }
                state.waiter = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
        return outcomes
    }

    private func ask() {
        let began = ContinuousClock.now
        var failure: String?
        var body = ""
        do throws(Failure) {
            body = try request()
        } catch {
            failure = error.reason
        }
        let outcome = Outcome(began: began, took: .now - began, failure: failure, body: body)
        state.withLock { $0.outcomes.append(outcome) }
    }

    private struct Failure: Error {
        let reason: String

        init(_ step: String, _ code: Int32? = nil) {
            reason = code.map { "\(step): \(String(cString: strerror($0)))" } ?? step
        }
    }

    private func request() throws(Failure) -> String {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure("socket", errno) }
        defer { close(socket) }
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var remote = sockaddr_in()
        remote.sin_family = sa_family_t(AF_INET)
        remote.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &remote.sin_addr)
        let connected = withUnsafePointer(to: &remote) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure("connect", errno) }
        let request = Array("GET / HTTP/1.1\r\nHost: update.example\r\nConnection: close\r\n\r\n".utf8)
        guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw Failure("send", errno)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count >= 0 else { throw Failure("receive after \(answer.count) bytes", errno) }
            if count == 0 { break }
            answer += buffer.prefix(count)
        }
        let text = String(decoding: answer, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { throw Failure("closed after \(answer.count) bytes") }
        guard text.hasPrefix("HTTP/1.1 200 ") || text.hasPrefix("HTTP/1.0 200 ") else {
            throw Failure(String(text.prefix(40)))
        }
        return String(text[end.upperBound...])
    }
}

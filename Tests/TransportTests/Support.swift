import Glibc
import Synchronization
import Testing
import Transport

/// Answers by path; what each test needs.
struct TestHandler: HTTPHandler {
    static let pieces = (0..<200).map { [UInt8](repeating: UInt8($0 % 251), count: 5_000) }

    func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        switch request.path {
        case "/pieces": responder.respond(status: 200, headers: [:], body: .pieces(Self.pieces))
        case "/empty": responder.respond(status: 204, headers: [:], body: .bytes([]))
        case "/count": responder.respond(status: 200, headers: [:], body: .bytes(Array("\(request.body.count)".utf8)))
        case "/forgotten": break
        case "/stream":
            let pipe = HTTPBodyPipe()
            responder.respond(status: 200, headers: [:], stream: pipe)
            Task {
                for number in 0..<5 { try await pipe.write(Array("line \(number)\n".utf8)) }
                pipe.finish()
            }
        case "/endless": responder.respond(status: 200, headers: [:], stream: Endless.shared)
        case "/echo":
            Task {
                do {
                    let stream = try await responder.upgrade(headers: ["Upgrade": "echo"])
                    while let bytes = try await stream.read() { try await stream.write(bytes) }
                    await stream.close()
                } catch HTTPUpgradeError.notSupported {
                    responder.respond(status: 400, headers: [:], body: .bytes([]))
                } catch {}
            }
        default:
            let text =
                "\(request.method) \(request.path) \(request.query ?? "-") \(request.connection.isMultiplexed) "
                + "\(request.connection.peerCertificate == nil ? "nobody" : "certified")"
            Task { responder.respond(status: 200, headers: ["X-Test": "yes"], body: .bytes(Array(text.utf8))) }
        }
    }
}

/// Produces for ever, and tells how much it was asked for and when it was cancelled.
final class Endless: HTTPBodyStream {
    static let shared = Endless()
    let produced = Atomic(0)
    private let cancelled = Mutex<(isCancelled: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func setWaker(_ wake: @escaping @Sendable () -> Void) {}

    func read() -> HTTPBodyPart {
        produced.add(64 << 10, ordering: .relaxed)
        return .bytes([[UInt8](repeating: 7, count: 64 << 10)])
    }

    func cancel() {
        let waiters = cancelled.withLock { state in
            state.isCancelled = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func waitUntilCancelled() async {
        await withCheckedContinuation { continuation in
            let isDone = cancelled.withLock { state in
                if !state.isCancelled { state.waiters.append(continuation) }
                return state.isCancelled
            }
            if isDone { continuation.resume() }
        }
    }
}

/// Starts a server on a free port of the loopback, and stops it when `body` is done.
func withServer<Result>(
    tls: TLSServerContext? = nil, handler: any HTTPHandler = TestHandler(),
    _ body: (HTTPAddress) async throws -> Result
) async throws -> Result {
    var configuration = HTTPServer.Configuration(host: "127.0.0.1", port: 0, tls: tls, handler: handler)
    configuration.shutdownGrace = .seconds(1)
    let server = HTTPServer(configuration)
    try await server.start()
    let port = try #require(server.boundPort)
    do {
        let result = try await body(.tcp(host: "127.0.0.1", port: port))
        await server.shutdown()
        return result
    } catch {
        await server.shutdown()
        throw error
    }
}

func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
}

import Glibc
import Testing
import Transport

/// A socket that says what a test wants, as slowly as it wants.
private final class RawSocket {
    let descriptor: Int32

    init?(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { return nil }
        var wait = timeval(tv_sec: 0, tv_usec: 20_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// False when the peer has closed.
    func write(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// What there is to read now; `nil` at the end.
    func read() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { return String(decoding: buffer[..<count], as: UTF8.self) }
        return count == 0 || errno != EAGAIN ? nil : ""
    }
}

@Suite(.serialized) struct `Bad clients` {
    /// Serves with short patience, and tells the port.
    private func withImpatientServer(_ body: (Int) async throws -> Void) async throws {
        var configuration = HTTPServer.Configuration(host: "127.0.0.1", port: 0, handler: TestHandler())
        configuration.requestTimeout = .milliseconds(400)
        configuration.shutdownGrace = .seconds(1)
        let server = HTTPServer(configuration)
        try await server.start()
        try await body(try #require(server.boundPort))
        await server.shutdown()
    }

    /// Sends a byte at a time until the server has had enough; what it answered, and when.
    private func trickle(_ socket: RawSocket, _ piece: String) async throws -> (answer: String, took: Duration) {
        let start = ContinuousClock.now
        var answer = ""
        while ContinuousClock.now - start < .seconds(10) {
            let isOpen = socket.write(piece)
            guard let more = socket.read() else { break }
            answer += more
            if !isOpen { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        return (answer, ContinuousClock.now - start)
    }

    @Test func `a head that never ends is cut off`() async throws {
        try await withImpatientServer { port in
            let socket = try #require(RawSocket(port: port))
            #expect(socket.write("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "))
            let (_, took) = try await trickle(socket, "a")
            #expect(took < .seconds(5))
        }
    }

    @Test func `a body that never ends is answered and cut off`() async throws {
        try await withImpatientServer { port in
            let socket = try #require(RawSocket(port: port))
            #expect(socket.write("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"))
            let (answer, took) = try await trickle(socket, "a")
            #expect(answer.hasPrefix("HTTP/1.1 408"))
            #expect(took < .seconds(5))
        }
    }

    @Test func `a head longer than the limit is refused, not kept`() async throws {
        try await withImpatientServer { port in
            let socket = try #require(RawSocket(port: port))
            #expect(socket.write("GET / HTTP/1.1\r\nHost: a\r\n"))
            let line = "X-Long: " + String(repeating: "a", count: 4000) + "\r\n"
            var sent = 0
            while sent < 8 << 20, socket.write(line) { sent += line.utf8.count }
            // The sockets' own buffers take some more than the server reads.
            #expect(sent < 8 << 20)
        }
    }

    @Test func `one who never speaks does not keep others waiting`() async throws {
        try await withImpatientServer { port in
            let silent = (0..<50).compactMap { _ in RawSocket(port: port) }
            #expect(silent.count == 50)
            let client = HTTPClient(.init(address: .tcp(host: "127.0.0.1", port: port)))
            let reply = try await client.send(.init(target: "/"))
            #expect(reply.status == 200)
            client.shutdown()
        }
    }
}

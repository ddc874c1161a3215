import Testing

@testable import Transport

@Suite struct `WebSocket messages` {
    @Test func `the handshake answers RFC 6455's example`() throws {
        #expect(WebSocketHandshake.acceptance(of: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        var request = HTTPRequest(method: "GET", path: "/", connection: HTTPConnection(remoteAddress: "test"))
        #expect(throws: WebSocketHandshake.Refusal.notAnUpgrade) {
            try WebSocketHandshake.accept(request, protocols: ["a"])
        }
        request.headers = WebSocketHandshake.offer(protocols: ["x", "b", "a"])
        let (headers, chosen) = try WebSocketHandshake.accept(request, protocols: ["a", "b"])
        #expect(chosen == "b")
        #expect(headers["sec-websocket-protocol"] == "b")
        #expect(throws: WebSocketHandshake.Refusal.noCommonProtocol(offered: ["x", "b", "a"])) {
            try WebSocketHandshake.accept(request, protocols: ["c"])
        }
    }

    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536, 300_000])
    func `messages of every length arrive both ways`(count: Int) async throws {
        let (left, right) = MemoryByteStream.pair()
        let (client, server) = (WebSocket(left, role: .client), WebSocket(right, role: .server))
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        async let sent: Void = client.send(bytes)
        #expect(try await server.receive() == WebSocketMessage(bytes: bytes))
        try await sent
        async let answered: Void = server.send(bytes, isText: true)
        #expect(try await client.receive() == WebSocketMessage(isText: true, bytes: bytes))
        try await answered
    }

    @Test func `fragments are joined and pings between them answered`() async throws {
        let (left, right) = MemoryByteStream.pair()
        let server = WebSocket(right, role: .server)
        func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
            // A mask of zeros leaves the payload as it is.
            [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
        }
        try await left.write(frame(0x02, [1, 2]) + frame(0x89, [9]) + frame(0x80, [3]))
        #expect(try await server.receive() == WebSocketMessage(bytes: [1, 2, 3]))
        #expect(try await left.read() == [0x8a, 1, 9])
    }

    @Test func `closing is answered with the same code`() async throws {
        let (left, right) = MemoryByteStream.pair()
        let (client, server) = (WebSocket(left, role: .client), WebSocket(right, role: .server))
        try await client.close(code: 1001)
        #expect(try await server.receive() == nil)
        #expect(server.closeCode == 1001)
        #expect(try await client.receive() == nil)
        #expect(client.closeCode == 1001)
    }

    @Test func `what breaks the protocol ends the connection`() async throws {
        let bad: [[UInt8]] = [
            [0x82, 0x01, 5], [0xc2, 0x80, 0, 0, 0, 0], [0x80, 0x80, 0, 0, 0, 0], [0x83, 0x80, 0, 0, 0, 0],
        ]
        for bytes in bad {
            let (left, right) = MemoryByteStream.pair()
            let server = WebSocket(right, role: .server)
            try await left.write(bytes)
            await #expect(throws: WebSocketError.self) { _ = try await server.receive() }
        }
        let (left, right) = MemoryByteStream.pair()
        let server = WebSocket(right, role: .server, messageBytesMax: 10)
        try await left.write([0x82, 0x80 | 11, 0, 0, 0, 0])
        await #expect(throws: WebSocketError.messageTooLarge(limit: 10)) { _ = try await server.receive() }
    }

    @Test func `Base64 is RFC 4648's`() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            #expect(text(Base64.encode(Array(plain.utf8))) == coded)
            #expect(Base64.decode(coded.utf8) == Array(plain.utf8))
        }
        #expect(Base64.decode("a$b".utf8) == nil)
    }
}

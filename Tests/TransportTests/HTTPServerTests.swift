import Synchronization
import Testing
import Transport

@Suite struct `HTTP server and client` {
    @Test func `a request is answered and its connection used again`() async throws {
        try await withServer { address in
            let client = HTTPClient(.init(address: address))
            for number in 0..<3 {
                let reply = try await client.send(.init(target: "/a%20b?n=\(number)"))
                #expect(reply.status == 200)
                #expect(reply.headers["x-test"] == "yes")
                #expect(text(reply.body) == "GET /a%20b n=\(number) false nobody")
            }
            client.shutdown()
        }
    }

    @Test func `a body in pieces arrives whole`() async throws {
        try await withServer { address in
            let reply = try await HTTPClient(.init(address: address)).send(.init(target: "/pieces"))
            #expect(reply.body == TestHandler.pieces.flatMap { $0 })
            #expect(reply.headers["content-length"] == "1000000")
        }
    }

    @Test func `a body up to the limit is taken and a longer one refused`() async throws {
        try await withServer { address in
            let client = HTTPClient(.init(address: address))
            let full = [UInt8](repeating: 1, count: 3 << 20)
            let taken = try await client.send(.init(method: "POST", target: "/count", body: full))
            #expect(text(taken.body) == "3145728")
            let refused = try await client.send(.init(method: "POST", target: "/count", body: full + [1]))
            #expect(refused.status == 413)
            #expect(text(refused.body) == "Request entity too large: limit is 3145728\n")
        }
    }

    @Test func `no content and head have no body`() async throws {
        try await withServer { address in
            let client = HTTPClient(.init(address: address))
            let empty = try await client.send(.init(target: "/empty"))
            #expect(empty.status == 204)
            #expect(empty.headers["content-length"] == nil)
            let head = try await client.send(.init(method: "HEAD", target: "/pieces"))
            #expect(head.headers["content-length"] == "1000000")
            #expect(head.body.isEmpty)
            #expect(try await client.send(.init(target: "/")).status == 200)
        }
    }

    @Test func `a streamed body ends`() async throws {
        try await withServer { address in
            let reply = try await HTTPClient(.init(address: address)).stream(.init(target: "/stream"))
            var lines = ""
            for try await chunk in reply.body { lines += text(chunk) }
            #expect(lines == "line 0\nline 1\nline 2\nline 3\nline 4\n")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a slow reader slows the producer and leaving cancels it`() async throws {
        try await withServer { address in
            let client = HTTPClient(.init(address: address))
            do {
                let reply = try await client.stream(.init(target: "/endless"))
                var iterator = reply.body.makeAsyncIterator()
                _ = try await iterator.next()
                // Socket buffers of the kernel and ours; without back-pressure this grows for ever.
                #expect(Endless.shared.produced.load(ordering: .relaxed) < 64 << 20)
            }
            await Endless.shared.waitUntilCancelled()
        }
    }

    @Test func `a request that the handler forgets is answered with 500`() async throws {
        try await withServer { address in
            let reply = try await HTTPClient(.init(address: address)).send(.init(target: "/forgotten"))
            #expect(reply.status == 500)
        }
    }

    @Test func `an upgraded connection carries bytes both ways`() async throws {
        try await withServer { address in
            let client = HTTPClient(.init(address: address))
            var request = HTTPClientRequest(target: "/echo")
            let plain = try await client.send(request)
            #expect(plain.status == 400)
            request.headers = ["Connection": "Upgrade", "Upgrade": "echo"]
            guard case .upgraded(let headers, let stream) = try await client.upgrade(request) else {
                Issue.record("the upgrade was refused")
                return
            }
            #expect(headers["upgrade"] == "echo")
            let sent = [UInt8](repeating: 9, count: 300_000)
            async let writing: Void = stream.write(sent)
            var received = 0
            while received < sent.count, let bytes = try await stream.read() { received += bytes.count }
            try await writing
            #expect(received == sent.count)
            await stream.close()
        }
    }

    @Test func `a port in use is a typed error`() async throws {
        try await withServer { address in
            let second = HTTPServer(.init(address: address, handler: TestHandler()))
            await #expect(throws: HTTPServerError.addressInUse(address)) { try await second.start() }
        }
    }

    @Test func `a unix socket works as well`() async throws {
        let path = "/tmp/skiff-transport-test-\(UInt32.random(in: 0 ... .max)).sock"
        let server = HTTPServer(.init(address: .unix(path: path), handler: TestHandler()))
        try await server.start()
        let reply = try await HTTPClient(.init(address: .unix(path: path))).send(.init(target: "/x"))
        #expect(reply.status == 200)
        await server.shutdown()
    }

    @Test func `nobody at the address is an error`() async throws {
        let address = HTTPAddress.tcp(host: "127.0.0.1", port: 1)
        await #expect(throws: HTTPClientError.self) {
            _ = try await HTTPClient(.init(address: address)).send(.init(target: "/"))
        }
    }
}

@Suite struct `In-process HTTP` {
    private func request(_ path: String) -> HTTPRequest {
        HTTPRequest(method: "GET", path: path, connection: HTTPConnection(remoteAddress: "in-process"))
    }

    @Test func `answers are handed over`() async throws {
        let whole = await InProcessHTTP.send(TestHandler(), request("/pieces"))
        #expect(whole.body.count == 1_000_000)
        let reply = await InProcessHTTP.stream(TestHandler(), request("/stream"))
        #expect(text(try await reply.collect().body).hasSuffix("line 4\n"))
        #expect(await InProcessHTTP.send(TestHandler(), request("/forgotten")).status == 500)
    }

    @Test func `an upgrade gives a duplex stream`() async throws {
        guard case .upgraded(_, let stream) = await InProcessHTTP.upgrade(TestHandler(), request("/echo")) else {
            Issue.record("the upgrade was refused")
            return
        }
        try await stream.write([1, 2, 3])
        #expect(try await stream.read() == [1, 2, 3])
        await stream.close()
    }
}

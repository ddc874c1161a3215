import APIMachinery
import Synchronization
import Testing
import Transport

@testable import APIServer

/// Requests through a real proxy to a real server, over sockets.
@Suite struct `Proxied requests` {
    /// What stands behind the proxy.
    private struct Behind: HTTPHandler {
        func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
            switch request.path {
            case "/echo":
                let seen = "\(request.method) \(request.query ?? "-") \(request.headers["x-forwarded-uri"] ?? "-") "
                responder.respond(status: 201, headers: [:], body: .bytes(Array(seen.utf8) + request.body))
            case "/page":
                responder.respond(
                    status: 200, headers: ["Content-Type": "text/html; charset=utf-8"],
                    body: .bytes(Array("<a href=\"/next\">".utf8)))
            case "/moved": responder.respond(status: 302, headers: ["Location": "/there?x=1"], body: .bytes([]))
            case "/large":
                responder.respond(status: 200, headers: [:], body: .bytes([UInt8](repeating: 7, count: 1 << 20)))
            case "/broken":
                let pipe = HTTPBodyPipe()
                responder.respond(status: 200, headers: [:], stream: pipe)
                Task {
                    try await pipe.write(Array("half".utf8))
                    pipe.breakOff()
                }
            case "/slow":
                let pipe = HTTPBodyPipe()
                responder.respond(status: 200, headers: [:], stream: pipe)
                Task { try await pipe.write(Array("first".utf8)) }
            case "/socket": Task { try await echo(responder) }
            default: responder.respond(status: 404, headers: [:], body: .bytes([]))
            }
        }

        /// Repeats what it is told, and has a last word after the end.
        private func echo(_ responder: any HTTPResponder) async throws {
            let stream = try await responder.upgrade(headers: ["Upgrade": "echo"])
            while let bytes = try await stream.read() { try await stream.write(bytes) }
            try await stream.write(Array(" bye".utf8))
            await stream.close()
        }
    }

    private struct Front: HTTPHandler {
        let port: Int

        func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
            var info = RequestInfo(request, query: Query(request.query))
            info.rest = request.path.split(separator: "/").map(String.init)
            info.version = "v1"
            info.resource = "nodes"
            info.name = "n"
            let path = ProxyPath(info: info, path: request.path)
            let location = ProxyLocation(isTLS: false, host: "127.0.0.1", port: port)
            Task {
                do throws(APIError) {
                    try await ProxyCall(location: location, path: path, request: request, responder: responder).run()
                } catch {
                    responder.respond(
                        status: error.code, headers: [:], body: .bytes(Array(error.message.utf8)))
                }
            }
        }
    }

    private func serve<Result>(
        _ handler: any HTTPHandler, _ body: (Int) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPServer.Configuration(host: "127.0.0.1", port: 0, handler: handler)
        configuration.shutdownGrace = .seconds(1)
        let server = HTTPServer(configuration)
        try await server.start()
        let port = try #require(server.boundPort)
        do {
            let result = try await body(port)
            await server.shutdown()
            return result
        } catch {
            await server.shutdown()
            throw error
        }
    }

    private func proxied(_ body: (HTTPClient) async throws -> Void) async throws {
        try await serve(Behind()) { behind in
            try await serve(Front(port: behind)) { front in
                let client = HTTPClient(.init(address: .tcp(host: "127.0.0.1", port: front)))
                try await body(client)
                client.shutdown()
            }
        }
    }

    private func text(_ reply: HTTPReply) -> String { String(decoding: reply.body, as: UTF8.self) }

    @Test func `pass with method, query and body, and so do their answers`() async throws {
        try await proxied { client in
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let reply = try await client.send(
                    .init(method: method, target: "/echo?a=b%20c", body: Array("hi".utf8)))
                #expect(reply.status == 201)
                #expect(text(reply) == "\(method) a=b%20c /api/v1/nodes/n/proxy/echo hi")
            }
            let large = try await client.send(.init(target: "/large"))
            #expect(large.body.count == 1 << 20 && large.headers["content-length"] == "\(1 << 20)")
            let head = try await client.send(.init(method: "HEAD", target: "/large"))
            #expect(head.body.isEmpty && head.headers["content-length"] == "\(1 << 20)")
            #expect(try await client.send(.init(target: "/none")).status == 404)
        }
    }

    @Test func `have their links and redirects led back through the proxy`() async throws {
        try await proxied { client in
            let page = try await client.send(.init(target: "/page"))
            #expect(text(page) == "<a href=\"/api/v1/nodes/n/proxy/next\">")
            let moved = try await client.send(.init(target: "/moved"))
            #expect(moved.status == 302 && moved.headers["location"] == "/api/v1/nodes/n/proxy/there?x=1")
        }
    }

    @Test func `show the first bytes at once`() async throws {
        try await proxied { client in
            let reply = try await client.stream(.init(target: "/slow"))
            var bytes = reply.body.makeAsyncIterator()
            #expect(try await bytes.next() == Array("first".utf8))
        }
    }

    @Test func `do not pass half an answer off as the whole`() async throws {
        try await proxied { client in
            await #expect(throws: HTTPClientError.self) { try await client.send(.init(target: "/broken")) }
        }
    }

    @Test func `say what refuses a connection`() async throws {
        let free = try await serve(Behind()) { $0 }
        try await serve(Front(port: free)) { front in
            let client = HTTPClient(.init(address: .tcp(host: "127.0.0.1", port: front)))
            let reply = try await client.send(.init(target: "/echo"))
            #expect(reply.status == 503)
            #expect(
                text(reply)
                    == "error trying to reach service: dial tcp 127.0.0.1:\(free): connect: connection refused")
            client.shutdown()
        }
    }

    @Test func `are upgraded, and end one side after the other`() async throws {
        try await proxied { client in
            let reply = try await client.upgrade(
                .init(target: "/socket", headers: ["Connection": "Upgrade", "Upgrade": "echo"]))
            guard case .upgraded(let headers, let stream) = reply, let stream = stream as? any HalfClosingByteStream
            else {
                Issue.record("not upgraded: \(reply)")
                return
            }
            #expect(headers["upgrade"] == "echo")
            try await stream.write(Array("hello".utf8))
            var heard: [UInt8] = []
            while heard.count < 5, let bytes = try await stream.read() { heard += bytes }
            await stream.finish()
            while let bytes = try await stream.read() { heard += bytes }
            #expect(String(decoding: heard, as: UTF8.self) == "hello bye")
            await stream.close()
            let refused = try await client.upgrade(
                .init(target: "/none", headers: ["Connection": "Upgrade", "Upgrade": "echo"]))
            guard case .refused(let answer) = refused else {
                Issue.record("upgraded")
                return
            }
            #expect(answer.status == 404)
        }
    }
}

@Suite struct `Proxy subresources of the server` {
    private static let service: Value = [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web"],
        "spec": ["ports": [["port": 80, "targetPort": 8080]]],
    ]
    private static let base = "/api/v1/namespaces/default"

    @Test func `say what is missing`() async throws {
        try await TestServer.with { server in
            let service = await server.post(Self.base + "/services", Self.service)
            #expect(service.status == 201, "\(service.message)")
            let none = await server.get(Self.base + "/services/web:80/proxy/")
            #expect(none.status == 503 && none.reason == "ServiceUnavailable")
            #expect(none.message == "no endpoints available for service \"web\"")
            let port = await server.get(Self.base + "/services/web:81/proxy/")
            #expect(port.message == "no service port 81 found for service \"web\"")
            let wrong = await server.get(Self.base + "/services/ftp:web:80/proxy/")
            #expect(wrong.status == 400 && wrong.message == "invalid service request \"ftp:web:80\"")
            _ = await server.post(Self.base + "/pods", Sample.pod("p"))
            let pod = await server.get(Self.base + "/pods/p/proxy/")
            #expect(pod.status == 400 && pod.message == "address not allowed")
            let html = await server.get(Self.base + "/services/web:80/proxy/", accept: "text/html")
            #expect(html.status == 503, "the page's type is not the server's business")
            #expect(await server.send("OPTIONS", Self.base + "/services/web:80/proxy/").status == 503)
        }
    }

    @Test func `go to pods alone, whatever addresses Endpoints name`() async throws {
        try await TestServer.with { server in
            _ = await server.post(Self.base + "/services", Self.service)
            _ = await server.post(
                Self.base + "/endpoints",
                [
                    "apiVersion": "v1", "kind": "Endpoints", "metadata": ["name": "web"],
                    "subsets": [["addresses": [["ip": "198.51.100.1"]], "ports": [["port": 8080]]]],
                ])
            let reply = await server.get(Self.base + "/services/web/proxy/")
            #expect(reply.status == 503 && reply.message == "no endpoints available for service \"web\"")
        }
    }

    @Test func `are open to whom the verb of the method is granted`() async throws {
        try await TestServer.with { server in
            let nobody = UserInfo(name: "nobody", groups: ["system:authenticated"])
            let get = await server.send("GET", Self.base + "/services/web/proxy/", as: nobody)
            #expect(get.status == 403 && get.message.contains("cannot get resource \"services/proxy\""))
            let post = await server.send("POST", Self.base + "/pods/p/proxy/", as: nobody)
            #expect(post.status == 403 && post.message.contains("cannot create resource \"pods/proxy\""))
        }
    }

    @Test func `lead to the slash that relative links need`() async throws {
        try await TestServer.with { server in
            var pod = Sample.pod("p")
            pod.set(["podIP": "198.51.100.1", "podIPs": [["ip": "198.51.100.1"]]], at: ["status"])
            _ = await server.post(Self.base + "/pods", pod)
            let status = await server.put(Self.base + "/pods/p/status", pod)
            #expect(status.status == 200, "\(status.message)")
            let reply = await server.get(Self.base + "/pods/p/proxy?a=b")
            #expect(reply.status == 301 && reply.headers["location"] == Self.base + "/pods/p/proxy/?a=b")
            #expect(reply.headers["audit-id"] != nil)
        }
    }
}

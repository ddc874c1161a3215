import APIMachinery
import Testing
import Transport

@testable import APIServer

@Suite struct `Proxy rules` {
    private let links = LinkRewriter(prefix: "/p/proxy", source: "10.0.0.9:8080", requestHost: "api.example")

    @Test func `a name may have a scheme and a port`() throws {
        let plain = try #require(ProxyTarget("web"))
        #expect(plain.name == "web" && plain.port.isEmpty && plain.scheme.isEmpty)
        let full = try #require(ProxyTarget("https:web:metrics"))
        #expect(full.name == "web" && full.port == "metrics" && full.scheme == "https")
        #expect(ProxyTarget("web:80")?.port == "80")
        #expect(ProxyTarget(":web:")?.name == "web")
        for wrong in ["", ":80", "ftp:web:80", "a:b:c:d"] { #expect(ProxyTarget(wrong) == nil, "\(wrong)") }
    }

    private func path(_ path: String) -> ProxyPath {
        let request = HTTPRequest(
            method: "GET", path: path, connection: HTTPConnection(remoteAddress: "in-process"))
        return ProxyPath(info: RequestInfo(request, query: Query(nil)), path: path)
    }

    @Test(arguments: [
        ("", "/", true), ("/", "/", false), ("/a", "/a", false), ("/a/b/", "/a/b/", false),
        ("/a%20b", "/a%20b", false), ("/a/../../b", "/b", false), ("/%3Fx", "/%3Fx", false), ("/..", "/", false),
    ])
    func `the path behind the proxy is what follows it`(rest: String, target: String, isBare: Bool) {
        let path = path("/api/v1/namespaces/ns/services/http:web:80/proxy" + rest)
        #expect(path.prefix == "/api/v1/namespaces/ns/services/http:web:80/proxy")
        #expect(path.target == target && path.isBare == isBare, "\(path)")
    }

    @Test func `no detour hides a command from the check of its right`() {
        #expect(NodeProxy.opensSession(["exec", "ns", "pod", "c"]))
        #expect(NodeProxy.opensSession(["x", "..", "exec", "ns", "pod", "c"]))
        #expect(NodeProxy.opensSession([".", "run"]))
        #expect(!NodeProxy.opensSession(["pods"]))
        #expect(path("/api/v1/nodes/n/proxy/x/../exec").target == "/exec")
    }

    @Test func `links that mean the server behind lead through the proxy`() {
        for (link, rewritten) in [
            ("/style.css", "/p/proxy/style.css"), ("/a?b=/c#d", "/p/proxy/a?b=/c#d"),
            ("http://10.0.0.9:8080/a", "/p/proxy/a"), ("http://api.example/a", "http://api.example/p/proxy/a"),
            ("/p/proxy/a", "/p/proxy/a"), ("a/b", "a/b"), ("", ""), ("#top", "#top"), ("mailto:a@b", "mailto:a@b"),
            ("http://other.example/a", "http://other.example/a"), ("//other.example/a", "//other.example/a"),
        ] { #expect(links.rewrite(link) == rewritten, "\(link)") }
    }

    private static let page = """
        <!DOCTYPE html><html><!-- <a href="/kept"> --><head><title><a href="/kept"></title>
        <link rel=stylesheet href=/s.css><script src='/x.js'>let a = "<a href='/kept'>" < 3</script></head>
        <BODY data-a="/kept" background="/b"><A title="1 > 0" HREF = "/x?a=1&amp;b">3 < 4</A>
        <img src="/i.png"/><a href="other">o</a><a href="http://other.example/">e</a>
        """
    private static let rewritten = """
        <!DOCTYPE html><html><!-- <a href="/kept"> --><head><title><a href="/kept"></title>
        <link rel=stylesheet href=/p/proxy/s.css><script src='/p/proxy/x.js'>let a = "<a href='/kept'>" < 3</script></head>
        <BODY data-a="/kept" background="/p/proxy/b"><A title="1 > 0" HREF = "/p/proxy/x?a=1&amp;b">3 < 4</A>
        <img src="/p/proxy/i.png"/><a href="other">o</a><a href="http://other.example/">e</a>
        """

    @Test func `links of a page are rewritten however it is cut into pieces`() {
        let bytes = Array(Self.page.utf8)
        for size in [1, 2, 3, 7, 64, bytes.count] {
            var rewriter = HTMLRewriter(links)
            var out: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                out += rewriter.take(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            out += rewriter.finish()
            #expect(String(decoding: out, as: UTF8.self) == Self.rewritten, "in pieces of \(size)")
        }
    }

    @Test func `a tag without an end is not kept back for ever`() {
        var rewriter = HTMLRewriter(links)
        let start = rewriter.take(Array("<a href=\"/x".utf8))
        #expect(start.isEmpty)
        let long = rewriter.take([UInt8](repeating: 0x61, count: HTMLRewriter.tagBytesMax))
        #expect(long.count > HTMLRewriter.tagBytesMax - 20)
    }

    @Test func `headers that are nobody else's business stay here`() {
        let request = HTTPRequest(
            method: "GET", path: "/",
            headers: [
                "Host": "api.example", "Authorization": "Bearer secret", "Impersonate-User": "x", "X-Remote-User": "x",
                "Connection": "close, X-Mine", "X-Mine": "1", "TE": "trailers", "Cookie": "kept",
                "X-Forwarded-For": "192.0.2.1", "Content-Length": "3", "Expect": "100-continue",
                "Sec-WebSocket-Protocol": "base64url.bearer.authorization.k8s.io.c2VjcmV0, chat",
            ], connection: HTTPConnection(remoteAddress: "[2001:db8::1]:5555"))
        let path = path("/api/v1/namespaces/ns/pods/web/proxy/a/")
        let headers = ProxyHeaders.request(request, path, isUpgrade: false)
        let kept = Dictionary(uniqueKeysWithValues: headers.entries.map { ($0.name.lowercased(), $0.value) })
        #expect(
            kept == [
                "host": "api.example", "cookie": "kept", "x-forwarded-for": "192.0.2.1, 2001:db8::1",
                "sec-websocket-protocol": "chat", "x-forwarded-uri": "/api/v1/namespaces/ns/pods/web/proxy/a/",
            ])
        let answer = ProxyHeaders.answer([
            "Access-Control-Allow-Origin": "*", "Keep-Alive": "5", "Date": "x", "X-Own": "1",
        ])
        #expect(answer.entries.map(\.name) == ["Cache-Control", "X-Own"])
    }

    private func pod(_ address: String) -> Value {
        [
            "spec": ["containers": [["name": "a"], ["name": "b", "ports": [["containerPort": 8080]]]]],
            "status": ["podIP": .string(address)],
        ]
    }

    @Test func `a pod is its address and its first port`() throws {
        let target = try #require(ProxyTarget("web"))
        #expect(try ProxyResolver.pod(pod("10.0.0.9"), target) == .init(isTLS: false, host: "10.0.0.9", port: 8080))
        let secure = try #require(ProxyTarget("https:web:"))
        #expect(try ProxyResolver.pod(["status": ["podIP": "10.0.0.9"]], secure).port == 443)
        for address in ["", "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "x"] {
            #expect(throws: APIError.badRequest("address not allowed"), "\(address)") {
                try ProxyResolver.pod(pod(address), target)
            }
        }
        let wrong = try #require(ProxyTarget("web:70000"))
        #expect(throws: APIError.self) { try ProxyResolver.pod(pod("10.0.0.9"), wrong) }
    }

    @Test func `a Service's port is found by number and by name`() throws {
        let service: Value = [
            "metadata": ["name": "web"],
            "spec": ["ports": [["name": "http", "port": 80], ["name": "admin", "port": 81]]],
        ]
        #expect(try ProxyResolver.portName("81", of: service) == "admin")
        #expect(try ProxyResolver.portName("http", of: service) == "http")
        #expect(throws: APIError.serviceUnavailable("no service port 82 found for service \"web\"")) {
            try ProxyResolver.portName("82", of: service)
        }
        let subset: Value = [
            "addresses": [
                ["ip": "10.0.0.1"], ["ip": "10.0.0.2", "targetRef": ["name": "p"]],
                ["ip": "10.0.0.3", "targetRef": ["name": "q"]],
            ], "ports": [["name": "admin", "port": 9090]],
        ]
        let found = ProxyResolver.endpoint(in: [subset], port: "admin") { _, reference in
            reference.text("name") == "p"
        }
        #expect(found?.address == "10.0.0.2" && found?.port == 9090)
        #expect(ProxyResolver.endpoint(in: [subset], port: "http") { _, _ in true } == nil)
    }
}

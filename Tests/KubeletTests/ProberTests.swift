import APIMachinery
import KubeAPI
import Synchronization
import Testing
import Transport

@testable import CRI
@testable import Kubelet

@Suite struct `HTTP and TCP probes` {
    /// Answers by path, and remembers what it was asked.
    private final class Pages: HTTPHandler {
        let asked = Mutex<[String]>([])
        /// Those that are never answered: letting go of one would be an answer.
        private let held = Mutex<[any HTTPResponder]>([])

        func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
            asked.withLock { $0.append(request.path + " " + (request.headers["X-Probe"] ?? "-")) }
            let words = request.path.split(separator: "/").map(String.init)
            var headers: HTTPFields = ["Content-Type": "text/plain"]
            switch words.first {
            case "status": break
            case "to": headers["Location"] = "/" + words.dropFirst().joined(separator: "/")
            case "loop": headers["Location"] = request.path
            case "away": headers["Location"] = "http://example.com/"
            case "slow": return held.withLock { $0.append(responder) }
            default: break
            }
            let status = words.first == "status" ? Int(words[1]) ?? 200 : 302
            responder.respond(status: status, headers: headers, body: .bytes(Array("the page".utf8)))
        }
    }

    private func withPages(_ body: (Int, Pages) async throws -> Void) async throws {
        let pages = Pages()
        let server = HTTPServer(.init(host: "127.0.0.1", port: 0, handler: pages))
        try await server.start()
        try await body(try #require(server.boundPort), pages)
        await server.shutdown()
    }

    private func prober(port: Int) throws -> Prober {
        var container = Container()
        var named = ContainerPort()
        named.name = "web"
        named.containerPort = Int32(port)
        container.ports = [named]
        return Prober(
            cri: try CRIClient(socketPath: "/nowhere"), containerID: "", container: container, address: "127.0.0.1")
    }

    private func get(_ path: String, timeout: Int32 = 2) -> Probe {
        var probe = Probe()
        var action = HTTPGetAction()
        action.path = path
        action.port = .string("web")
        var header = HTTPHeader()
        header.name = "X-Probe"
        header.value = "yes"
        action.httpHeaders = [header]
        probe.httpGet = action
        probe.timeoutSeconds = timeout
        return probe
    }

    @Test func `statuses from 200 to 399 are good`() async throws {
        try await withPages { port, pages in
            let prober = try prober(port: port)
            for status in [200, 204, 304, 399] {
                #expect(try await prober.attempt(get("/status/\(status)")) == .success)
            }
            for status in [400, 404, 500] {
                #expect(
                    try await prober.attempt(get("/status/\(status)"))
                        == .failure("HTTP probe failed with statuscode: \(status)"))
            }
            #expect(pages.asked.withLock { $0.allSatisfy { $0.hasSuffix(" yes") } })
        }
    }

    @Test func `redirects are followed on the same host only`() async throws {
        try await withPages { port, pages in
            let prober = try prober(port: port)
            #expect(try await prober.attempt(get("/to/status/200")) == .success)
            #expect(
                try await prober.attempt(get("/to/status/503")) == .failure("HTTP probe failed with statuscode: 503"))
            #expect(
                try await prober.attempt(get("/away"))
                    == .warning("Probe terminated redirects, Response body: the page"))
            let before = pages.asked.withLock { $0.count }
            #expect(
                try await prober.attempt(get("/loop"))
                    == .failure("Get \"http://127.0.0.1:\(port)/loop\": stopped after 10 redirects"))
            #expect(pages.asked.withLock { $0.count } - before == 10)
        }
    }

    @Test func `silence and refusal are told in the words of upstream`() async throws {
        try await withPages { port, _ in
            let begin = ContinuousClock.now
            let silence = try await prober(port: port).attempt(get("/slow", timeout: 1))
            #expect(
                silence
                    == .failure(
                        "Get \"http://127.0.0.1:\(port)/slow\": context deadline exceeded "
                            + "(Client.Timeout exceeded while awaiting headers)"))
            #expect(ContinuousClock.now - begin < .seconds(3))
        }
        let refused = try await prober(port: 1).attempt(get("/"))
        #expect(refused == .failure("Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused"))
        var probe = Probe()
        var socket = TCPSocketAction()
        socket.port = .int(1)
        probe.tcpSocket = socket
        #expect(
            try await prober(port: 1).attempt(probe) == .failure("dial tcp 127.0.0.1:1: connect: connection refused"))
    }

    @Test func `a probe waits for its turn and can be called off`() async throws {
        try await withPages { port, pages in
            let prober = try prober(port: port)
            let due = ContinuousClock.now + .milliseconds(200)
            #expect(try await prober.attempt(get("/status/200"), at: due) == .success)
            #expect(ContinuousClock.now >= due)
            let probe = get("/status/200")
            let task = Task { try await prober.attempt(probe, at: .now + .seconds(60)) }
            try await Task.sleep(for: .milliseconds(20))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(pages.asked.withLock { $0.count } == 1)
        }
    }

    @Test(
        arguments: [
            ("https://other:8443/x?y", "https://other:8443/x?y"), ("http://[::1]:81", "http://[::1]:81/"),
            ("//h/p", "http://h:80/p"), ("/top", "http://pod:80/top"), ("beside?q", "http://pod:80/a/beside?q"),
            ("?q=2#part", "http://pod:80/a/b?q=2"), ("ftp://x/", nil), ("http://:99999/", nil),
        ] as [(String, String?)])
    func `a location is read`(_ location: String, _ wanted: String?) {
        let url = ProbeURL(isSecure: false, host: "pod", port: 80, target: "/a/b?c")
        #expect(url.following(location)?.description == wanted)
    }
}

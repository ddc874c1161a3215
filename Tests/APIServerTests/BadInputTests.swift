import APIMachinery
import APIServer
import Testing
import Transport

private let maps = "/api/v1/namespaces/default/configmaps"

/// Requests made to be expensive: refused, with a reason, in little time, by a server that then goes on.
@Suite struct `Absurd requests` {
    private func bounded(
        _ test: TestServer, _ body: () async -> TestServer.Reply
    ) async -> TestServer.Reply {
        let start = ContinuousClock.now
        let reply = await body()
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(await test.get("/healthz").status == 200)
        return reply
    }

    @Test(arguments: ["[", "{\"a\":", "{\"metadata\":{\"name\":\"a\"},\"data\":["])
    func `of endless depth`(opening: String) async throws {
        try await TestServer.with { test in
            let bytes = Array(String(repeating: opening, count: 2_000_000 / opening.utf8.count).utf8)
            let reply = await bounded(test) { await test.send("POST", maps, bytes) }
            #expect(reply.status == 400)
            let yaml = Array(String(repeating: opening.hasPrefix("[") ? "[" : "- ", count: 500_000).utf8)
            let other = await bounded(test) {
                await test.send("POST", maps, yaml, headers: ["Content-Type": "application/yaml"])
            }
            #expect(other.status == 400)
        }
    }

    /// Twenty operations, each of which doubles the depth, would leave a tree a million levels deep.
    @Test func `with patches that copy a tree into itself`() async throws {
        try await TestServer.with { test in
            _ = await test.post(maps, ["metadata": ["name": "m"]])
            var operations: [Value] = [["op": "add", "path": "/x", "value": [:]]]
            var depth = 1
            while depth < 300_000 {
                let path = "/x" + String(repeating: "/x", count: depth)
                operations.append(["op": "copy", "from": "/x", "path": .string(path)])
                depth *= 2
            }
            let patch = Value.array(operations)
            let reply = await bounded(test) { await test.patch(maps + "/m", .json, patch) }
            #expect(reply.status == 422)
        }
    }

    @Test(arguments: [
        String(repeating: "(", count: 100_000), String(repeating: "a,", count: 50_000),
        String(repeating: "!", count: 100_000), "a%20in%20(" + String(repeating: "v,", count: 50_000) + "v)",
        String(repeating: "a", count: 100_000),
    ])
    func `with selectors of absurd size`(selector: String) async throws {
        try await TestServer.with { test in
            for index in 0..<50 {
                _ = await test.post(
                    maps, ["metadata": ["name": .string("m\(index)"), "labels": ["a": .string("v\(index)")]]])
            }
            let reply = await bounded(test) { await test.get(maps + "?labelSelector=" + selector) }
            #expect(reply.status == 200 || reply.status == 400)
        }
    }

    @Test func `answer with no more warnings than fit`() async throws {
        try await TestServer.with { test in
            var fields: [String] = []
            for index in 0..<20_000 { fields.append("\"x\(index)\":1") }
            let body = Array(("{\"metadata\":{\"name\":\"w\"}," + fields.joined(separator: ",") + "}").utf8)
            let reply = await bounded(test) { await test.send("POST", maps, body) }
            #expect(reply.status == 201)
            #expect(reply.headers.values(of: "Warning").reduce(0) { $0 + $1.utf8.count } < 8192)
        }
    }
}

import APIMachinery
import APIServer
import Storage
import Testing

private let namespace = "/api/v1/namespaces/default"

@Suite struct `Resource quotas` {
    private func quota(_ test: TestServer, _ hard: Value, _ more: [(String, Value)] = []) async throws {
        var spec: Value = ["hard": hard]
        for (key, value) in more { spec[key] = value }
        _ = await test.post(namespace + "/resourcequotas", ["metadata": ["name": "rq"], "spec": spec])
        try await until(test) { $0["hard"] != nil }
    }

    /// Waits until the quota's status is as wanted.
    @discardableResult
    private func until(_ test: TestServer, _ isRight: (Value) -> Bool) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let status = await test.get(namespace + "/resourcequotas/rq").body["status"] ?? .null
            if isRight(status) || ContinuousClock.now > deadline {
                #expect(isRight(status))
                return status
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func pod(_ name: String, cpu: String? = nil, more: [(String, Value)] = []) -> Value {
        var container: Value = ["name": "c", "image": "nginx"]
        if let cpu { container["resources"] = ["requests": ["cpu": .string(cpu)]] }
        var spec: Value = ["containers": .array([container])]
        for (key, value) in more { spec[key] = value }
        return ["metadata": ["name": .string(name)], "spec": spec]
    }

    @Test func `let exactly as many through as they say, however many ask at once`() async throws {
        try await TestServer.with { test in
            try await quota(test, ["count/configmaps": "10", "configmaps": "50"])
            let made = await withTaskGroup(of: Int.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        await test.post(namespace + "/configmaps", ["metadata": ["name": .string("m\(index)")]]).status
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 == 201 ? 1 : 0 }
            }
            #expect(made == 10)
            #expect(test.store.count(prefix: "/registry/configmaps/default/") == 10)
            try await until(test) { $0["used"] == ["configmaps": "10", "count/configmaps": "10"] }
            let refused = await test.post(namespace + "/configmaps", ["metadata": ["name": "more"]])
            #expect(
                refused.message == "configmaps \"more\" is forbidden: exceeded quota: rq, requested: "
                    + "count/configmaps=1, used: count/configmaps=10, limited: count/configmaps=10")
        }
    }

    @Test func `count what pods ask for, and give it back`() async throws {
        try await TestServer.with { test in
            try await quota(test, ["requests.cpu": "1", "pods": "5"])
            #expect(await test.post(namespace + "/pods", pod("a", cpu: "600m")).status == 201)
            let refused = await test.post(namespace + "/pods", pod("b", cpu: "600m"))
            #expect(
                refused.message == "pods \"b\" is forbidden: exceeded quota: rq, requested: requests.cpu=600m, "
                    + "used: requests.cpu=600m, limited: requests.cpu=1")
            let silent = await test.post(namespace + "/pods", pod("c"))
            #expect(
                silent.message == "pods \"c\" is forbidden: failed quota: rq: must specify requests.cpu for: c")
            _ = await test.delete(namespace + "/pods/a")
            try await until(test) { $0["used"] == ["pods": "0", "requests.cpu": "0"] }
            #expect(await test.post(namespace + "/pods", pod("b", cpu: "600m")).status == 201)
        }
    }

    @Test func `a create that fails costs nothing`() async throws {
        try await TestServer.with { test in
            try await quota(test, ["secrets": "2"])
            let secret: Value = ["metadata": ["name": "s"]]
            #expect(await test.post(namespace + "/secrets", secret).status == 201)
            #expect(await test.post(namespace + "/secrets", secret).status == 409)
            try await until(test) { $0["used"] == ["secrets": "1"] }
        }
    }

    @Test func `with scopes only count what is in them`() async throws {
        try await TestServer.with { test in
            try await quota(test, ["pods": "1"], [("scopes", ["Terminating"])])
            #expect(await test.post(namespace + "/pods", pod("a")).status == 201)
            let short: [(String, Value)] = [("activeDeadlineSeconds", 5)]
            #expect(await test.post(namespace + "/pods", pod("b", more: short)).status == 201)
            #expect(await test.post(namespace + "/pods", pod("c", more: short)).status == 403)
            try await until(test) { $0["used"] == ["pods": "1"] }
        }
    }

    @Test func `follow their spec and count what was there before`() async throws {
        try await TestServer.with { test in
            _ = await test.post(
                namespace + "/services",
                ["metadata": ["name": "s"], "spec": ["type": "NodePort", "ports": [["port": 80]]]])
            try await quota(test, ["services.nodeports": "4"])
            try await until(test) { $0["used"] == ["services.nodeports": "1"] }
            let change: Value = ["spec": ["hard": ["services.nodeports": "1"]]]
            _ = await test.patch(namespace + "/resourcequotas/rq", .merge, change)
            try await until(test) { $0["hard"] == ["services.nodeports": "1"] }
            let more: Value = ["spec": ["ports": [["port": 80, "name": "a"], ["port": 81, "name": "b"]]]]
            let refused = await test.patch(namespace + "/services/s", .merge, more)
            #expect(refused.status == 403)
            #expect(refused.message.contains("requested: services.nodeports=1, used: services.nodeports=1"))
        }
    }
}

import APIMachinery
import Testing
import Transport

@testable import APIServer

private let base = "/apis/flowcontrol.apiserver.k8s.io/v1"

@Suite struct `Fairness` {
    private let busy = UserInfo(name: "busy", groups: ["system:authenticated"])
    private let calm = UserInfo(name: "calm", groups: ["system:authenticated"])

    private func info(_ method: String, _ path: String) -> RequestInfo {
        let request = HTTPRequest(
            method: method, path: path, query: nil, headers: HTTPFields(), body: [],
            connection: HTTPConnection(remoteAddress: "in-process", attachment: nil))
        return RequestInfo(request, query: Query(nil))
    }

    /// A level of one seat that nobody lends to, and its schema for `busy` and `calm`.
    private func narrow(_ test: TestServer, response: Value) async {
        let level = await test.post(
            base + "/prioritylevelconfigurations",
            [
                "metadata": ["name": "narrow"],
                "spec": [
                    "type": "Limited",
                    "limited": [
                        "nominalConcurrencyShares": 0, "borrowingLimitPercent": 0, "limitResponse": response,
                    ],
                ],
            ])
        #expect(level.status == 201)
        let users: [Value] = ["busy", "calm"].map { ["kind": "User", "user": ["name": $0]] }
        let rule: Value = [
            "subjects": .array(users),
            "resourceRules": [
                ["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"]]
            ],
        ]
        let schema = await test.post(
            base + "/flowschemas",
            [
                "metadata": ["name": "narrow"],
                "spec": [
                    "matchingPrecedence": 50, "priorityLevelConfiguration": ["name": "narrow"],
                    "distinguisherMethod": ["type": "ByUser"], "rules": .array([rule]),
                ],
            ])
        #expect(schema.status == 201)
    }

    @Test func `tells every answer's schema and level`() async throws {
        try await TestServer.with { test in
            let reply = await test.get("/api/v1/namespaces/default")
            let schema = await test.get(base + "/flowschemas/exempt").body.uid
            #expect(reply.headers["X-Kubernetes-PF-FlowSchema-UID"] == schema)
            let node = UserInfo(name: "system:node:n", groups: ["system:nodes", "system:authenticated"])
            let level = await test.get(base + "/prioritylevelconfigurations/node-high").body.uid
            let match = test.server.fairness.match(node, info("PATCH", "/api/v1/nodes/n/status"))
            #expect(match?.levelUID == level)
        }
    }

    @Test func `gives waiting flows their turn, and refuses what finds its queues full`() async throws {
        try await TestServer.with { test in
            await narrow(
                test,
                response: [
                    "type": "Queue", "queuing": ["queues": 64, "handSize": 8, "queueLengthLimit": 2],
                ])
            let fairness = test.server.fairness
            let write = info("POST", "/api/v1/namespaces/default/configmaps")
            let flood = try #require(fairness.match(busy, write))
            guard case .entered(let held) = fairness.enter(flood) else {
                Issue.record("the first request found no seat")
                return
            }
            guard case .full = fairness.enter(flood) else {
                Issue.record("a second request found a seat")
                return
            }
            let served = Guarded<[String]>([])
            await withTaskGroup(of: Void.self) { group in
                func ask(_ user: UserInfo, _ name: String) {
                    guard let match = fairness.match(user, write) else { return }
                    group.addTask {
                        let seat = await fairness.wait(match)
                        served.withLock { $0.append(seat == nil ? "refused" : name) }
                        if let seat { fairness.leave(seat) }
                    }
                }
                for _ in 0..<24 { ask(busy, "busy") }
                // Those past the queue's length are refused while the others wait.
                while served.withLock({ $0.count }) < 8 { await Task.yield() }
                ask(calm, "calm")
                for _ in 0..<1000 { await Task.yield() }
                fairness.leave(held)
            }
            let order = served.withLock { $0 }
            // A flow has eight queues of two at most; another flow finds room in its own.
            #expect(order.count { $0 == "refused" } >= 8)
            #expect(order.count { $0 == "busy" } <= 16)
            #expect(order.contains("calm"))
        }
    }

    @Test func `answers 429 where a level keeps nobody waiting`() async throws {
        try await TestServer.with { test in
            await narrow(test, response: ["type": "Reject"])
            let fairness = test.server.fairness
            let match = try #require(fairness.match(busy, info("POST", "/api/v1/namespaces/default/configmaps")))
            guard case .entered(let held) = fairness.enter(match) else {
                Issue.record("no seat")
                return
            }
            _ = await test.post(
                "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                [
                    "metadata": ["name": "busy"],
                    "roleRef": [
                        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin",
                    ],
                    "subjects": [["kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "busy"]],
                ])
            let body: Value = ["metadata": ["name": "m"]]
            let path = "/api/v1/namespaces/default/configmaps"
            let refused = await test.send("POST", path, body.jsonBytes(), as: busy)
            #expect(refused.status == 429)
            #expect(refused.headers["Retry-After"] == "1")
            // Masters and health checks are exempt.
            #expect(await test.post(path, ["metadata": ["name": "n"]]).status == 201)
            #expect(await test.send("GET", "/healthz", as: busy).status == 200)
            fairness.leave(held)
            #expect(await test.send("POST", path, body.jsonBytes(), as: busy).status == 201)
        }
    }
}

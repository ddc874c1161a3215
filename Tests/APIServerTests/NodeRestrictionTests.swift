import APIMachinery
import APIServer
import Testing
import Transport

@Suite struct `Nodes` {
    private let node = UserInfo(name: "system:node:n1", groups: ["system:nodes", "system:authenticated"])

    private func send(_ test: TestServer, _ method: String, _ path: String, _ body: Value) async -> TestServer.Reply {
        let type = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        return await test.send(method, path, body.jsonBytes(), headers: ["Content-Type": type], as: node)
    }

    @Test func `write only themselves, and not what steers pods to them`() async throws {
        try await TestServer.with { test in
            let made = await send(test, "POST", "/api/v1/nodes", ["metadata": ["name": "n1"]])
            #expect(made.status == 201)
            let other = await send(test, "POST", "/api/v1/nodes", ["metadata": ["name": "n2"]])
            #expect(
                other.message == "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"")
            let label: Value = ["metadata": ["labels": ["node-role.kubernetes.io/master": ""]]]
            let labelled = await send(test, "PATCH", "/api/v1/nodes/n1", label)
            #expect(
                labelled.message == "nodes \"n1\" is forbidden: is not allowed to modify labels: "
                    + "node-role.kubernetes.io/master")
            let own: Value = ["metadata": ["labels": ["topology.kubernetes.io/zone": "a"]]]
            #expect(await send(test, "PATCH", "/api/v1/nodes/n1", own).status == 200)
            let taints: Value = ["spec": ["taints": .null]]
            let untainted = await send(test, "PATCH", "/api/v1/nodes/n1", taints)
            #expect(untainted.message == "nodes \"n1\" is forbidden: node \"n1\" is not allowed to modify taints")
        }
    }

    @Test func `make no pods but mirrors of their own`() async throws {
        try await TestServer.with { test in
            let reply = await send(test, "POST", "/api/v1/namespaces/default/pods", Sample.pod("p"))
            #expect(reply.status == 403)
            #expect(
                reply.message == "pods \"p\" is forbidden: pod does not have \"kubernetes.io/config.mirror\" "
                    + "annotation, node \"n1\" can only create mirror pods")
        }
    }

    @Test func `give pods their zone, and bound their growth`() async throws {
        try await TestServer.with { test in
            _ = await test.post(
                "/api/v1/nodes",
                [
                    "metadata": [
                        "name": "n1", "labels": ["topology.kubernetes.io/zone": "z", "kubernetes.io/os": "linux"],
                    ],
                    "status": ["allocatable": ["cpu": "1", "memory": "1Gi"]],
                ])
            let pod: Value = [
                "metadata": ["name": "p"],
                "spec": [
                    "nodeName": "n1",
                    "containers": [["name": "c", "image": "nginx", "resources": ["requests": ["cpu": "100m"]]]],
                ],
            ]
            let made = await test.post("/api/v1/namespaces/default/pods", pod)
            #expect(made.body[path: "metadata", "labels", "topology.kubernetes.io/zone"] == "z")
            let size: Value = ["spec": ["containers": [["name": "c", "resources": ["requests": ["cpu": "2"]]]]]]
            let refused = await test.patch("/api/v1/namespaces/default/pods/p/resize", .strategic, size)
            #expect(
                refused.message == "pods \"p\" is forbidden: Node didn't have enough allocatable resources: "
                    + "cpu, requested: 2000, allocatable: 1000")
        }
    }
}

import APIMachinery
import APIServer
import Testing

private let namespace = "/api/v1/namespaces/default"

@Suite struct `Limit ranges` {
    private func limit(_ test: TestServer, _ item: Value) async {
        _ = await test.post(
            namespace + "/limitranges", ["metadata": ["name": "lr"], "spec": ["limits": .array([item])]])
    }

    private func pod(_ resources: Value...) -> Value {
        let containers = resources.enumerated().map { index, resources -> Value in
            ["name": .string("c\(index)"), "image": "nginx", "resources": resources]
        }
        return ["metadata": ["name": "p"], "spec": ["containers": .array(containers)]]
    }

    @Test func `give containers their defaults and say so`() async throws {
        try await TestServer.with { test in
            await limit(test, ["type": "Container", "default": ["cpu": "1"], "defaultRequest": ["memory": "64Mi"]])
            let made = await test.post(namespace + "/pods", pod([:])).body
            let resources = try #require(made[path: "spec", "containers"]?.array?.first?["resources"])
            #expect(resources == ["limits": ["cpu": "1"], "requests": ["cpu": "1", "memory": "64Mi"]])
            #expect(
                made[path: "metadata", "annotations", "kubernetes.io/limit-ranger"]
                    == "LimitRanger plugin set: cpu, memory request for container c0; cpu limit for container c0")
        }
    }

    struct Bound: Sendable {
        let resources: Value
        let why: String
    }

    @Test(arguments: [
        Bound(
            resources: ["requests": ["cpu": "50m"], "limits": ["cpu": "100m"]],
            why: "minimum cpu usage per Container is 100m, but request is 50m"),
        Bound(resources: ["limits": ["cpu": "2"]], why: "maximum cpu usage per Container is 1, but limit is 2"),
        Bound(
            resources: ["requests": ["cpu": "100m"], "limits": ["cpu": "950m"]],
            why: "cpu max limit to request ratio per Container is 4, but provided ratio is 9.500000"),
    ])
    func `refuse containers past their bounds`(bound: Bound) async throws {
        try await TestServer.with { test in
            await limit(
                test,
                ["type": "Container", "min": ["cpu": "100m"], "max": ["cpu": "1"], "maxLimitRequestRatio": ["cpu": 4]])
            let reply = await test.post(namespace + "/pods", pod(bound.resources))
            #expect(reply.status == 403)
            #expect(reply.message == "pods \"p\" is forbidden: " + bound.why)
        }
    }

    @Test func `count a pod as the sum of its containers`() async throws {
        try await TestServer.with { test in
            await limit(test, ["type": "Pod", "max": ["cpu": "1"]])
            let reply = await test.post(
                namespace + "/pods", pod(["limits": ["cpu": "600m"]], ["limits": ["cpu": "600m"]]))
            #expect(reply.message == "pods \"p\" is forbidden: maximum cpu usage per Pod is 1, but limit is 1200m")
        }
    }

    @Test func `bound claims`() async throws {
        try await TestServer.with { test in
            await limit(
                test, ["type": "PersistentVolumeClaim", "min": ["storage": "2Gi"], "max": ["storage": "5Gi"]])
            let reply = await test.post(
                namespace + "/persistentvolumeclaims",
                [
                    "metadata": ["name": "c"],
                    "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "9Gi"]]],
                ])
            #expect(
                reply.message == "persistentvolumeclaims \"c\" is forbidden: "
                    + "maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 9Gi")
        }
    }
}

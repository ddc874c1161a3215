import APIMachinery
import APIServer
import Testing

private let pods = "/api/v1/namespaces/default/pods"
private let services = "/api/v1/namespaces/default/services"

@Suite struct `Admission` {
    @Test func `a pod gets its account, token, tolerations and priority`() async throws {
        try await TestServer.with { test in
            let pod = await test.post(pods, Sample.pod("p")).body
            let spec = try #require(pod["spec"])
            #expect(spec["serviceAccountName"] == "default")
            let mount = spec["containers"]?.array?.first?["volumeMounts"]?.array?.first
            #expect(mount?["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount")
            #expect(spec["tolerations"]?.array?.count == 2)
            #expect(spec["priority"] == 0)
            #expect(pod[path: "status", "qosClass"] == "BestEffort")
            #expect(pod[path: "metadata", "generation"] == 1)
        }
    }

    @Test func `a pod of an account that is not there is refused`() async throws {
        try await TestServer.with { test in
            var pod = Sample.pod("p")
            pod.set("nobody", at: ["spec", "serviceAccountName"])
            let reply = await test.post(pods, pod)
            #expect(reply.status == 403)
            #expect(
                reply.message == "pods \"p\" is forbidden: error looking up service account default/nobody: "
                    + "serviceaccount \"nobody\" not found")
        }
    }

    @Test func `a namespace that is not there is said to be so`() async throws {
        try await TestServer.with { test in
            let reply = await test.post("/api/v1/namespaces/nosuch/pods", Sample.pod("p"))
            #expect(reply.status == 404)
            #expect(reply.message == "namespaces \"nosuch\" not found")
        }
    }

    @Test func `services get addresses and ports of their own and give them back`() async throws {
        try await TestServer.with { test in
            func service(_ name: String, _ more: [(String, Value)] = []) -> Value {
                var spec: Value = ["ports": [["port": 80]]]
                for (key, value) in more { spec[key] = value }
                return ["metadata": ["name": .string(name)], "spec": spec]
            }
            var addresses = Set<String>()
            for index in 0..<10 {
                let made = await test.post(services, service("s\(index)", [("type", "NodePort")])).body
                addresses.insert(made[path: "spec", "clusterIP"]?.string ?? "")
                let port = made[path: "spec", "ports"]?.array?.first?["nodePort"]?.int ?? 0
                #expect((30000...32767).contains(port))
            }
            #expect(addresses.count == 10)
            let taken = try #require(addresses.first)
            let refused = await test.post(services, service("t", [("clusterIP", .string(taken))]))
            #expect(refused.status == 422)
            #expect(refused.message.contains("provided IP is already allocated"))
            for index in 0..<10 { _ = await test.delete(services + "/s\(index)") }
            #expect(await test.post(services, service("t", [("clusterIP", .string(taken))])).status == 201)
        }
    }

    @Test func `a new node is not ready, and keeps the status it came with`() async throws {
        try await TestServer.with { test in
            let node = await test.post(
                "/api/v1/nodes", ["metadata": ["name": "n"], "status": ["capacity": ["cpu": "4"]]]
            ).body
            #expect(node[path: "spec", "taints"]?.array?.first?["key"] == "node.kubernetes.io/not-ready")
            #expect(node[path: "status", "allocatable", "cpu"] == "4")
        }
    }

    @Test func `the kubernetes service is there from the start`() async throws {
        try await TestServer.with { test in
            let service = await test.get(services + "/kubernetes").body
            #expect(service[path: "spec", "clusterIP"] == "10.96.0.1")
            let slice = await test.get(
                "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
            ).body
            #expect(slice["endpoints"]?.array?.count == 1)
        }
    }
}

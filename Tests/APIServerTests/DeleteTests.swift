import APIMachinery
import APIServer
import Storage
import Testing
import Transport

private let configMaps = "/api/v1/namespaces/default/configmaps"
private let pods = "/api/v1/namespaces/default/pods"

@Suite struct `Deletion` {
    @Test func `a plain object goes at once and a Status says so`() async throws {
        try await TestServer.with { test in
            let made = await test.post(configMaps, Sample.configMap("a"))
            let reply = await test.delete(configMaps + "/a")
            #expect(reply.status == 200)
            #expect(reply.body["kind"] == "Status")
            #expect(reply.body[path: "details", "uid"] == made.body[path: "metadata", "uid"])
            #expect(await test.get(configMaps + "/a").status == 404)
        }
    }

    @Test func `a finalizer keeps an object until it is taken off`() async throws {
        try await TestServer.with { test in
            var object = Sample.configMap("a")
            object.set(["example.com/f"], at: ["metadata", "finalizers"])
            _ = await test.post(configMaps, object)
            let marked = await test.delete(configMaps + "/a")
            #expect(marked.body[path: "metadata", "deletionTimestamp"] != nil)
            #expect(await test.get(configMaps + "/a").status == 200)
            let last = await test.patch(configMaps + "/a", .merge, ["metadata": ["finalizers": .null]])
            #expect(last.status == 200)
            #expect(await test.get(configMaps + "/a").status == 404)
        }
    }

    @Test func `a scheduled pod has its grace period, an unscheduled one does not`() async throws {
        try await TestServer.with { test in
            _ = await test.post(pods, Sample.pod("waiting"))
            _ = await test.delete(pods + "/waiting")
            #expect(await test.get(pods + "/waiting").status == 404)
            _ = await test.post(pods, Sample.pod("running", node: "n1"))
            let marked = await test.delete(pods + "/running").body
            #expect(marked[path: "metadata", "deletionGracePeriodSeconds"] == 30)
            #expect(marked[path: "metadata", "generation"] == 2)
            #expect(await test.get(pods + "/running").status == 200)
            let done = await test.delete(pods + "/running", ["gracePeriodSeconds": 0])
            #expect(done.status == 200)
            #expect(await test.get(pods + "/running").status == 404)
        }
    }

    @Test func `propagation policies become finalizers`() async throws {
        try await TestServer.with { test in
            for (policy, finalizer) in [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")] {
                _ = await test.post(configMaps, Sample.configMap(policy.lowercased()))
                let marked = await test.delete(
                    configMaps + "/" + policy.lowercased() + "?propagationPolicy=" + policy)
                #expect(marked.body[path: "metadata", "finalizers"] == [.string(finalizer)])
            }
        }
    }

    @Test func `preconditions protect against the wrong object`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("a"))
            let reply = await test.delete(configMaps + "/a", ["preconditions": ["uid": "other"]])
            #expect(reply.status == 409)
            #expect(
                reply.message.hasPrefix("Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition")
            )
        }
    }

    @Test func `a collection goes by selector`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("a", labels: ["x": "1"]))
            _ = await test.post(configMaps, Sample.configMap("b", labels: ["x": "2"]))
            let reply = await test.delete(configMaps + "?labelSelector=x%3D1")
            #expect(reply.body["kind"] == "ConfigMapList")
            #expect(await test.get(configMaps + "/a").status == 404)
            #expect(await test.get(configMaps + "/b").status == 200)
        }
    }

    @Test func `a namespace waits for its finalizer and refuses new content`() async throws {
        try await TestServer.with { test in
            let made = await test.post("/api/v1/namespaces", ["metadata": ["name": "going"]])
            #expect(made.body[path: "spec", "finalizers"] == ["kubernetes"])
            let marked = await test.delete("/api/v1/namespaces/going").body
            #expect(marked[path: "status", "phase"] == "Terminating")
            let refused = await test.post("/api/v1/namespaces/going/configmaps", Sample.configMap("a"))
            #expect(refused.status == 403)
            #expect(refused.message.hasSuffix("because it is being terminated"))
            var final = marked
            final["spec"] = [:]
            #expect(await test.put("/api/v1/namespaces/going/finalize", final).status == 200)
            #expect(await test.get("/api/v1/namespaces/going").status == 404)
            #expect(await test.delete("/api/v1/namespaces/default").status == 403)
        }
    }
}

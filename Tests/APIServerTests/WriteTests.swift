import APIMachinery
import APIServer
import Storage
import Testing
import Transport

private let configMaps = "/api/v1/namespaces/default/configmaps"
private let pods = "/api/v1/namespaces/default/pods"
private let deployments = "/apis/apps/v1/namespaces/default/deployments"

@Suite struct `Writes through the pipeline` {
    @Test func `a created object carries what the server gives it`() async throws {
        try await TestServer.with { test in
            let reply = await test.post(configMaps, Sample.configMap("a"))
            #expect(reply.status == 201)
            let metadata = try #require(reply.body["metadata"])
            #expect(metadata["uid"]?.string?.count == 36)
            #expect(Int64(metadata["resourceVersion"]?.string ?? "") == test.store.revision)
            #expect(metadata["creationTimestamp"]?.string?.hasSuffix("Z") == true)
            #expect(await test.get(configMaps + "/a").body == reply.body)
        }
    }

    @Test func `a second create of the same name is refused in upstream's words`() async throws {
        try await TestServer.with { test in
            _ = await test.post(deployments, Sample.deployment("d"))
            let reply = await test.post(deployments, Sample.deployment("d"))
            #expect(reply.status == 409)
            #expect(reply.message == "deployments.apps \"d\" already exists")
            #expect(reply.reason == "AlreadyExists")
        }
    }

    @Test func `generateName makes names that do not collide`() async throws {
        try await TestServer.with { test in
            var names = Set<String>()
            for _ in 0..<20 {
                var object = Sample.configMap("x")
                object["metadata"] = ["generateName": "gen-"]
                names.insert(await test.post(configMaps, object).body[path: "metadata", "name"]?.string ?? "")
            }
            #expect(names.count == 20)
            #expect(names.allSatisfy { $0.hasPrefix("gen-") && $0.count == 9 })
        }
    }

    @Test func `an update of a stale state is a conflict, and an empty one is no write`() async throws {
        try await TestServer.with { test in
            let first = await test.post(configMaps, Sample.configMap("a")).body
            var second = first
            second["data"] = ["k": "w"]
            let updated = await test.put(configMaps + "/a", second)
            #expect(updated.status == 200)
            let stale = await test.put(configMaps + "/a", first)
            #expect(stale.status == 409)
            #expect(
                stale.message == "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
                    + "please apply your changes to the latest version and try again")
            let revision = test.store.revision
            let same = await test.put(configMaps + "/a", updated.body)
            #expect(same.body == updated.body)
            #expect(test.store.revision == revision)
        }
    }

    @Test func `the three patches change what they name`() async throws {
        try await TestServer.with { test in
            _ = await test.post(deployments, Sample.deployment("d"))
            let strategic = await test.patch(
                deployments + "/d", .strategic,
                ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "nginx:2.0"]]]]]])
            #expect(strategic.status == 200)
            let containers = strategic.body[path: "spec", "template", "spec", "containers"]?.array ?? []
            #expect(containers.count == 1)
            #expect(containers.first?["image"] == "nginx:2.0")
            #expect(strategic.body[path: "metadata", "generation"] == 2)
            let merged = await test.patch(deployments + "/d", .merge, ["metadata": ["labels": ["x": "y"]]])
            #expect(merged.body[path: "metadata", "labels", "x"] == "y")
            #expect(merged.body[path: "metadata", "generation"] == 2)
            let json = await test.patch(
                deployments + "/d", .json, [["op": "replace", "path": "/spec/replicas", "value": 0]])
            #expect(json.body[path: "spec", "replicas"] == 0)
        }
    }

    @Test func `invalid objects are refused with their causes`() async throws {
        try await TestServer.with { test in
            var bad = Sample.deployment("d")
            bad.set(["matchLabels": ["app": "other"]], at: ["spec", "selector"])
            bad.set(.int(-1), at: ["spec", "replicas"])
            let reply = await test.post(deployments, bad)
            #expect(reply.status == 422)
            let causes = reply.body[path: "details", "causes"]?.array ?? []
            #expect(causes.map { $0["field"]?.string } == ["spec.replicas", "spec.template.metadata.labels"])
            #expect(reply.message.hasPrefix("Deployment.apps \"d\" is invalid: [spec.replicas: Invalid value: -1: "))
        }
    }

    @Test(arguments: [("Strict", 400, 0), ("Warn", 201, 1), ("Ignore", 201, 0)])
    func `unknown fields are refused, warned of or passed over`(mode: String, status: Int, warnings: Int) async throws {
        try await TestServer.with { test in
            var object = Sample.configMap("a")
            object["bogus"] = 1
            let reply = await test.post(configMaps + "?fieldValidation=" + mode, object)
            #expect(reply.status == status)
            #expect(reply.headers.values(of: "warning").count == warnings)
            if status == 400 {
                #expect(
                    reply.message == "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: "
                        + "strict decoding error: unknown field \"bogus\"")
            }
        }
    }

    @Test func `a dry run answers as if it had been done`() async throws {
        try await TestServer.with { test in
            let revision = test.store.revision
            #expect(await test.post(configMaps + "?dryRun=All", Sample.configMap("a")).status == 201)
            #expect(test.store.revision == revision)
            #expect(await test.get(configMaps + "/a").status == 404)
        }
    }

    @Test func `status and spec are written apart`() async throws {
        try await TestServer.with { test in
            var object = await test.post(deployments, Sample.deployment("d")).body
            object["status"] = ["replicas": 3]
            object.set(.int(5), at: ["spec", "replicas"])
            let main = await test.put(deployments + "/d", object).body
            #expect(main[path: "status", "replicas"] == nil)
            #expect(main[path: "spec", "replicas"] == 5)
            let status = await test.patch(
                deployments + "/d/status", .merge, ["status": ["replicas": 2], "spec": ["replicas": 9]]
            ).body
            #expect(status[path: "status", "replicas"] == 2)
            #expect(status[path: "spec", "replicas"] == 5)
            #expect(status[path: "metadata", "generation"] == 2)
        }
    }

    @Test func `scale reads and writes the replicas`() async throws {
        try await TestServer.with { test in
            _ = await test.post(deployments, Sample.deployment("d"))
            let scaled = await test.patch(deployments + "/d/scale", .merge, ["spec": ["replicas": 4]])
            #expect(scaled.body["kind"] == "Scale")
            #expect(scaled.body[path: "spec", "replicas"] == 4)
            #expect(scaled.body[path: "status", "selector"] == "app=a")
            #expect(await test.get(deployments + "/d").body[path: "spec", "replicas"] == 4)
        }
    }

    @Test func `a pod is bound once`() async throws {
        try await TestServer.with { test in
            _ = await test.post(pods, Sample.pod("p"))
            let binding: Value = [
                "apiVersion": "v1", "kind": "Binding", "metadata": ["name": "p"],
                "target": ["kind": "Node", "name": "n1"],
            ]
            #expect(await test.post(pods + "/p/binding", binding).status == 201)
            #expect(await test.get(pods + "/p").body[path: "spec", "nodeName"] == "n1")
            let again = await test.post(pods + "/p/binding", binding)
            #expect(again.status == 409)
            #expect(again.message.hasSuffix("pod p is already assigned to node \"n1\""))
        }
    }

    @Test func `wrong bodies get upstream's answers`() async throws {
        try await TestServer.with { test in
            let broken = await test.send("POST", configMaps, Array("{".utf8))
            #expect(broken.status == 400)
            #expect(
                broken.message == "the object provided is unrecognized (must be of type ConfigMap): "
                    + "couldn't get version/kind; json parse error: unexpected end of JSON input ({)")
            let other = await test.send("POST", configMaps, [], headers: ["Content-Type": "text/plain"])
            #expect(other.status == 415)
            let large = await test.send("POST", configMaps, [UInt8](repeating: 32, count: 3 << 20 + 1))
            #expect(large.status == 413 || large.status == 400)
            let wrong = await test.post(
                "/api/v1/namespaces/default/secrets", Sample.configMap("a"))
            #expect(wrong.message.hasPrefix("ConfigMap in version \"v1\" cannot be handled as a Secret"))
            #expect(await test.send("POST", configMaps + "/a", []).status == 405)
            #expect(await test.get("/apis/apps/v1/nosuch").status == 404)
            #expect(await test.get(configMaps, accept: "text/html").status == 406)
        }
    }
}

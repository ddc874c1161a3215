import APIMachinery
import APIServer
import Storage
import Testing
import Transport

private let configMaps = "/api/v1/namespaces/default/configmaps"
private let deployment = "/apis/apps/v1/namespaces/default/deployments/d"

extension TestServer {
    fileprivate func apply(_ target: String, _ manager: String, _ body: String, query: String = "") async -> Reply {
        await send(
            "PATCH", target + "?fieldManager=" + manager + query, Array(body.utf8),
            headers: ["Content-Type": "application/apply-patch+yaml"])
    }

    fileprivate func applyMap(_ manager: String, _ data: String, query: String = "") async -> Reply {
        await apply(
            configMaps + "/m", manager, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: \(data)}",
            query: query)
    }

    fileprivate func applyDeployment(_ manager: String, _ spec: String, query: String = "") async -> Reply {
        await apply(
            deployment, manager, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: \(spec)}",
            query: query)
    }
}

/// `manager operation subresource fields`, a line an entry.
private func owners(_ reply: TestServer.Reply) -> [String] {
    (reply.body[path: "metadata", "managedFields"]?.array ?? []).map { entry in
        [entry["manager"], entry["operation"], entry["subresource"]].compactMap { $0?.string }.joined(separator: " ")
            + " " + (entry["fieldsV1"]?.jsonText ?? "")
    }
}

private let template = "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: "

@Suite struct `Managed fields of updates` {
    @Test func `every writer owns what it set last`() async throws {
        try await TestServer.with { test in
            let created = await test.send(
                "POST", configMaps, Sample.configMap("m", data: ["a": "1", "b": "2"]).jsonBytes(),
                headers: ["User-Agent": "first/1.0 (linux)"])
            #expect(owners(created) == [#"first Update {"f:data":{".":{},"f:a":{},"f:b":{}}}"#])
            let patched = await test.patch(configMaps + "/m?fieldManager=second", .merge, ["data": ["a": "x"]])
            #expect(
                owners(patched).sorted() == [
                    #"first Update {"f:data":{".":{},"f:b":{}}}"#, #"second Update {"f:data":{"f:a":{}}}"#,
                ])
            let removed = await test.patch(configMaps + "/m?fieldManager=second", .merge, ["data": ["b": .null]])
            #expect(
                owners(removed).sorted() == [
                    #"first Update {"f:data":{}}"#, #"second Update {"f:data":{"f:a":{}}}"#,
                ])
        }
    }

    @Test func `an empty list resets them, and nobody is tracked after that`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("m"))
            let reset = await test.patch(
                configMaps + "/m", .json, [["op": "replace", "path": "/metadata/managedFields", "value": [[:]]]])
            #expect(reset.status == 200)
            #expect(owners(reset).isEmpty)
            #expect(owners(await test.patch(configMaps + "/m", .merge, ["data": ["z": "1"]])).isEmpty)
        }
    }

    @Test func `a malformed list is ignored`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps + "?fieldManager=a", Sample.configMap("m"))
            let entry: Value = ["manager": "x", "operation": "Nonsense", "apiVersion": "v1", "fieldsType": "FieldsV1"]
            let reply = await test.patch(configMaps + "/m", .merge, ["metadata": ["managedFields": [entry]]])
            #expect(owners(reply).map { $0.prefix(8) } == ["a Update"])
        }
    }

    @Test func `the oldest of too many updaters become one`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps + "?fieldManager=m0", Sample.configMap("m"))
            var last = await test.get(configMaps + "/m")
            for index in 1...13 {
                last = await test.patch(
                    configMaps + "/m?fieldManager=m\(index)", .merge, ["data": .object(.init([("k\(index)", "v")]))])
            }
            let names = owners(last).map { String($0.prefix { $0 != " " }) }
            #expect(names.count == 10)
            #expect(names.contains("ancient-changes"))
        }
    }

    @Test func `status, scale and the spec have owners of their own`() async throws {
        try await TestServer.with { test in
            _ = await test.applyDeployment("one", "{replicas: 2, \(template)[{name: c, image: i}]}}}")
            let status = await test.patch(deployment + "/status?fieldManager=st", .merge, ["status": ["replicas": 1]])
            #expect(owners(status).contains(#"st Update status {"f:status":{"f:replicas":{}}}"#))
            let scaled = await test.patch(deployment + "/scale?fieldManager=sc", .merge, ["spec": ["replicas": 5]])
            #expect(scaled.status == 200)
            let after = await test.get(deployment)
            #expect(owners(after).contains(#"sc Update scale {"f:spec":{"f:replicas":{}}}"#))
            #expect(!owners(after).contains { $0.hasPrefix("one Apply") && $0.contains("f:replicas") })
        }
    }
}

@Suite struct `Server-side apply` {
    @Test func `creates, and the same again changes nothing`() async throws {
        try await TestServer.with { test in
            let created = await test.applyMap("one", "{a: '1'}")
            #expect(created.status == 201)
            #expect(owners(created) == [#"one Apply {"f:data":{"f:a":{}}}"#])
            let revision = test.store.revision
            let again = await test.applyMap("one", "{a: '1'}")
            #expect(again.status == 200)
            #expect(again.body == created.body)
            #expect(test.store.revision == revision)
        }
    }

    @Test func `another manager's fields are a conflict until it is forced`() async throws {
        try await TestServer.with { test in
            _ = await test.applyMap("one", "{a: '1', b: '1'}")
            let refused = await test.applyMap("two", "{a: '2', b: '2'}")
            #expect(refused.status == 409)
            #expect(
                refused.message == "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b")
            #expect(refused.body[path: "details", "causes"]?.array?.first?["reason"] == "FieldManagerConflict")
            let forced = await test.applyMap("two", "{a: '2'}", query: "&force=true")
            #expect(
                owners(forced).sorted() == [#"one Apply {"f:data":{"f:b":{}}}"#, #"two Apply {"f:data":{"f:a":{}}}"#])
        }
    }

    @Test func `equal values are shared, and go with their last owner`() async throws {
        try await TestServer.with { test in
            _ = await test.applyMap("one", "{a: '1', b: '1'}")
            _ = await test.applyMap("two", "{a: '1'}")
            let kept = await test.applyMap("one", "{b: '1'}")
            #expect(kept.body["data"] == ["a": "1", "b": "1"])
            let gone = await test.applyMap("two", "{}")
            #expect(gone.body["data"] == ["b": "1"])
        }
    }

    @Test func `what was there before the first apply has a name`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("m", data: ["a": "1"]))
            _ = await test.patch(configMaps + "/m", .merge, ["metadata": ["managedFields": []]])
            let refused = await test.applyMap("one", "{a: '2'}")
            #expect(
                refused.message
                    == "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a")
        }
    }

    @Test func `containers and ports are told apart by their keys`() async throws {
        try await TestServer.with { test in
            _ = await test.applyDeployment("one", "{\(template)[{name: c, image: i, ports: [{containerPort: 80}]}]}}}")
            let both = await test.applyDeployment(
                "two", "{template: {spec: {containers: [{name: d, image: j}, {name: c, args: [x]}]}}}")
            #expect(both.status == 200)
            let containers = both.body[path: "spec", "template", "spec", "containers"]?.array ?? []
            #expect(containers.map { $0["name"]?.string } == ["d", "c"])
            #expect(containers.last?["ports"]?.array?.count == 1)
            #expect(
                owners(both).contains {
                    $0.hasPrefix("one Apply") && $0.contains(#"k:{\"containerPort\":80,\"protocol\":\"TCP\"}"#)
                })
            let back = await test.applyDeployment("two", "{}")
            #expect((back.body[path: "spec", "template", "spec", "containers"]?.array ?? []).count == 1)
        }
    }

    @Test func `kubectl takes over what it set on the client's side`() async throws {
        try await TestServer.with { test in
            let last = #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1"}}"#
            var object = Sample.configMap("m", data: ["a": "1"])
            object["metadata"] = [
                "name": "m", "annotations": ["kubectl.kubernetes.io/last-applied-configuration": .string(last)],
            ]
            _ = await test.post(configMaps + "?fieldManager=kubectl-client-side-apply", object)
            #expect(await test.applyMap("other", "{a: '2'}").status == 409)
            let taken = await test.applyMap("kubectl", "{a: '2'}")
            #expect(taken.status == 200)
            #expect(taken.body["data"] == ["a": "2"])
            let shown = taken.body[path: "metadata", "annotations"]?.fields?.entries.first?.value.string ?? ""
            #expect(shown.contains(#""data":{"a":"2"}"#))
        }
    }

    @Test(arguments: [
        (
            "", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}", 422,
            "PatchOptions.meta.k8s.io \"\" is invalid: "
                + "fieldManager: Required value: is required for apply patch"
        ),
        (
            "x", "{apiVersion: v2, kind: ConfigMap, metadata: {name: m}}", 400,
            "invalid object type: /v2, Kind=ConfigMap"
        ),
        (
            "x", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, managedFields: []}}", 400,
            "metadata.managedFields must be nil"
        ),
        (
            "x", "{apiVersion: v1, kind: ConfigMap, metadata: {name: q}}", 400,
            "the name of the object (q) does not match the name on the URL (m)"
        ),
        (
            "x", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, bogus: 1}", 500,
            "failed to create typed patch object (/m; /v1, Kind=ConfigMap): .bogus: field not declared in schema"
        ),
    ])
    func `wrong applies get upstream's answers`(manager: String, body: String, status: Int, message: String)
        async throws
    {
        try await TestServer.with { test in
            let reply = await test.apply(configMaps + "/m", manager, body)
            #expect(reply.status == status)
            #expect(reply.message == message)
        }
    }

    @Test func `a scale can be applied, and a dry run writes nothing`() async throws {
        try await TestServer.with { test in
            _ = await test.applyDeployment("one", "{\(template)[{name: c, image: i}]}}}")
            let scale = "{apiVersion: autoscaling/v1, kind: Scale, metadata: {name: d}, spec: {replicas: 3}}"
            #expect(await test.apply(deployment + "/scale", "sc", scale, query: "&force=true").status == 200)
            let after = await test.get(deployment)
            #expect(after.body[path: "spec", "replicas"] == 3)
            #expect(owners(after).contains(#"sc Apply scale {"f:spec":{"f:replicas":{}}}"#))
            let revision = test.store.revision
            #expect(await test.applyMap("one", "{a: '1'}", query: "&dryRun=All").status == 201)
            #expect(test.store.revision == revision)
        }
    }
}

import APIMachinery
import APIServer
import Storage
import Testing
import Transport

private let configMaps = "/api/v1/namespaces/default/configmaps"

@Suite struct `Lists` {
    @Test func `come in consistent pages`() async throws {
        try await TestServer.with { test in
            for index in 0..<5 { _ = await test.post(configMaps, Sample.configMap("c\(index)")) }
            let first = await test.get(configMaps + "?limit=2").body
            #expect(first[path: "metadata", "remainingItemCount"] == 3)
            let token = try #require(first[path: "metadata", "continue"]?.string)
            _ = await test.delete(configMaps + "/c4")
            let second = await test.get(configMaps + "?limit=9&continue=" + token).body
            let names = second["items"]?.array?.map { $0[path: "metadata", "name"]?.string ?? "" }
            #expect(names == ["c2", "c3", "c4"], "the second page is read at the first one's revision")
            #expect(second[path: "metadata", "resourceVersion"] == first[path: "metadata", "resourceVersion"])
            #expect(second[path: "metadata", "continue"] == nil)
        }
    }

    @Test func `large answers are compressed and say so`() async throws {
        try await TestServer.with { test in
            let text = String(repeating: "0123456789", count: 20_000)
            _ = await test.post(configMaps, Sample.configMap("large", data: ["k": .string(text)]))
            let request = HTTPRequest(
                method: "GET", path: configMaps + "/large", headers: ["Accept-Encoding": "gzip"],
                connection: HTTPConnection(remoteAddress: "127.0.0.1:1", attachment: TestServer.admin))
            let reply = await InProcessHTTP.send(test.server, request)
            #expect(reply.headers["Content-Encoding"] == "gzip")
            let bytes = try #require(Gzip.decompress(reply.body, bytesMax: 1 << 20))
            #expect(try Value(json: bytes)[path: "data", "k"]?.string == text)
        }
    }

    @Test func `items have no kind of their own, as upstream sends them`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("a"))
            let list = await test.get(configMaps).body
            #expect(list["kind"] == "ConfigMapList")
            #expect(list["items"]?.array?.first?["kind"] == nil)
            #expect(list["items"]?.array?.first?["data"] == ["k": "v"])
        }
    }

    @Test(arguments: [
        ("labelSelector=app%3Da", ["one", "two"]), ("labelSelector=app%20in%20(a),tier!%3Dx", ["two"]),
        ("labelSelector=!tier", ["three", "two"]), ("fieldSelector=metadata.name%3Done", ["one"]),
        ("fieldSelector=metadata.name!%3Done", ["three", "two"]),
    ])
    func `follow their selectors`(query: String, expected: [String]) async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("one", labels: ["app": "a", "tier": "x"]))
            _ = await test.post(configMaps, Sample.configMap("two", labels: ["app": "a"]))
            _ = await test.post(configMaps, Sample.configMap("three", labels: ["app": "b"]))
            let list = await test.get(configMaps + "?" + query).body
            #expect(list["items"]?.array?.map { $0[path: "metadata", "name"]?.string } == expected)
        }
    }

    @Test(arguments: [
        (
            "fieldSelector=data.k%3Dv", 400,
            "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ),
        (
            "resourceVersionMatch=Exact", 422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        ),
    ])
    func `refuse what cannot be asked`(query: String, status: Int, message: String) async throws {
        try await TestServer.with { test in
            let reply = await test.get(configMaps + "?" + query)
            #expect(reply.status == status)
            #expect(reply.message == message)
        }
    }

    @Test func `can be metadata only or a table`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("a"))
            let partial = await test.get(
                configMaps, accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
            ).body
            #expect(partial["kind"] == "PartialObjectMetadataList")
            #expect(partial["items"]?.array?.first?["data"] == nil)
            #expect(partial["items"]?.array?.first?[path: "metadata", "name"] == "a")
            let table = await test.get(
                configMaps, accept: "application/json;as=Table;g=meta.k8s.io;v=v1,application/json"
            ).body
            #expect(table["kind"] == "Table")
            #expect(table["rows"]?.array?.first?["cells"]?.array?.first == "a")
        }
    }

    @Test func `both groups of events show the same object`() async throws {
        try await TestServer.with { test in
            let event: Value = [
                "metadata": ["name": "e"], "involvedObject": ["kind": "Pod", "name": "p", "namespace": "default"],
                "reason": "R", "message": "M", "type": "Normal",
            ]
            #expect(await test.post("/api/v1/namespaces/default/events", event).status == 201)
            let shown = await test.get("/apis/events.k8s.io/v1/namespaces/default/events/e").body
            #expect(shown["apiVersion"] == "events.k8s.io/v1")
            #expect(shown[path: "regarding", "name"] == "p")
            #expect(shown["note"] == "M")
        }
    }
}

@Suite struct `Who gets in` {
    @Test func `strangers see health and version only`() async throws {
        try await TestServer.with { test in
            for path in ["/livez", "/readyz", "/version"] {
                #expect(await test.send("GET", path, as: .anonymous).status == 200)
            }
            let refused = await test.send("GET", configMaps, as: .anonymous)
            #expect(refused.status == 403)
            #expect(
                refused.message == "configmaps is forbidden: User \"system:anonymous\" cannot list resource "
                    + "\"configmaps\" in API group \"\" in the namespace \"default\"")
        }
    }

    @Test func `a bad token is 401 and a good one works`() async throws {
        try await TestServer.with { test in
            let bad = await test.send("GET", configMaps, headers: ["Authorization": "Bearer bad"], as: nil)
            #expect(bad.status == 401)
            let made = await test.post("/api/v1/namespaces/default/serviceaccounts/default/token", ["spec": [:]])
            let token = try #require(made.body[path: "status", "token"]?.string)
            let good = await test.send("GET", configMaps, headers: ["Authorization": "Bearer " + token], as: nil)
            #expect(good.status == 403)
        }
    }

    @Test func `reviews answer by the same authorizer`() async throws {
        try await TestServer.with { test in
            let review = await test.post(
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                ["spec": ["user": "bob", "resourceAttributes": ["verb": "get", "resource": "pods"]]])
            #expect(review.body[path: "status", "allowed"] == false)
            let me = await test.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", [:])
            #expect(me.body[path: "status", "userInfo", "username"] == "kubernetes-admin")
        }
    }
}

extension `Who gets in` {
    @Test func `an administrator may act as somebody else, who is then judged`() async throws {
        try await TestServer.with { test in
            let reply = await test.send("GET", configMaps, headers: ["Impersonate-User": "bob"])
            #expect(reply.status == 403)
            #expect(reply.message.contains("User \"bob\" cannot list resource \"configmaps\""))
            let me = await test.send(
                "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", Array("{}".utf8),
                headers: ["Impersonate-User": "bob", "Impersonate-Group": "g"])
            #expect(me.body[path: "status", "userInfo", "groups"] == ["g", "system:authenticated"])
        }
    }

    @Test func `health says what is ready, one by one`() async throws {
        try await TestServer.with { test in
            let verbose = await test.send("GET", "/readyz?verbose", as: .anonymous)
            let text = String(decoding: verbose.bytes, as: UTF8.self)
            #expect(text.hasSuffix("readyz check passed\n"))
            #expect(text.contains("[+]etcd ok"))
            #expect(await test.get("/livez/ping").status == 200)
            #expect(await test.send("GET", "/livez/ping", as: .anonymous).status == 403)
            #expect(await test.send("GET", "/metrics", as: .anonymous).status == 403)
            let metrics = await test.get("/metrics")
            #expect(String(decoding: metrics.bytes, as: UTF8.self).contains("apiserver_request_total{verb=\"CREATE\""))
        }
    }
}

import APIMachinery
import APIServer
import Testing
import Transport

private let configMaps = "/api/v1/namespaces/default/configmaps"
private let pods = "/api/v1/namespaces/default/pods"
private let deployments = "/apis/apps/v1/namespaces/default/deployments"

@Suite struct `Bodies that do not fit` {
    private static let deployment = """
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},\
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}
        """

    @Test(arguments: [
        (#""replicas":1e1"#, "number 1e1 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (#""replicas":2.0"#, "number 2.0 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (
            #""replicas":99999999999999999999"#,
            "number 99999999999999999999 into Go struct field DeploymentSpec.spec.replicas of type int32"
        ),
        (#""replicas":1e999"#, "number 1e999 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (#""replicas":"2""#, "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
    ])
    func `are quoted as they were sent`(member: String, message: String) async throws {
        try await TestServer.with { test in
            let reply = await test.send("POST", deployments, Array((Self.deployment + "," + member + "}}").utf8))
            #expect(reply.status == 400)
            #expect(
                reply.message == "Deployment in version \"v1\" cannot be handled as a Deployment: "
                    + "json: cannot unmarshal " + message)
        }
    }

    @Test func `findings come in the order of the text`() async throws {
        try await TestServer.with { test in
            let body = """
                {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","zzz":1},"spec":{"containers":[{"name":"c",\
                "image":"x","image":"y","foo":1,"foo":2}]}}
                """
            let reply = await test.send("POST", pods + "?fieldValidation=Strict", Array(body.utf8))
            #expect(
                reply.message == "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: "
                    + "unknown field \"metadata.zzz\", duplicate field \"spec.containers[0].image\", "
                    + "unknown field \"spec.containers[0].foo\"")
        }
    }

    @Test(arguments: [
        ("2020-13-01T00:00:00Z", "parsing time \"2020-13-01T00:00:00Z\": month out of range"),
        ("2020-02-30T00:00:00Z", "parsing time \"2020-02-30T00:00:00Z\": day out of range"),
        (
            "2020-01-01", "parsing time \"2020-01-01\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"T\""
        ),
        ("2020-01-01T00:00:00Zx", "parsing time \"2020-01-01T00:00:00Zx\": extra text: \"x\""),
        (
            "2020-01-01T00:00:00",
            "parsing time \"2020-01-01T00:00:00\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"Z07:00\""
        ),
    ])
    func `times say which part is wrong`(text: String, message: String) async throws {
        try await TestServer.with { test in
            let reply = await test.post(
                configMaps, ["metadata": ["name": "a", "deletionTimestamp": .string(text)]])
            #expect(reply.message == "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: " + message)
        }
    }

    @Test func `an object of another kind is read before it is refused`() async throws {
        try await TestServer.with { test in
            var secret: Value = ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "a"]]
            #expect(
                await test.post(configMaps, secret).message
                    == "Secret in version \"v1\" cannot be handled as a ConfigMap: "
                    + "converting (v1.Secret) to (core.ConfigMap): unknown conversion")
            secret["data"] = ["a": "1"]
            #expect(
                await test.post(configMaps, secret).message
                    == "Secret in version \"v1\" cannot be handled as a ConfigMap: illegal base64 data at input byte 0")
        }
    }
}

@Suite struct `Patches that do not fit` {
    @Test(arguments: [
        (
            TestServer.PatchType.strategic, #"{"spec":{"replicas":"x"}}"#, 422,
            "\"map[spec:map[replicas:x]]\": unrecognized type: int32"
        ),
        (.strategic, #"{"spec":{"template":[]}}"#, 422, "cannot restore struct from: slice"),
        (.strategic, #"{"metadata":{"labels":{"a":1}}}"#, 422, "cannot convert int64 to string"),
        (
            .strategic, #"{"$patch":"delete"}"#, 400,
            "the name of the object (d based on URL) was undeterminable: name must be provided"
        ),
        (.merge, #"{"kind":"Secret"}"#, 422, "no kind \"Secret\" is registered for version \"apps/v1\""),
        (.merge, #"{"spec":{"replicas":"x"}}"#, 422, "json: cannot unmarshal string into Go struct field"),
        (.json, #"[{"op":"replace","path":"/metadata/name","value":"q"}]"#, 400, "does not match the name on the URL"),
    ])
    func `are refused in the words of their kind`(
        type: TestServer.PatchType, patch: String, status: Int, message: String
    ) async throws {
        try await TestServer.with { test in
            _ = await test.post(deployments, Sample.deployment("d"))
            let reply = await test.send(
                "PATCH", deployments + "/d", Array(patch.utf8), headers: ["Content-Type": type.rawValue])
            #expect(reply.status == status)
            #expect(reply.message.contains(message), "\(reply.message)")
        }
    }

    @Test func `show the patched object as upstream orders it`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, ["metadata": ["name": "a", "labels": ["l": "m"]], "data": ["b": "1"]])
            let reply = await test.patch(configMaps + "/a", .merge, ["data": ["a": 5]])
            let shown = #"\"data\":{\"a\":5,\"b\":\"1\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"#
            #expect(reply.message.contains(shown), "\(reply.message)")
        }
    }
}

@Suite struct `Requests that ask for what is not there` {
    @Test(arguments: [
        ("?continue=x", 400, "invalid continue token: continue key is not valid: illegal base64 data at input byte 0"),
        (
            "?continue=bad", 400,
            "invalid continue token: continue key is not valid: invalid character 'm' looking for beginning of value"
        ),
        (
            "?resourceVersion=x", 400,
            "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": "
                + "invalid syntax"
        ),
        (
            "?watch=1&resourceVersion=x", 422,
            "configmaps \"\" is invalid: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": "
                + "invalid syntax"
        ),
    ])
    func `are told why`(query: String, status: Int, message: String) async throws {
        try await TestServer.with { test in
            let reply = await test.get(configMaps + query)
            #expect(reply.status == status)
            #expect(reply.message == message)
        }
    }

    @Test func `what is proxied to has to exist and to listen`() async throws {
        try await TestServer.with { test in
            let services = "/api/v1/namespaces/default/services"
            _ = await test.post(services, ["metadata": ["name": "s"], "spec": ["ports": [["port": 80]]]])
            #expect(await test.get(services + "/s/proxy").message == "no endpoints available for service \"s\"")
            #expect(
                await test.get(services + "/s:81/proxy").message == "no service port 81 found for service \"s\"")
            #expect(
                await test.get(services + "/a:b:c/proxy").message == "invalid service request \"a:b:c\"")
            #expect(await test.get(services + "/x:1/proxy").message == "services \"x\" not found")
        }
    }

    @Test func `an eviction takes a disruption of the budget, once`() async throws {
        try await TestServer.with { test in
            for name in ["a", "b"] {
                var pod = Sample.pod(name)
                pod.set(["app": "x"], at: ["metadata", "labels"])
                _ = await test.post(pods, pod)
                _ = await test.patch(
                    pods + "/\(name)/status", .merge,
                    ["status": ["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]]])
            }
            let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
            _ = await test.post(
                budgets,
                ["metadata": ["name": "p"], "spec": ["minAvailable": 1, "selector": ["matchLabels": ["app": "x"]]]])
            let eviction: Value = ["apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": ["name": "a"]]
            let early = await test.post(pods + "/a/eviction", eviction)
            #expect(early.status == 429)
            #expect(early.headers["Retry-After"] == "10")
            _ = await test.patch(
                budgets + "/p/status", .merge,
                [
                    "status": [
                        "observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1,
                    ]
                ]
            )
            #expect(await test.post(pods + "/a/eviction", eviction).status == 201)
            let second = await test.post(
                pods + "/b/eviction", ["apiVersion": "policy/v1", "kind": "Eviction", "metadata": ["name": "b"]])
            #expect(second.status == 429)
            #expect(await test.get(budgets + "/p").body[path: "status", "disruptedPods", "a"] != nil)
        }
    }
}

import APIMachinery
import APIServer
import Testing
import Transport

@Suite struct TokenTests {
    private static let accounts = "/api/v1/namespaces/default/serviceaccounts"
    private static let pods = "/api/v1/namespaces/default/pods"

    private static func request(_ spec: Value) -> Value { ["spec": spec] }

    private static func who(_ server: TestServer, _ token: String) async -> TestServer.Reply {
        await server.send(
            "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", Array("{}".utf8),
            headers: ["Authorization": "Bearer " + token, "Content-Type": "application/json"], as: nil)
    }

    @Test func `a token is its account's, says for whom it is, and dies with its pod`() async throws {
        try await TestServer.with { server in
            let spec: Value = ["containers": [["name": "c", "image": "i"]], "serviceAccountName": "default"]
            let pod = await server.post(Self.pods, ["metadata": ["name": "p"], "spec": spec])
            #expect(pod.status == 201)
            let bound: Value = ["boundObjectRef": ["kind": "Pod", "apiVersion": "v1", "name": "p"]]
            let made = await server.post(Self.accounts + "/default/token", Self.request(bound))
            let token = try #require(made.body[path: "status", "token"]?.string)
            let me = await Self.who(server, token).body[path: "status", "userInfo"]
            #expect(me?["username"] == "system:serviceaccount:default:default")
            #expect(me?["extra"]?["authentication.kubernetes.io/pod-name"] == ["p"])
            #expect(await Self.who(server, token + "x").status == 401)
            #expect(await Self.who(server, "nonsense").status == 401)

            let review = await server.post(
                "/apis/authentication.k8s.io/v1/tokenreviews",
                ["spec": ["token": .string(token), "audiences": ["zz"]]])
            #expect(
                review.body[path: "status", "error"]
                    == .string(
                        #"[invalid bearer token, token audiences ["https://kubernetes.default.svc.cluster.local"] "#
                            + #"is invalid for the target audiences ["zz"]]"#))

            _ = await server.delete(Self.pods + "/p", ["gracePeriodSeconds": 0])
            #expect(await Self.who(server, token).status == 401)
        }
    }

    @Test func `requests for tokens that cannot be are refused`() async throws {
        try await TestServer.with { server in
            let path = Self.accounts + "/default/token"
            for (spec, status, text): (Value, Int, String) in [
                (["expirationSeconds": 599], 422, "may not specify a duration less than 10 minutes"),
                (["boundObjectRef": ["kind": "Pod", "apiVersion": "v1", "name": "x"]], 404, #"pods "x" not found"#),
                (
                    ["boundObjectRef": ["kind": "ConfigMap", "apiVersion": "v1", "name": "x"]], 400,
                    "cannot bind token to object of type /v1, Kind=ConfigMap"
                ),
            ] {
                let reply = await server.post(path, Self.request(spec))
                #expect(reply.status == status)
                #expect(reply.message.hasSuffix(text))
            }
        }
    }

    @Test func `bootstrap tokens let in what their secret says`() async throws {
        try await TestServer.with { server in
            func secret(_ use: String) -> Value {
                [
                    "metadata": ["name": "bootstrap-token-abcdef"], "type": "bootstrap.kubernetes.io/token",
                    "stringData": [
                        "token-id": "abcdef", "token-secret": "0123456789abcdef",
                        "usage-bootstrap-authentication": .string(use),
                        "auth-extra-groups": "system:bootstrappers:a",
                    ],
                ]
            }
            let secrets = "/api/v1/namespaces/kube-system/secrets"
            #expect(await server.post(secrets, secret("true")).status == 201)
            let me = await Self.who(server, "abcdef.0123456789abcdef").body[path: "status", "userInfo"]
            #expect(me?["username"] == "system:bootstrap:abcdef")
            #expect(
                me?["groups"] == ["system:bootstrappers", "system:bootstrappers:a", "system:authenticated"])
            #expect(await Self.who(server, "abcdef.0123456789abcdee").status == 401)
            _ = await server.put(secrets + "/bootstrap-token-abcdef", secret("false"))
            #expect(await Self.who(server, "abcdef.0123456789abcdef").status == 401)
        }
    }
}

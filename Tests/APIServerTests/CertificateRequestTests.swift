import APIMachinery
import APIServer
import PKI
import Testing
import Transport

@Suite struct `Certificate signing requests` {
    private static let base = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    private static let pem = """
        -----BEGIN CERTIFICATE REQUEST-----
        MIHrMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz
        dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASWqvXi81BV9C5a
        leDqWz/iYW5lUz+bOZLM413i/ukVc5UmlxNegHbzqYnWL3Cr3laLodmhLDuq019m
        WM4ZQktFoAAwCgYIKoZIzj0EAwIDSAAwRQIhANjxxDzStT2bNz4eeDtMUIAktpHO
        1BtLHYd1f4KlP2i4AiAmRAxbVjePb1yHmPxziN1bp5EYpW1pkJ1I2IolkyQzTg==
        -----END CERTIFICATE REQUEST-----

        """

    private static func request(signer: String = "example.com/s", usages: [Value] = ["client auth"]) -> Value {
        [
            "metadata": ["name": "c"],
            "spec": [
                "request": .string(String(decoding: Base64.encode(Array(pem.utf8)), as: UTF8.self)),
                "signerName": .string(signer), "usages": .array(usages),
            ],
        ]
    }

    @Test func `are approved at approval and signed at status`() async throws {
        try await TestServer.with { server in
            var object = await server.post(Self.base, Self.request()).body
            #expect(object[path: "spec", "username"] == "kubernetes-admin")
            let approved: Value = ["conditions": [["type": "Approved", "status": "True"]]]
            object["status"] = approved
            let refused = await server.put(Self.base + "/c/status", object)
            #expect(refused.message.hasSuffix("updates may not add a condition of type \"Approved\""))
            object["status"] = ["conditions": approved["conditions"] ?? [], "certificate": "YQ=="]
            let done = await server.put(Self.base + "/c/approval", object)
            #expect(done.status == 200)
            #expect(done.body[path: "status", "certificate"] == nil)
            var signed = done.body
            signed.set("YQ==", at: ["status", "certificate"])
            #expect(await server.put(Self.base + "/c/status", signed).status == 422, "no PEM block")
            let authority = try ClusterCA.loadOrCreate(directory: server.directory).certificatePEM
            let certificate = Value.string(String(decoding: Base64.encode(authority), as: UTF8.self))
            signed.set(certificate, at: ["status", "certificate"])
            #expect(
                await server.put(Self.base + "/c/status", signed).body[path: "status", "certificate"] == certificate)
        }
    }

    @Test func `are checked before anybody looks at them`() async throws {
        try await TestServer.with { server in
            for (object, text): (Value, String) in [
                (Self.request(signer: "nodots/s"), "should be a domain with at least two segments separated by dots"),
                (Self.request(signer: "kubernetes.io/legacy-unknown"), "is not allowed via this API version"),
                (Self.request(usages: []), "spec.usages: Required value"),
                (Self.request(usages: ["any", "any"]), "spec.usages[1]: Duplicate value: \"any\""),
            ] {
                let reply = await server.post(Self.base, object)
                #expect(reply.status == 422)
                #expect(reply.message.hasSuffix(text))
            }
        }
    }

    @Test func `are approved only by those who may speak for the signer`() async throws {
        try await TestServer.with { server in
            let rbac = "/apis/rbac.authorization.k8s.io/v1/"
            let ann = UserInfo(name: "ann", groups: ["system:authenticated"])
            func role(_ names: [Value]) -> Value {
                [
                    "metadata": ["name": "r"],
                    "rules": [
                        [
                            "apiGroups": ["certificates.k8s.io"], "verbs": ["update"],
                            "resources": ["certificatesigningrequests/approval"],
                        ],
                        [
                            "apiGroups": ["certificates.k8s.io"], "verbs": ["approve"], "resources": ["signers"],
                            "resourceNames": .array(names),
                        ],
                    ],
                ]
            }
            _ = await server.post(rbac + "clusterroles", role(["other.com/*"]))
            _ = await server.post(
                rbac + "clusterrolebindings",
                [
                    "metadata": ["name": "b"],
                    "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"],
                    "subjects": [["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann"]],
                ])
            var object = await server.post(Self.base, Self.request()).body
            object["status"] = ["conditions": [["type": "Approved", "status": "True"]]]
            let tried = await server.send("PUT", Self.base + "/c/approval", object.jsonBytes(), as: ann)
            #expect(tried.message.hasSuffix(#"not permitted to approve requests with signerName "example.com/s""#))
            _ = await server.put(rbac + "clusterroles/r", role(["example.com/*"]))
            #expect(
                await server.send("PUT", Self.base + "/c/approval", object.jsonBytes(), as: ann).status == 200)
        }
    }
}

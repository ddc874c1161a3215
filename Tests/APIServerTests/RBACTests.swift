import APIMachinery
import APIServer
import Testing

@testable import APIServer

@Suite struct PolicyRuleTests {
    private func attributes(
        _ verb: String, _ resource: String, group: String = "", sub: String = "", name: String = ""
    ) -> AccessAttributes {
        var attributes = AccessAttributes(user: .anonymous, verb: verb, isResourceRequest: true)
        attributes.resource = resource
        attributes.group = group
        attributes.subresource = sub
        attributes.name = name
        return attributes
    }

    private func path(_ path: String) -> AccessAttributes {
        var attributes = AccessAttributes(user: .anonymous, verb: "get", isResourceRequest: false)
        attributes.path = path
        return attributes
    }

    @Test func `a rule permits what it names and nothing else`() {
        let rule = PolicyRule(verbs: ["get"], apiGroups: [""], resources: ["pods", "*/scale"])
        #expect(rule.allows(attributes("get", "pods")))
        #expect(!rule.allows(attributes("list", "pods")))
        #expect(!rule.allows(attributes("get", "pods", group: "apps")))
        #expect(!rule.allows(attributes("get", "pods", sub: "log")))
        #expect(rule.allows(attributes("get", "replicationcontrollers", sub: "scale")))
        #expect(!rule.allows(path("/pods")))
    }

    @Test func `names narrow a rule to objects`() {
        let rule = PolicyRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"], resourceNames: ["only"])
        #expect(rule.allows(attributes("get", "configmaps", name: "only")))
        #expect(!rule.allows(attributes("get", "configmaps", name: "other")))
        #expect(!rule.allows(attributes("list", "configmaps")))
    }

    @Test func `a trailing star covers the paths below`() {
        let rule = PolicyRule(verbs: ["get"], nonResourceURLs: ["/healthz", "/apis/*"])
        #expect(rule.allows(path("/healthz")))
        #expect(rule.allows(path("/apis/apps")))
        #expect(!rule.allows(path("/apis")))
        #expect(!rule.allows(path("/healthz/etcd")))
    }

    @Test func `what is missing is listed by resource`() {
        let owned = [PolicyRule(verbs: ["get"], apiGroups: [""], resources: ["pods", "*/scale"])]
        let wanted = [
            PolicyRule(verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "secrets", "deployments/scale"])
        ]
        let missing = RuleCoverage.compact(RuleCoverage.missing(wanted, in: owned)).map(\.compactText)
        #expect(
            missing == [
                #"{APIGroups:[""], Resources:["pods"], Verbs:["list"]}"#,
                #"{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}"#,
                #"{APIGroups:[""], Resources:["deployments/scale"], Verbs:["list"]}"#,
            ])
    }
}

@Suite struct RBACTests {
    private static let bob = UserInfo(name: "bob", groups: ["system:authenticated"])
    private static let base = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"

    private static func role(_ name: String, _ resource: String, _ verbs: [String]) -> Value {
        [
            "metadata": ["name": .string(name)],
            "rules": [
                ["apiGroups": [""], "resources": [.string(resource)], "verbs": .array(verbs.map { .string($0) })]
            ],
        ]
    }

    private static func binding(_ role: String, kind: String = "Role") -> Value {
        [
            "metadata": ["name": "b"],
            "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": .string(kind), "name": .string(role)],
            "subjects": [["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"]],
        ]
    }

    @Test func `a role is in force for the next request, and out of it when it goes`() async throws {
        try await TestServer.with { server in
            let pods = "/api/v1/namespaces/default/pods"
            let refused = await server.send("GET", pods, as: Self.bob)
            #expect(refused.status == 403)
            #expect(
                refused.message
                    == #"pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the "#
                    + #"namespace "default""#)
            _ = await server.post(Self.base + "/roles", Self.role("r", "pods", ["get", "list"]))
            #expect(await server.post(Self.base + "/rolebindings", Self.binding("r")).status == 201)
            #expect(await server.send("GET", pods, as: Self.bob).status == 200)
            #expect(await server.send("GET", "/api/v1/pods", as: Self.bob).status == 403)
            #expect(await server.send("GET", "/api/v1/namespaces/default/secrets", as: Self.bob).status == 403)
            _ = await server.put(Self.base + "/roles/r", Self.role("r", "pods", ["get"]))
            #expect(await server.send("GET", pods, as: Self.bob).status == 403)
            _ = await server.delete(Self.base + "/roles/r")
            #expect(
                await server.send("GET", pods, as: Self.bob).message.hasSuffix(
                    #": RBAC: role.rbac.authorization.k8s.io "r" not found"#))
        }
    }

    @Test func `nobody grants what he does not have`() async throws {
        try await TestServer.with { server in
            _ = await server.post(Self.base + "/rolebindings", Self.binding("admin", kind: "ClusterRole"))
            let secrets = Self.role("s", "nodes", ["get", "list"]).jsonBytes()
            let refused = await server.send("POST", Self.base + "/roles", secrets, as: Self.bob)
            #expect(
                refused.message
                    == #"roles.rbac.authorization.k8s.io "s" is forbidden: user "bob" (groups=["#
                    + #""system:authenticated"]) is attempting to grant RBAC permissions not currently held:"#
                    + "\n" + #"{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}"#)
            let pods = Self.role("p", "pods", ["get"]).jsonBytes()
            #expect(await server.send("POST", Self.base + "/roles", pods, as: Self.bob).status == 201)
            var bind = Self.binding("cluster-admin", kind: "ClusterRole")
            bind["metadata"] = ["name": "c"]
            let tried = await server.send("POST", Self.base + "/rolebindings", bind.jsonBytes(), as: Self.bob)
            #expect(tried.status == 403)
        }
    }

    @Test func `nodes read only what their pods refer to`() async throws {
        try await TestServer.with { server in
            let node = UserInfo(name: "system:node:n1", groups: ["system:nodes", "system:authenticated"])
            _ = await server.post("/api/v1/namespaces/default/secrets", ["metadata": ["name": "s"]])
            let path = "/api/v1/namespaces/default/secrets/s"
            let refused = await server.send("GET", path, as: node)
            #expect(refused.message.hasSuffix("no relationship found between node 'n1' and this object"))
            _ = await server.post(
                "/api/v1/namespaces/default/pods",
                [
                    "metadata": ["name": "p"],
                    "spec": [
                        "nodeName": "n1",
                        "containers": [
                            ["name": "c", "image": "i", "envFrom": [["secretRef": ["name": "s"]]]]
                        ],
                    ],
                ])
            #expect(await server.send("GET", path, as: node).status == 200)
            #expect(await server.send("GET", "/api/v1/namespaces/default/secrets", as: node).status == 403)
        }
    }

    @Test func `who may only read pods gets no shell by GET`() async throws {
        try await TestServer.with { server in
            _ = await server.post(Self.base + "/roles", Self.role("r", "pods/exec", ["get"]))
            _ = await server.post(Self.base + "/rolebindings", Self.binding("r"))
            let refused = await server.send("GET", "/api/v1/namespaces/default/pods/x/exec", as: Self.bob)
            #expect(refused.message.contains(#"cannot create resource "pods/exec""#))
        }
    }
}

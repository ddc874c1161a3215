import APIMachinery
import APIServer
import Testing
import Transport

private let core = "/api/v1/namespaces/default"

@Suite struct `Rules of kinds` {
    struct Refusal: Sendable {
        let path: String
        let object: Value
        let causes: [String]
    }

    @Test(arguments: [
        Refusal(
            path: core + "/services",
            object: ["metadata": ["name": "s"], "spec": ["ports": [["port": 80]], "ipFamilies": ["IPv6"]]],
            causes: ["spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster"]),
        Refusal(
            path: core + "/services",
            object: ["metadata": ["name": "s"], "spec": ["ports": [["port": 80]], "externalIPs": ["010.0.0.1"]]],
            causes: ["spec.externalIPs[0]: Invalid value: \"010.0.0.1\": must not have leading 0s"]),
        Refusal(
            path: core + "/services",
            object: ["metadata": ["name": "s"], "spec": ["ports": [["port": 80]], "clusterIP": "1.2.3.4"]],
            causes: [
                "spec.clusterIPs: Invalid value: [\"1.2.3.4\"]: failed to allocate IP 1.2.3.4: the provided network does "
                    + "not match the current range"
            ]),
        Refusal(
            path: core + "/limitranges",
            object: [
                "metadata": ["name": "l"],
                "spec": [
                    "limits": [
                        [
                            "type": "Pod", "max": ["cpu": "4"], "min": ["cpu": "2"],
                            "maxLimitRequestRatio": ["cpu": "5"],
                        ]
                    ]
                ],
            ],
            causes: [
                "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"5\": ratio 5 is greater than max/min = 2.000000"
            ]),
        Refusal(
            path: "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
            object: [
                "metadata": ["name": "n"],
                "spec": ["ingress": [["from": [["ipBlock": ["cidr": "10.0.0.0/8", "except": ["11.0.0.0/9"]]]]]]],
            ],
            causes: [
                "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/9\": must be a strict subset of `cidr`"
            ]),
        Refusal(
            path: "/apis/networking.k8s.io/v1/ipaddresses",
            object: [
                "metadata": ["name": "2001:DB8::1"],
                "spec": ["parentRef": ["resource": "services", "name": "a"]],
            ],
            causes: ["metadata.name: Invalid value: \"2001:DB8::1\": must be in canonical form (\"2001:db8::1\")"]),
    ])
    func `name what is wrong as upstream does`(refusal: Refusal) async throws {
        try await TestServer.with { test in
            let answer = await test.post(refusal.path, refusal.object)
            #expect(answer.body["code"] == 422)
            let causes = (answer.body[path: "details", "causes"]?.array ?? []).map {
                ($0["field"]?.string ?? "") + ": " + ($0["message"]?.string ?? "")
            }
            #expect(causes == refusal.causes)
        }
    }

    @Test func `a Service that becomes a name loses what only addresses have`() async throws {
        try await TestServer.with { server in
            _ = await server.post(
                core + "/services", ["metadata": ["name": "s"], "spec": ["ports": [["port": 80]]]])
            let patch: Value = ["spec": ["type": "ExternalName", "externalName": "a.b"]]
            let reply = await server.send(
                "PATCH", core + "/services/s", patch.jsonBytes(),
                headers: ["Content-Type": "application/merge-patch+json"])
            #expect(reply.status == 200, "\(reply.message)")
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
                #expect(reply.body[path: "spec", key] == nil, "\(key)")
            }
        }
    }

    @Test func `a Service that stops to be a load balancer loses what only those have`() async throws {
        try await TestServer.with { test in
            let path = core + "/services"
            let made = await test.post(
                path,
                [
                    "metadata": ["name": "s"],
                    "spec": ["type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [["port": 80]]],
                ]
            ).body
            #expect(made[path: "spec", "healthCheckNodePort"]?.int ?? 0 >= 30000)
            var changed = made
            var spec = try #require(changed["spec"])
            spec["type"] = "ClusterIP"
            changed["spec"] = spec
            let answer = await test.put(path + "/s", changed).body
            for key in ["healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"] {
                #expect(answer["spec"]?[key] == nil)
            }
            #expect(answer[path: "spec", "clusterIP"] == made[path: "spec", "clusterIP"])
            #expect(answer[path: "spec", "ports"]?.array?.first?["nodePort"] == nil)
        }
    }
}

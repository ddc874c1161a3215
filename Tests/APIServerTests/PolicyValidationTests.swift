import APIMachinery
import APIServer
import Testing
import Transport

private let policyGroup = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
private let autoscalers = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
private let flows = "/apis/flowcontrol.apiserver.k8s.io/v1"
private let admission = "/apis/admissionregistration.k8s.io/v1"
private let devices = "/apis/resource.k8s.io/v1"
private let target = #""maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"}"#

private func refused(_ kind: String, _ path: String, _ spec: String, _ reason: String) -> RefusedSpec {
    RefusedSpec(kind: kind, path: path, spec: spec, reason: reason)
}

@Suite struct `Policies are refused in upstream's words` {
    @Test func `budgets and autoscalers`() async throws {
        try await RefusedSpec.check([
            refused(
                "PodDisruptionBudget", policyGroup, #"{"minAvailable":1,"maxUnavailable":1}"#,
                #"spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"#),
            refused(
                "PodDisruptionBudget", policyGroup, #"{"maxUnavailable":"101%"}"#, "must not be greater than 100%"),
            refused(
                "HorizontalPodAutoscaler", autoscalers, #"{"scaleTargetRef":{"kind":"D","name":"a/b"}}"#,
                "spec.scaleTargetRef.name: Invalid value: \"a/b\": may not contain '/'"),
            refused(
                "HorizontalPodAutoscaler", autoscalers, #"{\#(target),"minReplicas":0}"#,
                "must specify at least one Object or External metric to support scaling to zero replicas"),
            refused(
                "HorizontalPodAutoscaler", autoscalers,
                #"{\#(target),"behavior":{"scaleUp":{"stabilizationWindowSeconds":3601}}}"#,
                "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal"),
            refused(
                "HorizontalPodAutoscaler", autoscalers, #"{\#(target),"metrics":[{"type":"Pods"}]}"#,
                "spec.metrics[0].pods: Required value: must populate information for the given metric source"),
        ])
    }

    @Test func `flow control`() async throws {
        try await RefusedSpec.check([
            refused(
                "FlowSchema", flows + "/flowschemas", #"{"matchingPrecedence":1,"rules":[{}]}"#,
                "only the schema named 'exempt' may have matchingPrecedence 1"),
            refused(
                "PriorityLevelConfiguration", flows + "/prioritylevelconfigurations", #"{"type":"Exempt"}"#,
                "type must be 'Exempt' if and only if name is 'exempt'"),
            refused(
                "PriorityLevelConfiguration", flows + "/prioritylevelconfigurations",
                """
                {"type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{"queues":1000,"handSize":8}}}}
                """, "required entropy bits of deckSize 1000 and handSize 8 should not be greater than 60"),
        ])
    }

    @Test func `admission policies and device claims`() async throws {
        try await RefusedSpec.check([
            refused(
                "ValidatingAdmissionPolicy", admission + "/validatingadmissionpolicies", "{}",
                "spec.validations: Required value: validations or auditAnnotations must contain at least one item"),
            refused(
                "ValidatingAdmissionPolicyBinding", admission + "/validatingadmissionpolicybindings",
                #"{"policyName":"p","validationActions":["Deny","Warn"]}"#, "must not contain both Deny and Warn"),
            refused(
                "ResourceClaim", devices + "/namespaces/default/resourceclaims",
                #"{"devices":{"requests":[{"name":"a"}],"constraints":[{"requests":["b"],"matchAttribute":"x/y"}]}}"#,
                "spec.devices.constraints[0].requests[0]: Invalid value: \"b\": must be the name of a request"),
            refused(
                "ResourceSlice", devices + "/resourceslices", #"{"driver":"d","nodeName":"n","allNodes":true}"#,
                "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of"),
        ])
    }

    @Test func `roles and bindings`() async throws {
        try await TestServer.with { test in
            let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/"
            let role: Value = [
                "kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": ["name": "r"],
                "rules": [["verbs": ["get"], "nonResourceURLs": ["/x"]]],
            ]
            #expect(await test.post(path + "roles", role).message.contains("namespaced rules cannot apply"))
            let binding: Value = [
                "kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": ["name": "r"],
                "roleRef": ["kind": "Role", "name": "r"], "subjects": [["kind": "Foo", "name": "n"]],
            ]
            let reply = await test.post(path + "rolebindings", binding)
            #expect(
                reply.message.contains(
                    "subjects[0].kind: Unsupported value: \"Foo\": supported values: \"ServiceAccount\", \"User\""))
        }
    }
}

@Suite struct `Two versions of an autoscaler` {
    @Test func `version 1 carries in annotations what it has no fields for, and brings it back`() async throws {
        try await TestServer.with { test in
            let spec = """
                {"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v2","metadata":{"name":"h"},"spec":{\(target),
                "metrics":[{"type":"Pods","pods":{"metric":{"name":"m"},"target":{"type":"AverageValue",
                "averageValue":"1500m"}}},{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization",
                "averageUtilization":40}}}],"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}
                """
            let wide = await test.send("POST", autoscalers, Array(spec.utf8)).body
            let path = autoscalers.replacing("/v2/", with: "/v1/") + "/h"
            let narrow = await test.get(path).body
            #expect(narrow[path: "spec", "targetCPUUtilizationPercentage"] == 40)
            let annotations = narrow[path: "metadata", "annotations"]
            #expect(
                annotations?["autoscaling.alpha.kubernetes.io/metrics"]
                    == #"[{"type":"Pods","pods":{"metricName":"m","targetAverageValue":"1500m"}}]"#)
            #expect(await test.put(path, narrow).status == 200)
            let back = await test.get(autoscalers + "/h").body
            #expect(back["spec"] == wide["spec"])
            #expect(back[path: "metadata", "annotations"] == nil)
        }
    }
}

@Suite struct `Evictions` {
    /// A ready pod, and a budget that allows so many disruptions.
    private static func guarded(_ test: TestServer, allowed: Int64) async {
        var pod = Sample.pod("p")
        pod.set(["app": "a"], at: ["metadata", "labels"])
        pod = await test.post("/api/v1/namespaces/default/pods", pod).body
        pod["status"] = ["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]]
        _ = await test.put("/api/v1/namespaces/default/pods/p/status", pod)
        let budget: Value = [
            "kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "metadata": ["name": "b"],
            "spec": ["minAvailable": 1, "selector": ["matchLabels": ["app": "a"]]],
        ]
        var made = await test.post(policyGroup, budget).body
        made["status"] = [
            "disruptionsAllowed": .int(allowed), "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1,
            "observedGeneration": 1,
        ]
        _ = await test.put(policyGroup + "/b/status", made)
    }

    private static func evict(_ test: TestServer, name: String = "p") async -> TestServer.Reply {
        await test.post(
            "/api/v1/namespaces/default/pods/p/eviction",
            ["kind": "Eviction", "apiVersion": "policy/v1", "metadata": ["name": .string(name)]])
    }

    @Test func `a budget with nothing left refuses`() async throws {
        try await TestServer.with { test in
            await Self.guarded(test, allowed: 0)
            let reply = await Self.evict(test)
            #expect(reply.status == 429)
            #expect(reply.message == "Cannot evict pod as it would violate the pod's disruption budget.")
        }
    }

    @Test func `an eviction takes a disruption from the budget`() async throws {
        try await TestServer.with { test in
            await Self.guarded(test, allowed: 1)
            #expect(await Self.evict(test, name: "q").status == 400)
            #expect(await Self.evict(test).status == 201)
            let status = await test.get(policyGroup + "/b").body["status"]
            #expect(status?["disruptionsAllowed"] == 0)
            #expect(status?["disruptedPods"]?["p"] != nil)
        }
    }
}

import APIMachinery
import APIServer
import Testing
import Transport

@Suite struct `Pod security` {
    private let pods = "/api/v1/namespaces/ps/pods"

    private func namespace(_ test: TestServer, _ labels: Value) async {
        _ = await test.post("/api/v1/namespaces", ["metadata": ["name": "ps", "labels": labels]])
        _ = await test.post("/api/v1/namespaces/ps/serviceaccounts", ["metadata": ["name": "default"]])
    }

    private func pod(_ spec: [(String, Value)], container: [(String, Value)] = []) -> Value {
        var one: Value = ["name": "c", "image": "nginx"]
        for (key, value) in container { one[key] = value }
        var all: Value = ["containers": .array([one])]
        for (key, value) in spec { all[key] = value }
        return ["metadata": ["name": "p"], "spec": all]
    }

    private let refusal = "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": "

    @Test func `refuses what the enforced level forbids, all of it, in order`() async throws {
        try await TestServer.with { test in
            await namespace(test, ["pod-security.kubernetes.io/enforce": "baseline"])
            let reply = await test.post(
                pods,
                pod(
                    [
                        ("hostNetwork", true), ("hostPID", true),
                        ("volumes", [["name": "v", "hostPath": ["path": "/a"]]]),
                    ],
                    container: [
                        ("securityContext", ["privileged": true, "capabilities": ["add": ["NET_RAW", "CHOWN"]]]),
                        ("ports", [["containerPort": 80, "hostPort": 80]]),
                    ]))
            #expect(reply.status == 403)
            #expect(
                reply.message == refusal
                    + "non-default capabilities (container \"c\" must not include \"NET_RAW\" in "
                    + "securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), "
                    + "hostPath volumes (volume \"v\"), hostPort (container \"c\" uses hostPort 80), "
                    + "privileged (container \"c\" must not set securityContext.privileged=true)")
        }
    }

    @Test func `judges as the pinned release did`() async throws {
        try await TestServer.with { test in
            await namespace(
                test,
                [
                    "pod-security.kubernetes.io/enforce": "baseline",
                    "pod-security.kubernetes.io/enforce-version": "v1.26",
                ])
            let port: Value = ["name": "net.ipv4.ip_local_reserved_ports", "value": "1"]
            let probe: Value = ["httpGet": ["port": 80, "host": "example.com"]]
            let reply = await test.post(
                pods, pod([("securityContext", ["sysctls": .array([port])])], container: [("livenessProbe", probe)]))
            #expect(
                reply.message == "pods \"p\" is forbidden: violates PodSecurity \"baseline:v1.26\": "
                    + "forbidden sysctls (net.ipv4.ip_local_reserved_ports)")
        }
    }

    @Test func `warns of templates and of what is only warned about`() async throws {
        try await TestServer.with { test in
            await namespace(test, ["pod-security.kubernetes.io/warn": "restricted"])
            let made = await test.post(pods, pod([]))
            #expect(made.status == 201)
            let warning = try #require(made.headers["Warning"])
            #expect(
                warning.contains(
                    "would violate PodSecurity \\\"restricted:latest\\\": allowPrivilegeEscalation != false (container")
            )
            let template: Value = [
                "metadata": ["labels": ["a": "b"]],
                "spec": ["containers": [["name": "c", "image": "nginx"]], "hostIPC": true],
            ]
            let set = await test.post(
                "/apis/apps/v1/namespaces/ps/replicasets",
                [
                    "metadata": ["name": "r"],
                    "spec": ["selector": ["matchLabels": ["a": "b"]], "template": template],
                ])
            #expect(set.status == 201)
            #expect(set.headers["Warning"]?.contains("host namespaces (hostIPC=true)") == true)
        }
    }

    @Test func `warns of pods that a raised level would not let in`() async throws {
        try await TestServer.with { test in
            await namespace(test, [:])
            _ = await test.post(pods, pod([("hostNetwork", true)]))
            let label: Value = ["pod-security.kubernetes.io/enforce": "baseline"]
            let reply = await test.patch("/api/v1/namespaces/ps", .merge, ["metadata": ["labels": label]])
            #expect(
                reply.headers.values(of: "Warning") == [
                    "299 - \"existing pods in namespace \\\"ps\\\" violate the new PodSecurity enforce level "
                        + "\\\"baseline:latest\\\"\"",
                    "299 - \"p: host namespaces\"",
                ])
            let bad: Value = ["pod-security.kubernetes.io/enforce": "none"]
            let refused = await test.patch("/api/v1/namespaces/ps", .merge, ["metadata": ["labels": bad]])
            #expect(refused.status == 422)
            #expect(refused.message.hasSuffix("must be one of privileged, baseline, restricted"))
        }
    }
}

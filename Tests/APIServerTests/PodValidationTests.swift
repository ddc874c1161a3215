import APIMachinery
import APIServer
import Testing
import Transport

private let pods = "/api/v1/namespaces/default/pods"

/// One change to a good pod's spec or container, and what the server says about it.
struct PodFault: Sendable, CustomTestStringConvertible {
    let key: String
    let value: Value
    let message: String
    var inContainer = false

    var testDescription: String { "\(key) = \(value)" }

    static func container(_ key: String, _ value: Value, _ message: String) -> PodFault {
        PodFault(key: key, value: value, message: message, inContainer: true)
    }

    static func spec(_ key: String, _ value: Value, _ message: String) -> PodFault {
        PodFault(key: key, value: value, message: message)
    }

    func pod() -> Value {
        var container: Value = ["name": "c", "image": "nginx"]
        if inContainer { container[key] = value }
        var spec: Value = ["containers": .array([container])]
        if !inContainer { spec[key] = value }
        return ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"], "spec": spec]
    }

    static let all: [PodFault] = [
        .container(
            "ports", [["containerPort": 0]], "spec.containers[0].ports[0].containerPort: Required value"),
        .container(
            "ports", [["containerPort": 1, "name": "a--b"]],
            "spec.containers[0].ports[0].name: Invalid value: \"a--b\": must not contain consecutive hyphens"),
        .container(
            "env", [["name": "A", "valueFrom": [:]]],
            "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, "
                + "`resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"),
        .container(
            "terminationMessagePolicy", "Foo",
            "spec.containers[0].terminationMessagePolicy: Unsupported value: \"Foo\": supported values: \"File\", "
                + "\"FallbackToLogsOnError\""),
        .container(
            "livenessProbe", ["exec": ["command": ["a"]], "successThreshold": 2],
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"),
        .container(
            "lifecycle", ["preStop": ["sleep": ["seconds": 100]]],
            "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 100: must be non-negative and less than "
                + "terminationGracePeriodSeconds (30)"),
        .container(
            "resources", ["requests": ["cpu": "2"], "limits": ["cpu": "1"]],
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"),
        .container(
            "resources", ["limits": ["hugepages-2Mi": "4Mi"]],
            "spec.containers[0].resources: Forbidden: HugePages require cpu or memory"),
        .container(
            "volumeMounts", [["name": "v", "mountPath": "/a"]],
            "spec.containers[0].volumeMounts[0].name: Not found: \"v\""),
        .container(
            "securityContext", ["privileged": true, "allowPrivilegeEscalation": false],
            "spec.containers[0].securityContext: Invalid value: {\"Capabilities\":null,\"Privileged\":true,"
                + "\"SELinuxOptions\":null,\"WindowsOptions\":null,\"RunAsUser\":null,\"RunAsGroup\":null,"
                + "\"RunAsNonRoot\":null,\"ReadOnlyRootFilesystem\":null,\"AllowPrivilegeEscalation\":false,"
                + "\"ProcMount\":null,\"SeccompProfile\":null,\"AppArmorProfile\":null}: cannot set "
                + "`allowPrivilegeEscalation` to false and `privileged` to true"),
        .spec(
            "volumes", [["name": "v", "nfs": ["server": "s", "path": "rel"]]],
            "spec.volumes[0].nfs.path: Invalid value: \"rel\": must be an absolute path"),
        .spec(
            "volumes", [["name": "v", "gcePersistentDisk": [:]]],
            "spec.volumes[0].persistentDisk.pdName: Required value"),
        .spec(
            "volumes", [["name": "v", "secret": ["secretName": "s"], "emptyDir": [:]]],
            "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type"),
        .spec(
            "initContainers", [["name": "c", "image": "b"]],
            "spec.initContainers[0].name: Duplicate value: \"c\""),
        .spec(
            "tolerations", [["key": "a", "operator": "Exists", "effect": "Foo"]],
            "spec.tolerations[0].effect: Unsupported value: \"Foo\": supported values: \"NoSchedule\", "
                + "\"PreferNoSchedule\", \"NoExecute\""),
        .spec(
            "affinity", ["nodeAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": ["nodeSelectorTerms": []]]],
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: "
                + "must have at least one node selector term"),
        .spec(
            "dnsPolicy", "None", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        .spec(
            "securityContext", ["sysctls": [["name": "a.b", "value": "1"], ["name": "a.b", "value": "1"]]],
            "spec.securityContext.sysctls[1].name: Duplicate value: \"a.b\""),
        .spec("os", ["name": "beos"], "spec.os: Unsupported value: \"beos\": supported values: \"linux\", \"windows\""),
        .spec(
            "ephemeralContainers", [["name": "e", "image": "b"]],
            "spec.ephemeralContainers: Forbidden: cannot be set on create"),
    ]
}

@Suite struct `Pods` {
    @Test func `are refused in upstream's words`() async throws {
        try await TestServer.with { test in
            for fault in PodFault.all {
                let reply = await test.post(pods, fault.pod())
                #expect(reply.message == "Pod \"p\" is invalid: " + fault.message, "\(fault.testDescription)")
                #expect(reply.status == 422, "\(fault.testDescription)")
            }
        }
    }

    @Test func `hardly change once they exist, and are told what they may not change`() async throws {
        try await TestServer.with { test in
            var pod: Value = [
                "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"],
                "spec": [
                    "containers": [["name": "c", "image": "nginx"]], "automountServiceAccountToken": false,
                ],
            ]
            #expect(await test.post(pods, pod).status == 201)
            let image = await test.patch(
                pods + "/p", .strategic, ["spec": ["containers": [["name": "c", "image": "nginx:2"]]]])
            #expect(image.status == 200)
            #expect(image.body[path: "metadata", "generation"] == 2)
            let toleration = await test.patch(
                pods + "/p", .strategic, ["spec": ["tolerations": [["key": "z", "operator": "Exists"]]]])
            #expect(toleration.status == 200)
            pod = toleration.body
            pod.set("Never", at: ["spec", "restartPolicy"])
            let reply = await test.put(pods + "/p", pod)
            #expect(reply.status == 422)
            let message = reply.message
            #expect(message.hasPrefix("Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other"))
            #expect(message.contains("\n- \"RestartPolicy\": \"Always\",\n+ \"RestartPolicy\": \"Never\",\n"))
        }
    }

    @Test func `are resized and debugged through subresources of their own`() async throws {
        try await TestServer.with { test in
            let pod: Value = [
                "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"],
                "spec": [
                    "containers": [
                        [
                            "name": "c", "image": "nginx",
                            "resources": ["requests": ["cpu": "100m"], "limits": ["cpu": "200m"]],
                        ]
                    ]
                ],
            ]
            #expect(await test.post(pods, pod).status == 201)
            func resize(_ resources: Value) async -> TestServer.Reply {
                await test.patch(
                    pods + "/p/resize", .strategic,
                    ["spec": ["containers": [["name": "c", "image": "other", "resources": resources]]]])
            }
            let resized = await resize(["requests": ["cpu": "150m"]])
            let container = try #require(resized.body["spec"]?["containers"]?.array?.first)
            #expect(container["image"] == "nginx")
            #expect(container[path: "resources", "requests", "cpu"] == "150m")
            #expect(
                await resize(["limits": ["memory": "1Gi", "cpu": "150m"]]).message
                    == "Pod \"p\" is invalid: spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a "
                    + "result of resizing")
            let debugger = pods + "/p/ephemeralcontainers"
            let added = await test.patch(
                debugger, .strategic, ["spec": ["ephemeralContainers": [["name": "e", "image": "b"]]]])
            #expect(added.status == 200)
            let removed = await test.patch(debugger, .merge, ["spec": ["ephemeralContainers": .null]])
            #expect(
                removed.message == "Pod \"p\" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral "
                    + "containers \"e\" may not be removed\n")
        }
    }

    @Test func `get upstream's defaults`() async throws {
        try await TestServer.with { test in
            let reply = await test.post(
                pods,
                [
                    "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"],
                    "spec": [
                        "terminationGracePeriodSeconds": -1, "hostNetwork": true,
                        "containers": [
                            [
                                "name": "c", "image": "nginx@sha256:bad", "ports": [["containerPort": 80]],
                                "resources": ["limits": ["cpu": "0.0000001"]],
                                "livenessProbe": ["grpc": ["port": 1]],
                            ]
                        ],
                        "volumes": [["name": "v", "rbd": ["monitors": ["a"], "image": "i"]]],
                    ],
                ])
            let spec = try #require(reply.body["spec"])
            let container = try #require(spec["containers"]?.array?.first)
            #expect(spec["terminationGracePeriodSeconds"] == 1)
            #expect(container["imagePullPolicy"] == "IfNotPresent")
            #expect(container["ports"]?.array?.first?["hostPort"] == 80)
            #expect(container[path: "resources", "requests", "cpu"] == "1m")
            #expect(container[path: "livenessProbe", "grpc", "service"] == "")
            #expect(spec["volumes"]?.array?.first?[path: "rbd", "keyring"] == "/etc/ceph/keyring")
        }
    }

    @Test func `keep each owner once and forget what only the server says`() async throws {
        try await TestServer.with { test in
            var pod: Value = [
                "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"],
                "spec": ["containers": [["name": "c", "image": "nginx"]]],
            ]
            let owner: Value = ["apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u"]
            pod.set(.array([owner, owner]), at: ["metadata", "ownerReferences"])
            pod.set("2020-01-01T00:00:00Z", at: ["metadata", "deletionTimestamp"])
            let reply = await test.post(pods, pod)
            #expect(reply.body.metadataValue("ownerReferences") == .array([owner]))
            #expect(reply.body.metadataValue("deletionTimestamp") == nil)
            #expect(reply.headers["Warning"]?.hasSuffix("duplicate UID(s) observed: [u]\"") == true)
            pod.set(
                .array([["apiVersion": "v1", "kind": "Event", "name": "x", "uid": "u"]]),
                at: ["metadata", "ownerReferences"])
            #expect(
                await test.post(pods, pod).message
                    == "Pod \"p\" is invalid: metadata.ownerReferences: Invalid value: {\"apiVersion\":\"v1\",\"kind\":"
                    + "\"Event\",\"name\":\"x\",\"uid\":\"u\"}: /v1, Kind=Event is disallowed from being an owner")
        }
    }

    @Test func `come with advice`() async throws {
        try await TestServer.with { test in
            let reply = await test.post(
                pods,
                [
                    "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "a.b"],
                    "spec": [
                        "containers": [
                            [
                                "name": "c", "image": "nginx",
                                "ports": [["containerPort": 80], ["containerPort": 80]],
                                "env": [["name": "A", "value": "1"], ["name": "A", "value": "2"]],
                            ]
                        ]
                    ],
                ])
            #expect(
                reply.headers.values(of: "Warning")
                    == [
                        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS "
                            + "label is recommended: [must not contain dots]",
                        "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply",
                        "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
                    ].map { "299 - \"" + $0.split(separator: "\"").joined(separator: "\\\"") + "\"" })
        }
    }
}

extension Value {
    fileprivate func metadataValue(_ key: String) -> Value? { self["metadata"]?[key] }
}

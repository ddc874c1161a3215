import APIMachinery
import APIServer
import Testing

private let namespace = "/api/v1/namespaces/default"

/// What admission fills in from objects that stand elsewhere.
@Suite struct `Admission fills in` {
    private func pod(_ spec: [(String, Value)]) -> Value {
        var all: Value = ["containers": [["name": "c", "image": "nginx"]]]
        for (key, value) in spec { all[key] = value }
        return ["metadata": ["name": "p"], "spec": all]
    }

    @Test func `the newest default storage class, and a finalizer`() async throws {
        try await TestServer.with { test in
            for name in ["b", "a", "c"] {
                let isDefault: Value = ["storageclass.kubernetes.io/is-default-class": name == "c" ? "false" : "true"]
                _ = await test.post(
                    "/apis/storage.k8s.io/v1/storageclasses",
                    ["metadata": ["name": .string(name), "annotations": isDefault], "provisioner": "x.y"])
            }
            let spec: Value = ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]]
            let claim = await test.post(
                namespace + "/persistentvolumeclaims", ["metadata": ["name": "c"], "spec": spec]
            ).body
            #expect(["a", "b"].contains(claim[path: "spec", "storageClassName"]?.string))
            #expect(claim[path: "metadata", "finalizers"] == ["kubernetes.io/pvc-protection"])
            var none = spec
            none["storageClassName"] = ""
            let bare = await test.post(
                namespace + "/persistentvolumeclaims", ["metadata": ["name": "d"], "spec": none]
            ).body
            #expect(bare[path: "spec", "storageClassName"] == "")
        }
    }

    @Test func `what the runtime class says, if the pod does not say otherwise`() async throws {
        try await TestServer.with { test in
            _ = await test.post(
                "/apis/node.k8s.io/v1/runtimeclasses",
                [
                    "metadata": ["name": "kata"], "handler": "kata", "overhead": ["podFixed": ["cpu": "250m"]],
                    "scheduling": [
                        "nodeSelector": ["k": "v"], "tolerations": [["key": "a", "operator": "Exists"]],
                    ],
                ])
            let made = await test.post(namespace + "/pods", pod([("runtimeClassName", "kata")])).body
            #expect(made[path: "spec", "overhead"] == ["cpu": "250m"])
            #expect(made[path: "spec", "nodeSelector"] == ["k": "v"])
            #expect(made[path: "spec", "tolerations"]?.array?.contains(["key": "a", "operator": "Exists"]) == true)
            _ = await test.delete(namespace + "/pods/p")
            let other = pod([("runtimeClassName", "kata"), ("nodeSelector", ["k": "w"])])
            #expect(
                await test.post(namespace + "/pods", other).message
                    == "pods \"p\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[k] = v; "
                    + "pod.spec.nodeSelector[k] = w")
            #expect(
                await test.post(namespace + "/pods", pod([("runtimeClassName", "no")])).message
                    == "pods \"p\" is forbidden: pod rejected: RuntimeClass \"no\" not found")
            #expect(
                await test.post(namespace + "/pods", pod([("overhead", ["cpu": "1"])])).message
                    == "pods \"p\" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass "
                    + "defined Overhead")
        }
    }

    @Test func `the account's pull secrets, and holds pods to its secrets where it says so`() async throws {
        try await TestServer.with { test in
            _ = await test.post(
                namespace + "/serviceaccounts",
                [
                    "metadata": [
                        "name": "sa", "annotations": ["kubernetes.io/enforce-mountable-secrets": "true"],
                    ],
                    "imagePullSecrets": [["name": "pull"]], "secrets": [["name": "own"]],
                    "automountServiceAccountToken": false,
                ])
            let account: (String, Value) = ("serviceAccountName", "sa")
            func volume(_ secret: Value) -> (String, Value) {
                ("volumes", [["name": "v", "secret": ["secretName": secret]]])
            }
            let made = await test.post(namespace + "/pods", pod([account, volume("own")])).body
            #expect(made[path: "spec", "imagePullSecrets"] == [["name": "pull"]])
            #expect(made[path: "spec", "volumes"]?.array?.count == 1)
            _ = await test.delete(namespace + "/pods/p")
            #expect(
                await test.post(namespace + "/pods", pod([account, volume("other")])).message
                    == "pods \"p\" is forbidden: volume with secret.secretName=\"other\" is not allowed because "
                    + "service account sa does not reference that secret")
        }
    }

    @Test func `one global default priority at most`() async throws {
        try await TestServer.with { test in
            func priority(_ name: String) -> Value {
                ["metadata": ["name": .string(name)], "value": 7, "globalDefault": true]
            }
            let path = "/apis/scheduling.k8s.io/v1/priorityclasses"
            #expect(await test.post(path, priority("a")).status == 201)
            #expect(
                await test.post(path, priority("b")).message
                    == "priorityclasses.scheduling.k8s.io \"b\" is forbidden: PriorityClass a is already marked as "
                    + "default. Only one default can exist")
            let made = await test.post(namespace + "/pods", pod([])).body
            #expect(made[path: "spec", "priority"] == 7)
        }
    }
}

internal import APIMachinery

/// What the benchmark creates. Sizes are those of the figures for upstream.
enum Objects {
    /// Text that does not compress to nothing, the same in every run.
    private static let filler: String = {
        var state: UInt32 = 1
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String(
            (0..<4096).map { _ in
                state = state &* 1_664_525 &+ 1_013_904_223
                return letters[Int(state >> 16) % letters.count]
            })
    }()

    private static func text(_ range: Range<Int>) -> Value {
        .string(String(filler.dropFirst(range.lowerBound).prefix(range.count)))
    }

    static func name(_ prefix: String, _ index: Int) -> String {
        let digits = String(index)
        return prefix + "-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    static func namespace(_ name: String) -> [UInt8] {
        let namespace: Value = [
            "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)],
        ]
        return namespace.jsonBytes()
    }

    /// About 1 KiB.
    static func configMap(_ namespace: String, _ name: String, isSmall: Bool = false) -> [UInt8] {
        let map: Value = [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": [
                "name": .string(name), "namespace": .string(namespace),
                "labels": ["app": "bench", "idx": .string(name)],
            ],
            "data": ["a": text(0..<480), "b": isSmall ? "x" : text(480..<900)],
        ]
        return map.jsonBytes()
    }

    /// About 5.7 KiB as it is stored; scheduled by nobody.
    static func listedPod(_ namespace: String, _ name: String) -> [UInt8] {
        var environment = (0..<8).map { index -> Value in
            ["name": .string("SETTING_\(index)"), "value": text(index * 60..<index * 60 + 60)]
        }
        environment.append(["name": "POD_IP", "valueFrom": ["fieldRef": ["fieldPath": "status.podIP"]]])
        func probe(_ path: Value, _ seconds: Value) -> Value {
            ["httpGet": ["path": path, "port": 8080], "periodSeconds": seconds]
        }
        let container: Value = [
            "name": "main", "image": "registry.example.com/team/backend:1.2.3",
            "args": ["--port=8080", "--config=/etc/config/main.yaml"],
            "ports": [["containerPort": 8080, "name": "http"]], "env": .array(environment),
            "resources": ["requests": ["cpu": "100m", "memory": "64Mi"], "limits": ["memory": "128Mi"]],
            "volumeMounts": [
                ["name": "config", "mountPath": "/etc/config"], ["name": "scratch", "mountPath": "/scratch"],
            ],
            "readinessProbe": probe("/readyz", 5), "livenessProbe": probe("/healthz", 10),
        ]
        let pod: Value = [
            "apiVersion": "v1", "kind": "Pod",
            "metadata": [
                "name": .string(name), "namespace": .string(namespace),
                "labels": [
                    "app": "bench", "tier": "backend", "pod-template-hash": "5d4f8c7b9", "idx": .string(name),
                ],
                "annotations": ["example.com/checksum": text(0..<64), "example.com/note": text(100..<300)],
            ],
            "spec": [
                "schedulerName": "none", "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
                "nodeSelector": ["kubernetes.io/os": "linux"],
                "volumes": [
                    ["name": "config", "configMap": ["name": "config"]], ["name": "scratch", "emptyDir": [:]],
                ],
                "containers": .array([container]),
            ],
        ]
        return pod.jsonBytes()
    }

    /// A Deployment that only the API server is concerned with.
    static func pausedDeployment(_ namespace: String, _ name: String, revision: Int) -> [UInt8] {
        let container: Value = [
            "name": "main", "image": .string("example.com/app:\(revision)"),
            "env": [["name": "REV", "value": .string("\(revision)")], ["name": "B", "value": text(0..<100)]],
            "ports": [["containerPort": 80, "name": "http"]],
        ]
        let deployment: Value = [
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": [
                "name": .string(name), "namespace": .string(namespace), "labels": ["app": .string(name)],
            ],
            "spec": [
                "replicas": 0, "paused": true, "selector": ["matchLabels": ["app": .string(name)]],
                "template": [
                    "metadata": ["labels": ["app": .string(name)]], "spec": ["containers": .array([container])],
                ],
            ],
        ]
        return deployment.jsonBytes()
    }

    /// A strategic merge patch of that Deployment.
    static func imagePatch(_ revision: Int) -> [UInt8] {
        let container: Value = ["name": "main", "image": .string("example.com/app:\(revision)")]
        let patch: Value = ["spec": ["template": ["spec": ["containers": .array([container])]]]]
        return patch.jsonBytes()
    }

    /// A pod that really runs.
    private static func spec(_ image: String) -> Value {
        [
            "terminationGracePeriodSeconds": 2,
            "containers": [["name": "main", "image": .string(image), "imagePullPolicy": "IfNotPresent"]],
        ]
    }

    static func pod(_ namespace: String, _ name: String, image: String) -> [UInt8] {
        let pod: Value = [
            "apiVersion": "v1", "kind": "Pod",
            "metadata": [
                "name": .string(name), "namespace": .string(namespace), "labels": ["app": "bench"],
            ],
            "spec": spec(image),
        ]
        return pod.jsonBytes()
    }

    /// A pod of many containers, each with a liveness and a readiness probe of its own path on one server.
    static func probedPod(
        _ namespace: String, _ name: String, image: String, containers: Int, port: Int, periodSeconds: Int
    ) -> [UInt8] {
        let list = (0..<containers).map { index -> Value in
            func probe(_ kind: String) -> Value {
                [
                    "httpGet": [
                        "host": "127.0.0.1", "path": .string("/\(name)/\(index)/\(kind)"), "port": .int(Int64(port)),
                    ],
                    "periodSeconds": .int(Int64(periodSeconds)),
                ]
            }
            return [
                "name": .string("c\(index)"), "image": .string(image), "imagePullPolicy": "IfNotPresent",
                "livenessProbe": probe("live"), "readinessProbe": probe("ready"),
            ]
        }
        let pod: Value = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "spec": ["terminationGracePeriodSeconds": 0, "containers": .array(list)],
        ]
        return pod.jsonBytes()
    }

    static func deployment(_ namespace: String, replicas: Int, revision: Int, image: String) -> [UInt8] {
        let deployment: Value = [
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": ["name": "web", "namespace": .string(namespace)],
            "spec": [
                "replicas": .int(Int64(replicas)), "selector": ["matchLabels": ["app": "web"]],
                "template": [
                    "metadata": ["labels": ["app": "web"], "annotations": ["rev": .string("\(revision)")]],
                    "spec": spec(image),
                ],
            ],
        ]
        return deployment.jsonBytes()
    }
}

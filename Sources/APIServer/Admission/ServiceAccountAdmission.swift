internal import APIMachinery
internal import Storage

/// Every pod runs as a service account of its namespace and finds that account's token in its containers.
struct ServiceAccountAdmission: AdmissionPlugin {
    let store: any Store
    /// `/registry/serviceaccounts/`
    let prefix: String

    private static let mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
    /// Lifetime that upstream asks for, recognisable as the default.
    private static let tokenLifetimeSeconds: Int64 = 3607
    private static let mirrorAnnotation = "kubernetes.io/config.mirror"

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.isFor("", "pods"), request.subresource.isEmpty else { return }
        if request.object.metadata["annotations"]?[Self.mirrorAnnotation] != nil { return }
        request.object.editObject("spec") { spec in
            spec.setDefaultString("serviceAccountName", spec.text("serviceAccount"))
            spec.setDefaultString("serviceAccountName", "default")
            spec["serviceAccount"] = spec["serviceAccountName"]
        }
        let name = request.object[path: "spec", "serviceAccountName"]?.string ?? ""
        guard let stored = store.get(prefix + request.namespace + "/" + name),
            let account = try? Value(json: stored.value)
        else {
            throw request.forbidden(
                "error looking up service account \(request.namespace)/\(name): serviceaccount \(quoted(name)) not found"
            )
        }
        let automounts =
            request.object[path: "spec", "automountServiceAccountToken"]?.bool
            ?? account["automountServiceAccountToken"]?.bool ?? true
        request.object.edit("spec") { spec in
            if spec.list("imagePullSecrets").isEmpty, !account.list("imagePullSecrets").isEmpty {
                spec["imagePullSecrets"] = account["imagePullSecrets"]
            }
            if automounts { Self.mountToken(&spec) }
        }
    }

    private static func mountToken(_ spec: inout Value) {
        let volume =
            spec.list("volumes").first { $0.text("name").hasPrefix("kube-api-access-") }?.text("name")
            ?? "kube-api-access-" + GeneratedName.suffix()
        var isMounted = false
        for containers in ["initContainers", "containers"] {
            spec.editEach(containers) { container in
                guard !container.list("volumeMounts").contains(where: { $0.text("mountPath") == mountPath }) else {
                    return
                }
                isMounted = true
                container.append(
                    ["name": .string(volume), "readOnly": true, "mountPath": .string(mountPath)], to: "volumeMounts")
            }
        }
        guard isMounted, !spec.list("volumes").contains(where: { $0.text("name") == volume }) else { return }
        spec.append(tokenVolume(volume), to: "volumes")
    }

    private static func tokenVolume(_ name: String) -> Value {
        [
            "name": .string(name),
            "projected": [
                "defaultMode": 420,
                "sources": [
                    ["serviceAccountToken": ["expirationSeconds": .int(tokenLifetimeSeconds), "path": "token"]],
                    [
                        "configMap": [
                            "name": "kube-root-ca.crt", "items": [["key": "ca.crt", "path": "ca.crt"]],
                        ]
                    ],
                    [
                        "downwardAPI": [
                            "items": [
                                [
                                    "path": "namespace",
                                    "fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.namespace"],
                                ]
                            ]
                        ]
                    ],
                ],
            ],
        ]
    }
}

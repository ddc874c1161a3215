internal import APIMachinery
internal import Storage

/// Every pod runs as a service account of its namespace and finds that account's token in its containers.
struct ServiceAccountAdmission: AdmissionPlugin {
    let store: any Store
    /// `/registry/serviceaccounts/`
    let prefix: String

    private static let mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
    private static let volumePrefix = "kube-api-access-"
    /// Lifetime that upstream asks for, recognisable as the default.
    private static let tokenLifetimeSeconds: Int64 = 3607
    static let mirrorAnnotation = "kubernetes.io/config.mirror"
    private static let enforceAnnotation = "kubernetes.io/enforce-mountable-secrets"

    func concerns(_ resource: Resource) -> Bool { resource.id.group.isEmpty && resource.id.plural == "pods" }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.subresource.isEmpty else { return try check(request) }
        guard request.object.metadata["annotations"]?[Self.mirrorAnnotation] == nil else { return try check(request) }
        request.object.editObject("spec") { spec in
            spec.setDefaultString("serviceAccountName", spec.text("serviceAccount"))
            spec.setDefaultString("serviceAccountName", "default")
            spec["serviceAccount"] = spec["serviceAccountName"]
        }
        let account = try account(request)
        let automounts =
            request.object[path: "spec", "automountServiceAccountToken"]?.bool
            ?? account["automountServiceAccountToken"]?.bool ?? true
        request.object.edit("spec") { spec in
            if automounts { Self.mountToken(&spec) }
            if spec.list("imagePullSecrets").isEmpty, !account.list("imagePullSecrets").isEmpty {
                spec["imagePullSecrets"] = account["imagePullSecrets"]
            }
        }
        try check(request)
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) { try check(request) }

    private func stored(_ request: AdmissionRequest) throws(APIError) -> StoredObject {
        let name = request.object[path: "spec", "serviceAccountName"]?.string ?? ""
        guard let stored = store.get(prefix + request.namespace + "/" + name) else {
            throw request.forbidden(
                "error looking up service account \(request.namespace)/\(name): serviceaccount \(quoted(name)) not found"
            )
        }
        return stored
    }

    private func account(_ request: AdmissionRequest) throws(APIError) -> Value {
        let stored = try stored(request)
        do {
            return try Value(json: stored.value)
        } catch {
            throw .internalError("stored object cannot be read: \(error)")
        }
    }

    private func check(_ request: AdmissionRequest) throws(APIError) {
        let isEphemeral = request.operation == .update && request.subresource == "ephemeralcontainers"
        guard isEphemeral || (request.operation == .create && request.subresource.isEmpty) else { return }
        if request.object.metadata["annotations"]?[Self.mirrorAnnotation] != nil {
            if !isEphemeral { try checkMirror(request) }
            return
        }
        // Nearly no account has the annotation: it is looked for without reading the rest.
        let scanner = MetadataScanner(json: try stored(request).value)
        let enforces = scanner.string(at: ["metadata", "annotations", Self.enforceAnnotation]) ?? ""
        guard ["true", "1", "t", "T", "TRUE", "True"].contains(enforces) else { return }
        let account = try account(request)
        if let why = SecretReferences.firstNotAllowed(request.object["spec"] ?? [:], account, isEphemeral: isEphemeral)
        {
            throw request.forbidden(why)
        }
    }

    /// A mirror pod shows what a node runs anyway; it may not reach for anything of the API.
    private func checkMirror(_ request: AdmissionRequest) throws(APIError) {
        let spec = request.object["spec"] ?? [:]
        guard spec.text("serviceAccountName").isEmpty else {
            throw request.forbidden("a mirror pod may not reference service accounts")
        }
        if PodReferences.hasSecrets(spec) { throw request.forbidden("a mirror pod may not reference secrets") }
        if PodReferences.hasConfigMaps(spec) { throw request.forbidden("a mirror pod may not reference configmaps") }
        for volume in spec.list("volumes") {
            for source in volume["projected"]?.list("sources") ?? [] where source.present("serviceAccountToken") != nil
            {
                throw request.forbidden("a mirror pod may not use ServiceAccountToken volume projections")
            }
            if volume.present("persistentVolumeClaim") != nil {
                throw request.forbidden("a mirror pod may not reference persistentvolumeclaims")
            }
        }
        if !spec.list("resourceClaims").isEmpty {
            throw request.forbidden("a mirror pod may not reference resourceclaims")
        }
    }

    // MARK: The token's volume

    private static func mountToken(_ spec: inout Value) {
        let existing = spec.list("volumes").first { $0.text("name").hasPrefix(volumePrefix) }?.text("name")
        let volume = existing ?? volumePrefix + GeneratedName.suffix()
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
        guard isMounted, existing == nil else { return }
        spec.append(tokenVolume(volume), to: "volumes")
    }

    private static func tokenVolume(_ name: String) -> Value {
        let namespace: Value = [
            "path": "namespace", "fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.namespace"],
        ]
        return [
            "name": .string(name),
            "projected": [
                "defaultMode": 420,
                "sources": [
                    ["serviceAccountToken": ["expirationSeconds": .int(tokenLifetimeSeconds), "path": "token"]],
                    ["configMap": ["name": "kube-root-ca.crt", "items": [["key": "ca.crt", "path": "ca.crt"]]]],
                    ["downwardAPI": ["items": [namespace]]],
                    // The reference build of the API projects this as well. Nothing here publishes such a ConfigMap;
                    // the node agent leaves the file out where it is missing.
                    [
                        "configMap": [
                            "name": "openshift-service-ca.crt",
                            "items": [["key": "service-ca.crt", "path": "service-ca.crt"]],
                        ]
                    ],
                ],
            ],
        ]
    }
}

/// For accounts that list the secrets their pods may use (`kubernetes.io/enforce-mountable-secrets`).
enum SecretReferences {
    static func firstNotAllowed(_ spec: Value, _ account: Value, isEphemeral: Bool) -> String? {
        let allowed = Set(account.list("secrets").map { $0.text("name") })
        let suffix = " is not allowed because service account \(account.name) does not reference that secret"
        func inEnvironment(_ list: String, _ word: String) -> String? {
            for container in spec.list(list) {
                for variable in container.list("env") {
                    guard let secret = variable[path: "valueFrom", "secretKeyRef"]?.text("name"),
                        !allowed.contains(secret)
                    else { continue }
                    return "\(word) \(container.text("name")) with envVar \(variable.text("name")) referencing "
                        + "secret.secretName=\"\(secret)\"" + suffix
                }
            }
            return nil
        }
        if isEphemeral { return inEnvironment("ephemeralContainers", "ephemeral container") }
        for volume in spec.list("volumes") {
            guard let secret = volume.present("secret")?.text("secretName"), !allowed.contains(secret) else { continue }
            return "volume with secret.secretName=\"\(secret)\"" + suffix
        }
        if let found = inEnvironment("initContainers", "init container") ?? inEnvironment("containers", "container") {
            return found
        }
        let pulls = Set(account.list("imagePullSecrets").map { $0.text("name") })
        for (index, reference) in spec.list("imagePullSecrets").enumerated()
        where !pulls.contains(reference.text("name")) {
            return
                "imagePullSecrets[\(index)].name=\"\(reference.text("name"))\" is not allowed because service account "
                + "\(account.name) does not reference that imagePullSecret"
        }
        return nil
    }
}

/// Whether a pod's spec names objects of some kind, wherever a spec can.
enum PodReferences {
    static func containers(_ spec: Value) -> [Value] {
        spec.list("initContainers") + spec.list("containers") + spec.list("ephemeralContainers")
    }

    static func hasSecrets(_ spec: Value) -> Bool {
        if !spec.list("imagePullSecrets").isEmpty { return true }
        if hasEnvironment(spec, "secretRef", "secretKeyRef") { return true }
        return spec.list("volumes").contains { volume in
            if volume.present("secret") != nil { return true }
            if (volume["projected"]?.list("sources") ?? []).contains(where: { $0.present("secret") != nil }) {
                return true
            }
            // Drivers of old hand their credentials over by a secret's name.
            return (volume.fields?.entries ?? []).contains { _, source in
                ["secretRef", "nodePublishSecretRef"].contains { source.present($0) != nil }
                    || !source.text("secretName").isEmpty
            }
        }
    }

    static func hasConfigMaps(_ spec: Value) -> Bool {
        hasEnvironment(spec, "configMapRef", "configMapKeyRef")
            || spec.list("volumes").contains { volume in
                volume.present("configMap") != nil
                    || (volume["projected"]?.list("sources") ?? []).contains { $0.present("configMap") != nil }
            }
    }

    private static func hasEnvironment(_ spec: Value, _ whole: String, _ key: String) -> Bool {
        containers(spec).contains { container in
            container.list("envFrom").contains { $0.present(whole) != nil }
                || container.list("env").contains { $0[path: "valueFrom", key] != nil }
        }
    }
}

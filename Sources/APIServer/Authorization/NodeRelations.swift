internal import APIMachinery
internal import Storage

/// Whether an object belongs to a node's pods. Read from the store when it is asked, so that nothing has to be kept.
struct NodeRelations: Sendable {
    let store: any Store
    private let podPrefix: String
    private let claimPrefix: String
    private let volumePrefix: String
    private let slicePrefix: String
    private let attachmentPrefix: String

    init(store: any Store, registry: ResourceRegistry) {
        func prefix(_ group: String, _ plural: String) -> String {
            registry.resource(group, plural)?.keyPrefix ?? "/registry/\(plural)/"
        }
        self.store = store
        podPrefix = prefix("", "pods")
        claimPrefix = prefix("", "persistentvolumeclaims")
        volumePrefix = prefix("", "persistentvolumes")
        slicePrefix = prefix("resource.k8s.io", "resourceslices")
        attachmentPrefix = prefix("storage.k8s.io", "volumeattachments")
    }

    /// Whether `node` has to do with the object that `attributes` name.
    func reaches(_ attributes: AccessAttributes, from node: String) -> Bool {
        let (namespace, name) = (attributes.namespace, attributes.name)
        switch attributes.resource {
        case "pods": return nodeName(podPrefix + namespace + "/" + name) == node
        case "volumeattachments": return nodeName(attachmentPrefix + name) == node
        case "resourceslices": return nodeName(slicePrefix + name) == node
        case "persistentvolumes": return reachesVolume(name, node)
        case "secrets":
            return pods(node, in: namespace).contains { PodDependencies.names(in: $0, of: .secret).contains(name) }
                || reachesVolumeSecret(namespace, name, node)
        case "configmaps": return reaches(.configMap, namespace, name, node)
        case "persistentvolumeclaims": return reaches(.claim, namespace, name, node)
        case "serviceaccounts": return reaches(.serviceAccount, namespace, name, node)
        case "resourceclaims": return reaches(.resourceClaim, namespace, name, node)
        default: return false
        }
    }

    private func reaches(
        _ kind: PodDependencies.Kind, _ namespace: String, _ name: String, _ node: String
    ) -> Bool {
        pods(node, in: namespace).contains { PodDependencies.names(in: $0, of: kind).contains(name) }
    }

    private func nodeName(_ key: String) -> String? {
        store.get(key).flatMap { MetadataScanner(json: $0.value).string(at: ["spec", "nodeName"]) }
    }

    private func pods(_ node: String, in namespace: String) -> [Value] {
        let prefix = namespace.isEmpty ? podPrefix : podPrefix + namespace + "/"
        guard let list = try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil) else { return [] }
        return list.objects.compactMap { object in
            guard MetadataScanner(json: object.value).string(at: ["spec", "nodeName"]) == node else { return nil }
            return try? Value(json: object.value)
        }
    }

    /// A volume whose claim a pod of the node uses.
    private func reachesVolume(_ name: String, _ node: String) -> Bool {
        guard let volume = store.get(volumePrefix + name) else { return false }
        let scanner = MetadataScanner(json: volume.value)
        guard let namespace = scanner.string(at: ["spec", "claimRef", "namespace"]),
            let claim = scanner.string(at: ["spec", "claimRef", "name"])
        else { return false }
        return reaches(.claim, namespace, claim, node)
    }

    /// Secrets that the volumes behind a pod's claims name. They may lie in any namespace.
    private func reachesVolumeSecret(_ namespace: String, _ name: String, _ node: String) -> Bool {
        pods(node, in: "").contains { pod in
            PodDependencies.names(in: pod, of: .claim).contains { claim in
                guard let stored = store.get(claimPrefix + pod.namespace + "/" + claim),
                    let volumeName = MetadataScanner(json: stored.value).string(at: ["spec", "volumeName"]),
                    let volume = store.get(volumePrefix + volumeName), let value = try? Value(json: volume.value)
                else { return false }
                return PodDependencies.secrets(ofVolume: value, claimNamespace: pod.namespace)
                    .contains { $0.namespace == namespace && $0.name == name }
            }
        }
    }
}

/// What a pod refers to by name.
enum PodDependencies {
    enum Kind: Sendable { case secret, configMap, claim, serviceAccount, resourceClaim }

    static func names(in pod: Value, of kind: Kind) -> Set<String> {
        let spec = pod["spec"] ?? [:]
        var names: Set<String> = []
        switch kind {
        case .serviceAccount: names.insert(spec.text("serviceAccountName"))
        case .secret:
            for reference in spec.list("imagePullSecrets") { names.insert(reference.text("name")) }
            for volume in spec.list("volumes") { addVolumeSecrets(volume, &names) }
            addEnvironment(spec, "secretRef", "secretKeyRef", &names)
        case .configMap:
            for volume in spec.list("volumes") {
                names.insert(volume[path: "configMap", "name"]?.string ?? "")
                for source in volume["projected"]?.list("sources") ?? [] {
                    names.insert(source[path: "configMap", "name"]?.string ?? "")
                }
            }
            addEnvironment(spec, "configMapRef", "configMapKeyRef", &names)
        case .claim:
            for volume in spec.list("volumes") {
                names.insert(volume[path: "persistentVolumeClaim", "claimName"]?.string ?? "")
                if volume.present("ephemeral") != nil { names.insert(pod.name + "-" + volume.text("name")) }
            }
        case .resourceClaim:
            for claim in spec.list("resourceClaims") { names.insert(claim.text("resourceClaimName")) }
            for status in pod["status"]?.list("resourceClaimStatuses") ?? [] {
                names.insert(status.text("resourceClaimName"))
            }
            names.insert(pod[path: "status", "extendedResourceClaimStatus", "resourceClaimName"]?.string ?? "")
        }
        names.remove("")
        return names
    }

    private static func addVolumeSecrets(_ volume: Value, _ names: inout Set<String>) {
        names.insert(volume[path: "secret", "secretName"]?.string ?? "")
        names.insert(volume[path: "azureFile", "secretName"]?.string ?? "")
        for source in volume["projected"]?.list("sources") ?? [] {
            names.insert(source[path: "secret", "name"]?.string ?? "")
        }
        for driver in ["cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos"] {
            names.insert(volume[path: driver, "secretRef", "name"]?.string ?? "")
        }
        names.insert(volume[path: "csi", "nodePublishSecretRef", "name"]?.string ?? "")
    }

    private static func addEnvironment(
        _ spec: Value, _ whole: String, _ single: String, _ names: inout Set<String>
    ) {
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            for container in spec.list(list) {
                for source in container.list("envFrom") { names.insert(source[path: whole, "name"]?.string ?? "") }
                for variable in container.list("env") {
                    names.insert(variable[path: "valueFrom", single, "name"]?.string ?? "")
                }
            }
        }
    }

    /// Secrets that a PersistentVolume names.
    static func secrets(ofVolume volume: Value, claimNamespace: String) -> [(namespace: String, name: String)] {
        let spec = volume["spec"] ?? [:]
        var found: [(namespace: String, name: String)] = []
        func add(_ reference: Value?) {
            guard let reference, !reference.text("name").isEmpty else { return }
            let namespace = reference.text("namespace")
            found.append((namespace.isEmpty ? claimNamespace : namespace, reference.text("name")))
        }
        for driver in ["cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos"] {
            add(spec[path: driver, "secretRef"])
        }
        for use in ["nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef"] {
            add(spec[path: "csi", use])
        }
        if let file = spec.present("azureFile") {
            let namespace = file.text("secretNamespace")
            found.append((namespace.isEmpty ? claimNamespace : namespace, file.text("secretName")))
        }
        return found
    }
}

internal import APIMachinery
internal import Storage

/// Claims without a class get the default one.
struct DefaultStorageClass: AdmissionPlugin {
    let store: any Store
    /// `/registry/storageclasses/`
    let prefix: String

    func concerns(_ resource: Resource) -> Bool {
        resource.id == ResourceID(group: "", plural: "persistentvolumeclaims")
    }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.subresource.isEmpty,
            request.object[path: "spec", "storageClassName"]?.string == nil,
            request.object.metadata["annotations"]?["volume.beta.kubernetes.io/storage-class"] == nil
        else { return }
        let annotations = [
            "storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class",
        ]
        guard let found = DefaultClass.newest(store, prefix, annotations) else { return }
        request.object.editObject("spec") { $0["storageClassName"] = .string(found) }
    }
}

/// Ingresses without a class get the default one.
struct DefaultIngressClass: AdmissionPlugin {
    let store: any Store
    /// `/registry/ingressclasses/`
    let prefix: String

    func concerns(_ resource: Resource) -> Bool {
        resource.id == ResourceID(group: "networking.k8s.io", plural: "ingresses")
    }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.subresource.isEmpty,
            request.object[path: "spec", "ingressClassName"]?.string == nil,
            request.object.metadata["annotations"]?["kubernetes.io/ingress.class"] == nil,
            let found = DefaultClass.newest(store, prefix, ["ingressclass.kubernetes.io/is-default-class"])
        else { return }
        request.object.editObject("spec") { $0["ingressClassName"] = .string(found) }
    }
}

/// The class that an annotation marks as the default; of several the newest, then the first by name.
enum DefaultClass {
    static func newest(_ store: any Store, _ prefix: String, _ annotations: [String]) -> String? {
        guard let list = try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil) else { return nil }
        var best: (name: String, created: String)?
        for object in list.objects {
            guard let value = try? Value(json: object.value) else { continue }
            let own = value.metadata.stringMap("annotations")
            guard annotations.contains(where: { own[$0] == "true" }) else { continue }
            let created = value.metadata.text("creationTimestamp")
            // The list is sorted by name: a later one wins only by its age.
            if best.map({ created > $0.created }) ?? true { best = (value.name, created) }
        }
        return best?.name
    }
}

/// Volumes, claims and attribute classes that are in use stay until they are free again: a finalizer holds them, and
/// their protection controllers take it off.
struct StorageObjectInUseProtection: AdmissionPlugin {
    private static let finalizers = [
        ResourceID(group: "", plural: "persistentvolumes"): "kubernetes.io/pv-protection",
        ResourceID(group: "", plural: "persistentvolumeclaims"): "kubernetes.io/pvc-protection",
        ResourceID(group: "storage.k8s.io", plural: "volumeattributesclasses"): "kubernetes.io/vac-protection",
    ]

    func concerns(_ resource: Resource) -> Bool { Self.finalizers[resource.id] != nil }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.subresource.isEmpty,
            let finalizer = Self.finalizers[request.resource.id], !request.object.finalizers.contains(finalizer)
        else { return }
        request.object.editMetadata { $0.append(.string(finalizer), to: "finalizers") }
    }
}

/// Claims grow only where they are bound and their class says that its volumes can.
struct PersistentVolumeClaimResize: AdmissionPlugin {
    let store: any Store
    /// `/registry/storageclasses/`
    let prefix: String

    func concerns(_ resource: Resource) -> Bool {
        resource.id == ResourceID(group: "", plural: "persistentvolumeclaims")
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .update, request.subresource.isEmpty, let old = request.old else { return }
        func size(_ claim: Value) -> Quantity {
            PodResources.list(claim[path: "spec", "resources"] ?? [:], "requests")["storage"] ?? .zero
        }
        guard size(request.object) > size(old) else { return }
        guard old[path: "status", "phase"]?.string == "Bound" else {
            throw request.forbidden("Only bound persistent volume claims can be expanded")
        }
        let name = ClaimClass.name(request.object)
        guard !name.isEmpty, name == ClaimClass.name(old), let stored = store.get(prefix + name),
            let storageClass = try? Value(json: stored.value), storageClass["allowVolumeExpansion"]?.bool == true
        else {
            throw request.forbidden(
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                    + "support resize")
        }
    }
}

/// The storage class of a claim, which older clients name by an annotation.
enum ClaimClass {
    static func name(_ claim: Value) -> String {
        claim.metadata.stringMap("annotations")["volume.beta.kubernetes.io/storage-class"]
            ?? claim[path: "spec", "storageClassName"]?.string ?? ""
    }
}

internal import APIMachinery

/// Persistent volumes, and those that a VolumeAttachment brings along.
struct PersistentVolumeValidation {
    private static let reclaimPolicies = ["Delete", "Recycle", "Retain"]
    /// In the order in which upstream looks at them: of two sources the later is refused.
    private static let sources = [
        "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte",
        "cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk",
        "portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi",
    ]

    /// A volume that is described inside another object.
    var isInline = false

    func validate(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if isInline { refuseForInline(spec, path, &errors) }
        AccessModes.validate(spec.list("accessModes"), path["accessModes"], ifNone: "", &errors)
        if !isInline { capacity(spec, path["capacity"], &errors) }
        reclaimPolicy(spec, path["persistentVolumeReclaimPolicy"], &errors)
        if let affinity = spec.present("nodeAffinity") {
            if isInline {
                errors.forbidden(path["nodeAffinity"], Self.notInline)
            } else {
                Self.nodeAffinity(affinity, path["nodeAffinity"], &errors)
            }
        }
        source(spec, path, &errors)
        if spec.text("persistentVolumeReclaimPolicy") == "Recycle", isRoot(spec[path: "hostPath", "path"]?.string) {
            errors.forbidden(
                path["persistentVolumeReclaimPolicy"], "may not be 'recycle' for a hostPath mount of '/'")
        }
        classes(spec, path, &errors)
    }

    private static let notInline = "may not be specified in the context of inline volumes"

    private func refuseForInline(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if spec.present("claimRef") != nil { errors.forbidden(path["claimRef"], Self.notInline) }
        if !spec.entries("capacity").isEmpty { errors.forbidden(path["capacity"], Self.notInline) }
        if spec.present("csi") == nil {
            errors.required(path["csi"], "has to be specified in the context of inline volumes")
        }
    }

    private func capacity(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let capacity = spec.entries("capacity")
        if capacity.isEmpty { errors.required(path) }
        if capacity.count != 1 || capacity[0].key != "storage" {
            errors.append(.notSupported(path.text, capacity.isEmpty ? nil : spec["capacity"], ["storage"]))
        }
        for (name, value) in capacity {
            guard let quantity = Quantity(PodQuality.text(value)) else { continue }
            if quantity.value < 0 {
                errors.invalid(path.key(name), quantity.value, "must be a valid resource quantity")
            }
            if quantity.sign <= 0 {
                errors.invalid(path.key(name), quantity.description, "must be greater than zero")
            }
        }
    }

    private func reclaimPolicy(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let policy = spec.text("persistentVolumeReclaimPolicy")
        guard !policy.isEmpty else { return }
        if isInline {
            if policy != "Retain" { errors.forbidden(path, "may only be Retain in the context of inline volumes") }
        } else {
            errors.oneOf(Self.reclaimPolicies, path, policy)
        }
    }

    private static func nodeAffinity(_ affinity: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let required = affinity.present("required") {
            AffinityValidation.nodeSelector(required, path["required"], &errors)
        } else {
            errors.required(path["required"], "must specify required node constraints")
        }
    }

    private func source(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        var count = 0
        for kind in Self.sources {
            guard let source = spec.present(kind) else { continue }
            if count > 0, kind != "flexVolume" {
                errors.forbidden(path[kind == "cephfs" ? "cephFS" : kind], "may not specify more than 1 volume type")
                continue
            }
            count += 1
            let own = path[kind == "gcePersistentDisk" ? "persistentDisk" : kind]
            PersistentSourceValidation.validate(kind, source, own, &errors)
            if kind == "local", isInline || spec.present("nodeAffinity") == nil {
                errors.required(path["nodeAffinity"], "Local volume requires node affinity")
            }
        }
        if count == 0 { errors.required(path, "must specify a volume type") }
    }

    private func isRoot(_ place: String?) -> Bool {
        guard let place, place.hasPrefix("/") else { return false }
        var depth = 0
        for part in place.split(separator: "/") where part != "." { depth += part == ".." ? (depth > 0 ? -1 : 0) : 1 }
        return depth == 0
    }

    private func classes(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let storageClass = spec.text("storageClassName")
        if !storageClass.isEmpty {
            if isInline {
                errors.forbidden(path["storageClassName"], Self.notInline)
            } else {
                errors.subdomain(path["storageClassName"], storageClass)
            }
        }
        if let mode = spec["volumeMode"]?.string {
            if !isInline {
                errors.oneOf(["Block", "Filesystem"], path["volumeMode"], mode)
            } else if mode != "Filesystem" {
                errors.forbidden(
                    path["volumeMode"],
                    "may not specify volumeMode other than Filesystem in the context of inline volumes")
            }
        }
        guard let attributes = spec["volumeAttributesClassName"]?.string, !isInline else { return }
        if attributes.isEmpty {
            errors.required(path["volumeAttributesClassName"], "an empty string is disallowed")
        } else {
            errors.subdomain(path["volumeAttributesClassName"], attributes)
        }
        if spec.present("csi") == nil {
            errors.required(path["csi"], "has to be specified when using volumeAttributesClassName")
        }
    }

    /// What may change in a volume.
    static func changes(_ volume: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (volume["spec"] ?? [:], old["spec"] ?? [:])
        var errors = FieldErrors()
        PersistentVolumeValidation().validate(new, .root("spec"), &errors)
        var source = new
        // A secret for growing may be named later.
        if kept[path: "csi", "controllerExpandSecretRef"] == nil, kept.present("csi") != nil {
            source.edit("csi") { $0["controllerExpandSecretRef"] = nil }
        }
        if sources.contains(where: { (source[$0] ?? .null) != (kept[$0] ?? .null) }) {
            let type = "PersistentVolumeSource"
            let difference = UnifiedDiff.text(GoShape.value(kept, type), GoShape.value(source, type))
            errors.forbidden(
                .root("spec.persistentvolumesource"),
                "spec.persistentvolumesource is immutable after creation\n" + difference)
        }
        errors.immutable(.root("volumeMode"), new["volumeMode"], kept["volumeMode"])
        if let affinity = kept.present("nodeAffinity"), let changed = new["nodeAffinity"] ?? .null as Value?,
            changed != affinity, !NodeLabelRenames.isOnlyRenaming(changed, affinity)
        {
            errors.invalid(
                .root("nodeAffinity"), changed.isNull ? .null : GoShape.value(changed, "VolumeNodeAffinity"),
                "field is immutable, except for updating from beta label to GA")
        }
        if kept.present("volumeAttributesClassName") != nil, new.present("volumeAttributesClassName") == nil {
            errors.forbidden(
                .root("spec.volumeAttributesClassName"), "update from non-nil value to nil is forbidden")
        }
        return errors.list
    }
}

/// `accessModes` of volumes and claims.
enum AccessModes {
    private static let known = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]

    static func validate(_ modes: [Value], _ path: FieldPath, ifNone: String, _ errors: inout FieldErrors) {
        if modes.isEmpty { errors.required(path, ifNone) }
        check(modes, path, &errors)
    }

    static func check(_ modes: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        let names = modes.map { $0.string ?? "" }
        for name in names { errors.oneOf(known, path, name) }
        if names.contains("ReadWriteOncePod"), names.contains(where: { $0 != "ReadWriteOncePod" && known.contains($0) })
        {
            errors.forbidden(path, "may not use ReadWriteOncePod with other access modes")
        }
    }
}

/// Node labels that have lost their `beta`.
enum NodeLabelRenames {
    static let names = [
        "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
        "beta.kubernetes.io/os": "kubernetes.io/os", "beta.kubernetes.io/arch": "kubernetes.io/arch",
        "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    ]

    /// Whether two affinities differ in that some keys have their new names.
    static func isOnlyRenaming(_ new: Value, _ old: Value) -> Bool {
        switch (new, old) {
        case (.object(let left), .object(let right)):
            guard Set(left.keys) == Set(right.keys) else { return false }
            return left.entries.allSatisfy { key, value in
                guard let other = right[key] else { return false }
                if key == "key", let old = other.string, let new = value.string {
                    return old == new || names[old] == new
                }
                return isOnlyRenaming(value, other)
            }
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { isOnlyRenaming($0, $1) }
        default: return new == old
        }
    }
}

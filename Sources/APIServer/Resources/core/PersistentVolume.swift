internal import APIMachinery

struct PersistentVolumeStrategy: ResourceStrategy {
    var returnsDeletedObject: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .bothAndFull }

    /// What a source gets where nothing is said, by source and field.
    private static let sourceDefaults: [(source: String, values: [(String, Value)])] = [
        ("rbd", [("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")]),
        ("iscsi", [("iscsiInterface", "default")]),
        ("azureDisk", [("cachingMode", "ReadWrite"), ("kind", "Shared"), ("fsType", "ext4"), ("readOnly", false)]),
        ("scaleIO", [("storageMode", "ThinProvisioned"), ("fsType", "xfs")]),
        ("hostPath", [("type", "")]),
    ]

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefaultString("persistentVolumeReclaimPolicy", "Retain")
            spec.setDefaultString("volumeMode", "Filesystem")
            for (source, values) in Self.sourceDefaults {
                spec.edit(source) { source in
                    for (key, value) in values { source.setDefault(key, value) }
                }
            }
        }
        object.editObject("status") { $0.setDefaultString("phase", "Pending") }
    }

    func prepareForCreate(_ object: inout Value) {
        object["status"] = [
            "phase": "Pending", "lastPhaseTransitionTime": object.metadata["creationTimestamp"] ?? .null,
        ]
    }

    /// The time of a change of phase is the server's, unless the writer gives one.
    func prepareForStatusUpdate(_ object: inout Value, from old: Value) {
        let phase = object[path: "status", "phase"]
        guard phase != old[path: "status", "phase"],
            object[path: "status", "lastPhaseTransitionTime"] == old[path: "status", "lastPhaseTransitionTime"]
        else { return }
        object.editObject("status") { $0["lastPhaseTransitionTime"] = .string(Time.now().description) }
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        PersistentVolumeValidation().validate(object["spec"] ?? [:], .root("spec"), &errors)
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        PersistentVolumeValidation.changes(object, from: old)
    }

    private static let oldSources = [
        ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
        ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
        ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
        ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ]

    func warnings(_ object: Value) -> [String] {
        let spec = object["spec"] ?? [:]
        var warnings = Self.classAnnotationWarnings(object)
        if spec.text("persistentVolumeReclaimPolicy") == "Recycle" {
            warnings.append(
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
                    + "approach is to use dynamic provisioning.")
        }
        let terms = spec[path: "nodeAffinity", "required", "nodeSelectorTerms"]?.array ?? []
        for (index, term) in terms.enumerated() {
            warnings += NodeLabelWarnings.expressions(term, "spec.nodeAffinity.required.nodeSelectorTerms[\(index)]")
        }
        for (source, name, text) in Self.oldSources where spec.present(source) != nil {
            warnings.append("spec.\(name): \(text)")
        }
        return warnings
    }

    static func classAnnotationWarnings(_ object: Value) -> [String] {
        let annotation = "volume.beta.kubernetes.io/storage-class"
        guard object.metadata["annotations"]?[annotation] != nil else { return [] }
        return [
            "metadata.annotations[\(annotation)]: deprecated since v1.8; use \"storageClassName\" attribute instead"
        ]
    }
}

/// Advice about labels of nodes that have other names now.
enum NodeLabelWarnings {
    static func text(_ label: String) -> String? {
        NodeLabelRenames.names[label].map { name in
            let since = label.hasSuffix("/os") || label.hasSuffix("/arch") ? "v1.14" : "v1.17"
            return "deprecated since \(since); use \(quoted(name)) instead"
        }
    }

    static func expressions(_ term: Value, _ field: String) -> [String] {
        term.list("matchExpressions").enumerated().compactMap { index, expression in
            text(expression.text("key")).map { "\(field).matchExpressions[\(index)].key: \($0)" }
        }
    }

    static func selector(_ selector: Value, _ field: String) -> [String] {
        expressions(selector, field)
            + selector.entries("matchLabels").compactMap { key, _ in
                text(key).map { "\(field).matchLabels.\(key): \($0)" }
            }
    }
}

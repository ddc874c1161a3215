internal import APIMachinery

struct PersistentVolumeStrategy: ResourceStrategy {
    var returnsDeletedObject: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefaultString("persistentVolumeReclaimPolicy", "Retain")
            spec.setDefaultString("volumeMode", "Filesystem")
            spec.edit("hostPath") { $0.setDefault("type", "") }
        }
        object.editObject("status") { $0.setDefaultString("phase", "Pending") }
    }

    func prepareForCreate(_ object: inout Value) {
        object["status"] = [
            "phase": "Pending", "lastPhaseTransitionTime": object.metadata["creationTimestamp"] ?? .null,
        ]
    }

    private static let properties: Set<String> = [
        "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy",
        "storageClassName", "volumeMode", "volumeAttributesClassName",
    ]

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        if spec.list("accessModes").isEmpty { errors.append(.required("spec.accessModes")) }
        let capacity = spec.entries("capacity")
        if capacity.isEmpty { errors.append(.required("spec.capacity")) }
        if capacity.count != 1 || capacity[0].key != "storage" {
            errors.append(.notSupported("spec.capacity", spec["capacity"], ["storage"]))
        }
        if !(spec.fields?.keys ?? []).contains(where: { !Self.properties.contains($0) }) {
            errors.append(.required("spec", "must specify a volume type"))
        }
        return errors
    }
}

internal import APIMachinery

/// Rows of volumes, claims, classes and CSI objects.
enum StorageRows {
    static func persistentVolume(_ object: PrintedObject) -> PrintedRow {
        let phase = object.isBeingDeleted ? "Terminating" : object.string("status", "phase")
        var claim = ""
        if let reference = object["spec", "claimRef"], !reference.isNull {
            claim = (reference["namespace"]?.string ?? "") + "/" + (reference["name"]?.string ?? "")
        }
        return PrintedRow([
            object.name, object.string("spec", "capacity", "storage", or: "0"),
            accessModes(object.list("spec", "accessModes")),
            .string(object.string("spec", "persistentVolumeReclaimPolicy")), .string(phase), .string(claim),
            .string(storageClass(object)), object.string("spec", "volumeAttributesClassName", or: "<unset>"),
            .string(object.string("status", "reason")), object.age, object.string("spec", "volumeMode", or: "<unset>"),
        ])
    }

    static func persistentVolumeClaim(_ object: PrintedObject) -> PrintedRow {
        let phase = object.isBeingDeleted ? "Terminating" : object.string("status", "phase")
        let isBound = !object.string("spec", "volumeName").isEmpty
        return PrintedRow([
            object.name, .string(phase), .string(object.string("spec", "volumeName")),
            isBound ? object.string("status", "capacity", "storage", or: "0") : "",
            isBound ? accessModes(object.list("status", "accessModes")) : "", .string(storageClass(object)),
            object.string("spec", "volumeAttributesClassName", or: "<unset>"), object.age,
            object.string("spec", "volumeMode", or: "<unset>"),
        ])
    }

    /// The annotation from before the field still wins.
    private static func storageClass(_ object: PrintedObject) -> String {
        let annotation = object["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]?.string
        return annotation ?? object.string("spec", "storageClassName")
    }

    private static func accessModes(_ modes: [Value]) -> Value {
        let short = [
            ("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP"),
        ]
        let given = Set(modes.compactMap(\.string))
        return .string(short.filter { given.contains($0.0) }.map(\.1).joined(separator: ","))
    }

    static func storageClassRow(_ object: PrintedObject) -> PrintedRow {
        let annotations = object["metadata", "annotations"]
        let isDefault = [
            "storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class",
        ].contains { annotations?[$0]?.string == "true" }
        return PrintedRow([
            isDefault ? .string(object.string("metadata", "name") + " (default)") : object.name,
            .string(object.string("provisioner")), object.string("reclaimPolicy", or: "Delete"),
            object.string("volumeBindingMode", or: "Immediate"),
            .bool(object["allowVolumeExpansion"]?.bool ?? false), object.age,
        ])
    }

    static func volumeAttachment(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([
            object.name, .string(object.string("spec", "attacher")),
            .string(object.string("spec", "source", "persistentVolumeName")),
            .string(object.string("spec", "nodeName")),
            .bool(object["status", "attached"]?.bool ?? false), object.age,
        ])
    }

    static func volumeAttributesClass(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .string(object.string("driverName")), object.age])
    }

    static func csiDriver(_ object: PrintedObject) -> PrintedRow {
        let audiences = object.list("spec", "tokenRequests").map { $0["audience"]?.string ?? "" }
        let modes = object.list("spec", "volumeLifecycleModes").compactMap(\.string)
        func flag(_ name: String, _ absent: Bool) -> Value { .bool(object["spec", name]?.bool ?? absent) }
        return PrintedRow([
            object.name, flag("attachRequired", true), flag("podInfoOnMount", false), flag("storageCapacity", false),
            .string(audiences.isEmpty ? "<unset>" : audiences.joined(separator: ",")),
            flag("requiresRepublish", false), .string(modes.isEmpty ? "<none>" : modes.joined(separator: ",")),
            object.age,
        ])
    }

    static func csiNode(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .int(object.count("spec", "drivers")), object.age])
    }
}

internal import APIMachinery

struct NamespaceStrategy: ResourceStrategy {
    static let nameLabel = "kubernetes.io/metadata.name"
    static let finalizer = "kubernetes"

    var nameRule: NameRule { .label }
    var selectableFields: SelectableFields {
        SelectableFields(paths: ["metadata.name": ["metadata", "name"], "status.phase": ["status", "phase"]])
    }

    func applyDefaults(_ object: inout Value) {
        // The label carries the name, so that selectors can find one namespace.
        let name = object.name
        guard !name.isEmpty else { return }
        object.editMetadata { metadata in
            metadata.editObject("labels") { $0[Self.nameLabel] = .string(name) }
        }
    }

    func prepareForCreate(_ object: inout Value) {
        object["status"] = ["phase": "Active"]
        object.editObject("spec") { spec in
            guard !spec.list("finalizers").contains(.string(Self.finalizer)) else { return }
            spec.append(.string(Self.finalizer), to: "finalizers")
        }
    }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        object["spec"] = old["spec"]
        object["status"] = old["status"]
    }

    func isHeld(_ object: Value) -> Bool { !(object["spec"] ?? [:]).list("finalizers").isEmpty }

    func prepareForDeletion(_ object: inout Value) {
        object.editObject("status") { $0["phase"] = "Terminating" }
    }

    var metadataOnUpdate: MetadataRepetition { .both }

    func validate(_ object: Value) -> [FieldError] {
        finalizers(object).flatMap { ObjectMetaValidation.finalizer($0, "spec.finalizers") }
    }

    private func finalizers(_ object: Value) -> [String] {
        (object["spec"] ?? [:]).list("finalizers").compactMap(\.string)
    }

    func validateSubresource(_ object: Value, from old: Value, _ subresource: String) -> [FieldError]? {
        guard subresource == "finalize" else { return nil }
        return finalizers(object).enumerated().flatMap {
            ObjectMetaValidation.finalizer($1, "spec.finalizers[\($0)]")
        }
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let phase = object[path: "status", "phase"]?.string ?? ""
        if object.isBeingDeleted, phase != "Terminating" {
            return [.invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")]
        }
        if !object.isBeingDeleted, phase != "Active" {
            return [.invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")]
        }
        return []
    }
}

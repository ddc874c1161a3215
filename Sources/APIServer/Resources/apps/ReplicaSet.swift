internal import APIMachinery

struct ReplicaSetStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var selectableFields: SelectableFields { .with(["status.replicas"], absent: ["status.replicas": "0"]) }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefault("replicas", 1)
            spec.editObject("template") { PodDefaults.applyTemplate(&$0) }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = ["replicas": 0] }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        (old == nil ? WorkloadValidation.nameWarning(object) : [])
            + WorkloadValidation.templateWarnings(object, from: old, "spec", "template")
    }

    func validate(_ object: Value) -> [FieldError] { ReplicaSetValidation.validate(object) }

    /// Upstream checks the whole object once as if it were new and once as a change.
    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        validate(object) + WorkloadValidation.immutableSelector(object, old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        WorkloadValidation.replicaStatus(object["status"] ?? [:])
    }
}

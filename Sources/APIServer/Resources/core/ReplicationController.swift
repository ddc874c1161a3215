internal import APIMachinery

struct ReplicationControllerStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var selectableFields: SelectableFields { .with(["status.replicas"], absent: ["status.replicas": "0"]) }

    func applyDefaults(_ object: inout Value) {
        let labels = object[path: "spec", "template", "metadata", "labels"]
        if let labels, !labels.isEmptyValue {
            if object.metadata["labels"]?.isEmptyValue ?? true {
                object.editMetadata { $0["labels"] = labels }
            }
            object.editObject("spec") { spec in
                if spec["selector"]?.isEmptyValue ?? true { spec["selector"] = labels }
            }
        }
        object.editObject("spec") { spec in
            spec.setDefault("replicas", 1)
            spec.edit("template") { PodDefaults.applyTemplate(&$0) }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = ["replicas": 0] }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        (old == nil ? WorkloadValidation.nameWarning(object) : [])
            + WorkloadValidation.templateWarnings(object, from: old, "spec", "template")
    }

    func validate(_ object: Value) -> [FieldError] { ReplicationControllerValidation.validate(object) }

    /// Upstream checks the whole object once as if it were new and once as a change.
    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] { validate(object) }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        WorkloadValidation.replicaStatus(object["status"] ?? [:])
    }
}

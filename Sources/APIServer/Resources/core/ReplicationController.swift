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

    func warnings(_ object: Value) -> [String] {
        PodWarnings.spec(object[path: "spec", "template", "spec"] ?? [:], "spec.template.spec")
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors = WorkloadValidation.nonnegative(spec, ["replicas", "minReadySeconds"], "spec")
        let selector = spec.stringMap("selector")
        if selector.isEmpty { errors.append(.required("spec.selector")) }
        guard let template = spec.present("template") else { return errors + [.required("spec.template")] }
        let labels = template.metadata.stringMap("labels")
        if !selector.isEmpty, !selector.allSatisfy({ labels[$0.key] == $0.value }) {
            errors.append(
                .invalid(
                    "spec.template.metadata.labels", template.metadata["labels"],
                    "`selector` does not match template `labels`"))
        }
        return errors + PodTemplateValidation.validate(template, "spec.template", restartPolicies: ["Always"])
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        WorkloadValidation.replicaStatus(object["status"] ?? [:])
    }
}

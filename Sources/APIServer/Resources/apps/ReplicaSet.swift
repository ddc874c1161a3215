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

    func warnings(_ object: Value) -> [String] {
        PodWarnings.spec(object[path: "spec", "template", "spec"] ?? [:], "spec.template.spec")
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        return WorkloadValidation.nonnegative(spec, ["replicas", "minReadySeconds"], "spec")
            + WorkloadValidation.selectorAndTemplate(spec, restartPolicies: ["Always"])
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        WorkloadValidation.immutableSelector(object, old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        WorkloadValidation.replicaStatus(object["status"] ?? [:])
    }
}

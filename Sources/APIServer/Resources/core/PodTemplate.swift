internal import APIMachinery

struct PodTemplateStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var returnsDeletedObject: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("template") { PodDefaults.applyTemplate(&$0) }
    }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        WorkloadValidation.templateWarnings(object, from: old, "template")
    }

    func validate(_ object: Value) -> [FieldError] {
        PodTemplateValidation.validate(object["template"] ?? [:], "template")
    }
}

internal import APIMachinery

struct PodTemplateStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var returnsDeletedObject: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("template") { PodDefaults.applyTemplate(&$0) }
    }

    func validate(_ object: Value) -> [FieldError] {
        PodTemplateValidation.validate(object["template"] ?? [:], "template")
    }
}

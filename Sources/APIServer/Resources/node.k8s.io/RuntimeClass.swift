internal import APIMachinery

struct RuntimeClassStrategy: ResourceStrategy {
    var allowsUnconditionalUpdate: Bool { false }
    var metadataOnUpdate: MetadataRepetition { .both }

    func validate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        let handler = object.text("handler")
        if handler.isEmpty {
            errors.required(.root("handler"))
        } else {
            errors.violations(.root("handler"), handler, NameValidation.dns1123Label(handler))
        }
        if let overhead = object[path: "overhead", "podFixed"], !overhead.isNull {
            ResourceRequirementsValidation(claims: []).container(["limits": overhead], .root("overhead"), &errors)
        }
        if let scheduling = object.present("scheduling") { check(scheduling, .root("scheduling"), &errors) }
        return errors.list
    }

    private func check(_ scheduling: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let selector = scheduling.present("nodeSelector") {
            errors.append(ObjectMetaValidation.labelMap(selector, path["nodeSelector"].text))
        }
        let tolerations = scheduling.list("tolerations")
        SchedulingValidation.tolerations(tolerations, path["tolerations"], &errors)
        var seen = Set<[String]>()
        for (index, toleration) in tolerations.enumerated() {
            let key = ["key", "operator", "value", "effect"].map { toleration.text($0) }
            guard !seen.insert(key).inserted else { continue }
            errors.duplicate(path["tolerations"][index], GoShape.value(toleration, "Toleration"))
        }
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.immutable(.root("handler"), object["handler"], old["handler"])
        return errors.list
    }

    func warnings(_ object: Value) -> [String] {
        let scheduling = object["scheduling"] ?? [:]
        return scheduling.entries("nodeSelector").compactMap { key, _ in
            NodeLabelWarnings.text(key).map { "scheduling.nodeSelector: \($0)" }
        }
    }
}

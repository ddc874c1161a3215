internal import APIMachinery

struct IngressClassStrategy: ResourceStrategy {
    private static let controllerBytesMax = 250

    var tracksGeneration: Bool { true }
    var metadataOnUpdate: MetadataRepetition { .both }
    var checksUpdateFirst: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            spec.edit("parameters") { $0.setDefault("scope", "Cluster") }
        }
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        let path = FieldPath.root("spec")
        var errors = FieldErrors()
        let controller = spec.text("controller")
        if controller.isEmpty {
            errors.required(path["controller"])
        } else {
            if controller.utf8.count > Self.controllerBytesMax {
                errors.tooLong(path["controller"], max: Self.controllerBytesMax)
            }
            DomainNames.prefixedPath(controller, path["controller"], &errors)
        }
        if let parameters = spec.present("parameters") { check(parameters, path["parameters"], &errors) }
        return errors.list
    }

    private func check(_ parameters: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        IngressValidation.typedReference(parameters, path, &errors)
        guard let scope = parameters["scope"]?.string else { return errors.required(path["scope"]) }
        let namespace = parameters["namespace"]?.string
        switch scope {
        case "Namespace":
            if let namespace {
                errors.violations(path["namespace"], namespace, NameValidation.dns1123Label(namespace))
            } else {
                errors.required(path["namespace"], "`parameters.scope` is set to 'Namespace'")
            }
        case "Cluster":
            if namespace != nil { errors.forbidden(path["namespace"], "`parameters.scope` is set to 'Cluster'") }
        default: errors.notSupported(path["scope"], scope, ["Cluster", "Namespace"])
        }
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.immutable(
            .root("spec.controller"), object[path: "spec", "controller"], old[path: "spec", "controller"])
        return errors.list
    }
}

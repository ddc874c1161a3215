internal import APIMachinery

struct APIServiceStrategy: ResourceStrategy {
    var nameRule: NameRule { .any }
    var allowsUnconditionalUpdate: Bool { false }

    private static let groupPriorityMax: Int64 = 20_000
    private static let versionPriorityMax: Int64 = 1000

    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            spec.edit("service") { $0.setDefault("port", 443) }
        }
    }

    /// What this server answers itself is there at once.
    func prepareForCreate(_ object: inout Value) {
        guard object["spec"]?.present("service") == nil else { return }
        object["status"] = [
            "conditions": [
                [
                    "type": "Available", "status": "True", "lastTransitionTime": .string(Time.now().description),
                    "reason": "Local", "message": "Local APIServices are always available",
                ]
            ]
        ]
    }

    func validateCreate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        if !object.name.isEmpty { name(object, &errors) }
        errors.append(validate(object))
        return errors.list
    }

    /// The name must be the version and the group.
    private func name(_ object: Value, _ errors: inout FieldErrors) {
        let path = FieldPath.root("metadata.name")
        let violations = NameValidation.pathSegment(object.name)
        errors.violations(path, object.name, violations)
        let wanted =
            (object[path: "spec", "version"]?.string ?? "") + "." + (object[path: "spec", "group"]?.string ?? "")
        if violations.isEmpty, object.name != wanted {
            errors.invalid(path, object.name, "must be `spec.version+\".\"+spec.group`: \(quoted(wanted))")
        }
    }

    func validate(_ object: Value) -> [FieldError] {
        let (value, path) = (object["spec"] ?? [:], FieldPath.root("spec"))
        var errors = FieldErrors()
        let (group, version) = (value.text("group"), value.text("version"))
        if group.isEmpty, version != "v1" {
            errors.required(path["group"], "only v1 may have an empty group and it better be legacy kube")
        }
        if !group.isEmpty { errors.subdomain(path["group"], group) }
        errors.violations(path["version"], version, NameValidation.dns1035Label(version))
        for (name, max) in [
            ("groupPriorityMinimum", Self.groupPriorityMax), ("versionPriority", Self.versionPriorityMax),
        ] {
            let priority = value[name]?.int ?? 0
            if !(1...max).contains(priority) {
                errors.invalid(path[name], priority, "must be positive and less than \(max)")
            }
        }
        let isUnverified = value["insecureSkipTLSVerify"]?.bool == true
        let bundle = Base64.decode(value.text("caBundle").utf8)?.count ?? 0
        guard let service = value.present("service") else {
            if bundle > 0 {
                errors.invalid(path["caBundle"], "\(bundle) bytes", "local APIServices may not have a caBundle")
            }
            if isUnverified {
                errors.invalid(
                    path["insecureSkipTLSVerify"], true, "local APIServices may not have insecureSkipTLSVerify")
            }
            return errors.list
        }
        for part in ["namespace", "name"] where service.text(part).isEmpty { errors.required(path["service"][part]) }
        errors.portNumber(path["service"]["port"], service["port"]?.int ?? 0, prefix: "port is not valid: ")
        if isUnverified, bundle > 0 {
            errors.invalid(path["insecureSkipTLSVerify"], true, "may not be true if caBundle is present")
        }
        return errors.list
    }
}

internal import APIMachinery

/// Jobs: what is generated for them and what may change.
enum JobValidation {
    static let legacyUID = "controller-uid"
    static let legacyName = "job-name"
    static let uidLabel = "batch.kubernetes.io/controller-uid"
    static let nameLabel = "batch.kubernetes.io/job-name"
    private static let spec = FieldPath.root("spec")

    static func validate(_ object: Value) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        generatedSelector(object, value, &errors)
        errors.append(validateSpec(value))
        if value.text("completionMode") == JobSpecValidation.indexed, let completions = value["completions"]?.int,
            completions > 0
        {
            let host = "\(object.name)-\(completions - 1)"
            if !NameValidation.dns1123Label(host).isEmpty {
                errors.invalid(
                    .root("metadata.name"), object.name,
                    "will not able to create pod with invalid DNS label: \(host)")
            }
        }
        return errors.list
    }

    private static func validateSpec(_ value: Value) -> [FieldError] {
        var errors = FieldErrors()
        JobSpecValidation.validate(value, spec, &errors)
        let selector = value.present("selector")
        let found = errors.count
        if let selector { errors.selector(spec["selector"], selector) } else { errors.required(spec["selector"]) }
        let template = value["template"] ?? [:]
        if selector == nil || errors.count == found, !WorkloadValidation.isSelected(selector, template) {
            errors.invalid(
                spec["template"]["metadata"]["labels"], template.metadata.present("labels"),
                "`selector` does not match template `labels`")
        }
        return errors.list
    }

    /// The labels that tell a Job's pods from all others must be there, unless the client takes care of that.
    private static func generatedSelector(_ object: Value, _ value: Value, _ errors: inout FieldErrors) {
        guard value["manualSelector"]?.bool != true, let selector = value.present("selector") else { return }
        let expected = [
            (legacyUID, object.uid), (legacyName, object.name), (uidLabel, object.uid), (nameLabel, object.name),
        ]
        let labels = value[path: "template", "metadata", "labels"]
        for (key, text) in expected {
            let path = spec["template"]["metadata"]["labels"].key(key)
            guard let actual = labels?[key]?.string else {
                errors.required(path, "must be '\(text)'")
                continue
            }
            if actual != text { errors.invalid(path, labels?.sortedKeys(), "must be '\(text)'") }
        }
        let all = Dictionary(expected, uniquingKeysWith: { first, _ in first })
        if let requirements = try? LabelRequirements(value: selector), !requirements.matches(all) {
            errors.invalid(spec["selector"], selector, "`selector` not auto-generated")
        }
    }

    static func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (object["spec"] ?? [:], old["spec"] ?? [:])
        var errors = FieldErrors()
        errors.append(validateSpec(new))
        completions(new, kept, &errors)
        errors.immutable(spec["selector"], new["selector"], kept["selector"])
        template(new, kept, old, &errors)
        errors.immutable(spec["completionMode"], new["completionMode"], kept["completionMode"])
        for (name, type) in [
            ("podFailurePolicy", "PodFailurePolicy"), ("backoffLimitPerIndex", ""), ("managedBy", ""),
            ("successPolicy", "SuccessPolicy"),
        ]
        where (new[name] ?? .null) != (kept[name] ?? .null) {
            let shown = new.present(name).map { type.isEmpty ? $0 : GoShape.value($0, type) }
            errors.invalid(spec[name], shown, "field is immutable")
        }
        return errors.list
    }

    private static func completions(_ new: Value, _ kept: Value, _ errors: inout FieldErrors) {
        guard new.text("completionMode") == JobSpecValidation.indexed else {
            return errors.immutable(spec["completions"], new["completions"], kept["completions"])
        }
        guard let completions = new["completions"]?.int, completions != kept["completions"]?.int,
            completions != new["parallelism"]?.int
        else { return }
        errors.invalid(spec["completions"], completions, "can only be modified in tandem with spec.parallelism")
    }

    /// A template is fixed, except for where pods go and what they get, as long as the Job is suspended.
    private static func template(_ new: Value, _ kept: Value, _ old: Value, _ errors: inout FieldErrors) {
        let template = new["template"] ?? [:]
        var allowed = kept["template"] ?? [:]
        if kept["suspend"]?.bool == true, old[path: "status", "startTime"]?.string == nil || isAtRest(old) {
            allow(template, &allowed)
        }
        guard allowed != template else { return }
        errors.invalid(spec["template"], GoShape.podTemplate(template), "field is immutable")
    }

    private static func isAtRest(_ old: Value) -> Bool {
        let status = old["status"] ?? [:]
        let isSuspended = status.list("conditions").contains {
            $0.text("type") == "Suspended" && $0.text("status") == "True"
        }
        return isSuspended && status["active"]?.int ?? 0 == 0
    }

    private static func allow(_ template: Value, _ allowed: inout Value) {
        let new = template["spec"] ?? [:]
        allowed.editObject("metadata") { metadata in
            for key in ["annotations", "labels"] { metadata[key] = template.metadata[key] }
        }
        if allowed.metadata.isEmptyValue, template["metadata"] == nil { allowed["metadata"] = nil }
        allowed.editObject("spec") { spec in
            for key in ["nodeSelector", "tolerations", "schedulingGates"] { spec[key] = new[key] }
            affinity(new, &spec)
            for list in ["containers", "initContainers"] {
                let wanted = new.list(list)
                var index = 0
                spec.editEach(list) { container in
                    if index < wanted.count { container["resources"] = wanted[index]["resources"] }
                    index += 1
                }
            }
        }
    }

    private static func affinity(_ new: Value, _ spec: inout Value) {
        let node = new[path: "affinity", "nodeAffinity"]
        if new.present("affinity") == nil, spec.present("affinity") == nil { return }
        spec.editObject("affinity") { $0["nodeAffinity"] = node }
        if new.present("affinity") == nil, spec["affinity"]?.isEmptyValue ?? true { spec["affinity"] = nil }
    }
}

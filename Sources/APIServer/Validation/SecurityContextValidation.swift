internal import APIMachinery

/// Users, groups and privileges.
enum SecurityContextValidation {
    private static let seccompTypes = ["Localhost", "RuntimeDefault", "Unconfined"]

    static func pod(_ context: Value, _ field: String) -> [FieldError] {
        var errors = identities(context, ["runAsUser", "runAsGroup", "fsGroup"], field)
        for (index, group) in context.list("supplementalGroups").enumerated() {
            errors += identity(group.int, "\(field).supplementalGroups[\(index)]")
        }
        errors += seccomp(context, field)
        let policy = context.text("fsGroupChangePolicy")
        if !policy.isEmpty, !["Always", "OnRootMismatch"].contains(policy) {
            errors.append(.notSupported(field + ".fsGroupChangePolicy", policy, ["Always", "OnRootMismatch"]))
        }
        return errors
    }

    static func container(_ context: Value, _ field: String) -> [FieldError] {
        var errors = identities(context, ["runAsUser", "runAsGroup"], field) + seccomp(context, field)
        let mount = context.text("procMount")
        if !mount.isEmpty, !["Default", "Unmasked"].contains(mount) {
            errors.append(.notSupported(field + ".procMount", mount, ["Default", "Unmasked"]))
        }
        if context["allowPrivilegeEscalation"]?.bool == false {
            if context["privileged"]?.bool == true {
                errors.append(
                    .invalid(
                        field, context,
                        "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"))
            }
            let added = context[path: "capabilities", "add"]?.array ?? []
            if added.contains("CAP_SYS_ADMIN") {
                errors.append(
                    .invalid(
                        field, context,
                        "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"))
            }
        }
        return errors
    }

    private static func identities(_ context: Value, _ names: [String], _ field: String) -> [FieldError] {
        names.flatMap { identity(context[$0]?.int, field + "." + $0) }
    }

    private static func identity(_ id: Int64?, _ field: String) -> [FieldError] {
        guard let id, !(0...Int64(Int32.max)).contains(id) else { return [] }
        return [.invalid(field, id, "must be between 0 and 2147483647, inclusive")]
    }

    private static func seccomp(_ context: Value, _ field: String) -> [FieldError] {
        guard let profile = context.present("seccompProfile") else { return [] }
        let path = field + ".seccompProfile"
        let type = profile.text("type")
        if type.isEmpty { return [.required(path + ".type", "type is required when seccompProfile is set")] }
        if !seccompTypes.contains(type) { return [.notSupported(path + ".type", type, seccompTypes)] }
        if type == "Localhost", profile.text("localhostProfile").isEmpty {
            return [.required(path + ".localhostProfile", "must be set when seccomp type is Localhost")]
        }
        return []
    }
}

/// Node and pod affinity.
enum AffinityValidation {
    private static let operators = ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"]

    static func validate(_ affinity: Value, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        if let node = affinity.present("nodeAffinity") {
            let path = field + ".nodeAffinity"
            if let required = node.present("requiredDuringSchedulingIgnoredDuringExecution") {
                let own = path + ".requiredDuringSchedulingIgnoredDuringExecution"
                let terms = required.list("nodeSelectorTerms")
                if terms.isEmpty {
                    errors.append(.required(own + ".nodeSelectorTerms", "must have at least one node selector term"))
                }
                for (index, term) in terms.enumerated() {
                    errors += nodeTerm(term, "\(own).nodeSelectorTerms[\(index)]")
                }
            }
            for (index, term) in node.list("preferredDuringSchedulingIgnoredDuringExecution").enumerated() {
                let own = "\(path).preferredDuringSchedulingIgnoredDuringExecution[\(index)]"
                errors += weight(term, own)
                errors += nodeTerm(term["preference"] ?? [:], own + ".preference")
            }
        }
        for kind in ["podAffinity", "podAntiAffinity"] {
            guard let pods = affinity.present(kind) else { continue }
            for (index, term) in pods.list("requiredDuringSchedulingIgnoredDuringExecution").enumerated() {
                errors += podTerm(term, "\(field).\(kind).requiredDuringSchedulingIgnoredDuringExecution[\(index)]")
            }
            for (index, term) in pods.list("preferredDuringSchedulingIgnoredDuringExecution").enumerated() {
                let own = "\(field).\(kind).preferredDuringSchedulingIgnoredDuringExecution[\(index)]"
                errors += weight(term, own)
                errors += podTerm(term["podAffinityTerm"] ?? [:], own + ".podAffinityTerm")
            }
        }
        return errors
    }

    private static func weight(_ term: Value, _ field: String) -> [FieldError] {
        let weight = term["weight"]?.int ?? 0
        return (1...100).contains(weight) ? [] : [.invalid(field + ".weight", weight, "must be in the range 1-100")]
    }

    private static func nodeTerm(_ term: Value, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, expression) in term.list("matchExpressions").enumerated() {
            let path = "\(field).matchExpressions[\(index)]"
            let values = expression.list("values")
            switch expression.text("operator") {
            case "In", "NotIn":
                if values.isEmpty {
                    errors.append(.required(path + ".values", "must be specified when `operator` is 'In' or 'NotIn'"))
                }
            case "Exists", "DoesNotExist":
                if !values.isEmpty {
                    errors.append(
                        .forbidden(
                            path + ".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
                }
            case "Gt", "Lt":
                if values.count != 1 {
                    errors.append(
                        .required(path + ".values", "must be specified single value when `operator` is 'Lt' or 'Gt'"))
                }
            default:
                errors.append(
                    .invalid(path + ".operator", expression["operator"] ?? "", "not a valid selector operator"))
            }
            let key = expression.text("key")
            errors += NameValidation.qualifiedName(key).map { .invalid(path + ".key", key, $0) }
        }
        return errors
    }

    private static func podTerm(_ term: Value, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        if let selector = term.present("labelSelector") {
            errors += WorkloadValidation.labelSelector(selector, field + ".labelSelector")
        }
        let key = term.text("topologyKey")
        if key.isEmpty { return errors + [.required(field + ".topologyKey", "can not be empty")] }
        return errors + NameValidation.qualifiedName(key).map { .invalid(field + ".topologyKey", key, $0) }
    }
}

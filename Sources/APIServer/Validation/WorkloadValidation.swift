internal import APIMachinery

/// What the workload kinds have in common: counts, selector and template.
enum WorkloadValidation {
    static func nonnegative(_ value: Value, _ names: [String], _ field: String) -> [FieldError] {
        names.compactMap { name in
            guard let number = value[name]?.int, number < 0 else { return nil }
            return .invalid(field + "." + name, number, "must be greater than or equal to 0")
        }
    }

    static func immutableSelector(_ object: Value, _ old: Value) -> [FieldError] {
        let (new, kept) = (object[path: "spec", "selector"], old[path: "spec", "selector"])
        return new == kept ? [] : [.invalid("spec.selector", new, "field is immutable")]
    }

    /// `spec.selector`, `spec.template` and that one selects the other.
    static func selectorAndTemplate(_ spec: Value, restartPolicies: [String], claims: [String] = []) -> [FieldError] {
        var errors: [FieldError] = []
        let template = spec["template"] ?? [:]
        let selector = spec.present("selector")
        if let selector {
            let own = labelSelector(selector, "spec.selector")
            errors += own
            if own.isEmpty, selector.entries("matchLabels").isEmpty, selector.list("matchExpressions").isEmpty {
                errors.append(
                    .invalid("spec.selector", selector, "empty selector is invalid for deployment"))
            }
        } else {
            errors.append(.required("spec.selector"))
        }
        let labels = template.metadata.stringMap("labels")
        let requirements = selector.flatMap { try? LabelRequirements(value: $0) }
        if requirements?.matches(labels) != true || selector == nil {
            errors.append(
                .invalid(
                    "spec.template.metadata.labels", template.metadata.present("labels"),
                    "`selector` does not match template `labels`"))
        }
        return errors
            + PodTemplateValidation.validate(
                template, "spec.template", restartPolicies: restartPolicies, claims: claims)
    }

    static func labelSelector(_ selector: Value, _ field: String) -> [FieldError] {
        var errors = ObjectMetaValidation.labelMap(selector["matchLabels"], field + ".matchLabels")
        for (index, expression) in selector.list("matchExpressions").enumerated() {
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
            default:
                errors.append(
                    .invalid(path + ".operator", expression["operator"] ?? "", "not a valid selector operator"))
            }
            let key = expression.text("key")
            errors += NameValidation.qualifiedName(key).map { .invalid(path + ".key", key, $0) }
        }
        return errors
    }

    /// Counts of a ReplicaSet's or ReplicationController's status.
    static func replicaStatus(_ status: Value) -> [FieldError] {
        let counts = ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"]
        var errors = nonnegative(status, counts, "status")
        let replicas = status["replicas"]?.int ?? 0
        for count in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]
        where status[count]?.int ?? 0 > replicas {
            errors.append(
                .invalid("status." + count, status[count]?.int ?? 0, "cannot be greater than status.replicas"))
        }
        if status["availableReplicas"]?.int ?? 0 > status["readyReplicas"]?.int ?? 0 {
            errors.append(
                .invalid(
                    "status.availableReplicas", status["availableReplicas"]?.int ?? 0,
                    "cannot be greater than readyReplicas"))
        }
        return errors
    }
}

/// Deployments.
enum DeploymentValidation {
    static func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors = WorkloadValidation.nonnegative(spec, ["replicas"], "spec")
        errors += WorkloadValidation.selectorAndTemplate(spec, restartPolicies: ["Always"])
        errors += strategy(spec["strategy"] ?? [:])
        errors += WorkloadValidation.nonnegative(spec, ["minReadySeconds", "revisionHistoryLimit"], "spec")
        if let deadline = spec["progressDeadlineSeconds"]?.int {
            if deadline < 0 {
                errors.append(
                    .invalid("spec.progressDeadlineSeconds", deadline, "must be greater than or equal to 0"))
            }
            if deadline <= spec["minReadySeconds"]?.int ?? 0 {
                errors.append(
                    .invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
            }
        }
        return errors
    }

    private static func strategy(_ strategy: Value) -> [FieldError] {
        let type = strategy.text("type")
        let rolling = strategy.present("rollingUpdate")
        switch type {
        case "Recreate":
            return rolling == nil
                ? []
                : [
                    .forbidden(
                        "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
                ]
        case "RollingUpdate":
            guard let rolling else {
                return [.required("spec.strategy.rollingUpdate", "this should be defaulted and never be nil")]
            }
            return rollingUpdate(rolling, "spec.strategy.rollingUpdate")
        default:
            return [.notSupported("spec.strategy.type", type, ["Recreate", "RollingUpdate"])]
        }
    }

    private static func rollingUpdate(_ rolling: Value, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        for name in ["maxUnavailable", "maxSurge"] {
            errors += intOrPercent(rolling[name], field + "." + name)
        }
        func isZero(_ name: String) -> Bool { rolling[name]?.int == 0 || rolling[name]?.string == "0%" }
        if isZero("maxUnavailable"), isZero("maxSurge") {
            errors.append(
                .invalid(field + ".maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0"))
        }
        if let text = rolling["maxUnavailable"]?.string, let percent = Int(text.dropLast()), text.hasSuffix("%"),
            percent > 100
        {
            errors.append(.invalid(field + ".maxUnavailable", text, "must not be greater than 100%"))
        }
        return errors
    }

    static func intOrPercent(_ value: Value?, _ field: String) -> [FieldError] {
        switch value {
        case .int(let number) where number < 0:
            return [.invalid(field, number, "must be greater than or equal to 0")]
        case .string(let text):
            guard !text.hasSuffix("%") || Int(text.dropLast()) == nil || text.hasPrefix("-") else { return [] }
            return [
                .invalid(
                    field, text,
                    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                        + "regex used for validation is '[0-9]+%')")
            ]
        default: return []
        }
    }

    static func validateStatus(_ status: Value) -> [FieldError] {
        let counts = [
            "observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
            "unavailableReplicas",
        ]
        var errors = WorkloadValidation.nonnegative(status, counts, "status")
        let replicas = status["replicas"]?.int ?? 0
        for count in ["updatedReplicas", "readyReplicas", "availableReplicas"] where status[count]?.int ?? 0 > replicas
        {
            errors.append(
                .invalid("status." + count, status[count]?.int ?? 0, "cannot be greater than status.replicas"))
        }
        if status["availableReplicas"]?.int ?? 0 > status["readyReplicas"]?.int ?? 0 {
            errors.append(
                .invalid(
                    "status.availableReplicas", status["availableReplicas"]?.int ?? 0,
                    "cannot be greater than readyReplicas"))
        }
        return errors
    }
}

/// Ports and protocols.
enum PortValidation {
    static let protocols = ["SCTP", "TCP", "UDP"]

    static func number(_ port: Int64, _ field: String) -> [FieldError] {
        (1...65535).contains(port) ? [] : [.invalid(field, port, "must be between 1 and 65535, inclusive")]
    }

    static func name(_ name: String, _ field: String) -> [FieldError] {
        NameValidation.portName(name).map { .invalid(field, name, $0) }
    }

    /// A number or the name of a container's port.
    static func numberOrName(_ value: Value?, _ field: String) -> [FieldError] {
        switch value {
        case .string(let text): name(text, field)
        case .int(let port): number(port, field)
        default: number(0, field)
        }
    }
}

internal import APIMachinery

/// Deployments.
enum DeploymentValidation {
    private static let spec = FieldPath.root("spec")
    private static let words = WorkloadValidation.Words(
        emptyFor: "deployment", invalid: "invalid label selector", kind: "ReplicaSet")

    static func validate(_ object: Value) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        errors.nonnegative(spec, value, "replicas")
        WorkloadValidation.selectorAndTemplate(value, spec, words, &errors)
        strategy(value["strategy"] ?? [:], spec["strategy"], &errors)
        errors.nonnegative(spec, value, "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
        if let deadline = value["progressDeadlineSeconds"]?.int, deadline <= value["minReadySeconds"]?.int ?? 0 {
            errors.invalid(spec["progressDeadlineSeconds"], deadline, "must be greater than minReadySeconds")
        }
        return errors.list
    }

    private static func strategy(_ strategy: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let rolling = strategy.present("rollingUpdate")
        switch strategy.text("type") {
        case "Recreate":
            if rolling != nil {
                errors.forbidden(
                    path["rollingUpdate"], "may not be specified when strategy `type` is 'Recreate'")
            }
        case "RollingUpdate":
            guard let rolling else {
                return errors.required(path["rollingUpdate"], "this should be defaulted and never be nil")
            }
            rollingUpdate(rolling, path["rollingUpdate"], &errors)
        default:
            errors.notSupported(
                path, value: GoShape.value(strategy, "DeploymentStrategy"), ["Recreate", "RollingUpdate"])
        }
    }

    private static func rollingUpdate(_ rolling: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (unavailable, surge) = (rolling["maxUnavailable"], rolling["maxSurge"])
        errors.intOrPercent(path["maxUnavailable"], unavailable)
        errors.intOrPercent(path["maxSurge"], surge)
        if Percentage.number(unavailable) == 0, Percentage.number(surge) == 0 {
            errors.invalid(path["maxUnavailable"], unavailable, "may not be 0 when `maxSurge` is 0")
        }
        errors.notMoreThan100Percent(path["maxUnavailable"], unavailable)
    }

    static func validateStatus(_ object: Value, from old: Value) -> [FieldError] {
        let status = object["status"] ?? [:]
        var errors = FieldErrors()
        errors.nonnegative(
            .root("status"), status, "observedGeneration", "replicas", "updatedReplicas", "readyReplicas",
            "availableReplicas", "unavailableReplicas", "terminatingReplicas", "collisionCount")
        WorkloadValidation.partsOfReplicas(
            status, ["updatedReplicas", "readyReplicas", "availableReplicas"], availableAmong: "readyReplicas", &errors)
        WorkloadValidation.collisionCount(object, old, &errors)
        return errors.list
    }
}

/// ReplicaSets.
enum ReplicaSetValidation {
    private static let words = WorkloadValidation.Words(
        emptyFor: "deployment", invalid: "invalid label selector", kind: "ReplicaSet")

    static func validate(_ object: Value) -> [FieldError] {
        let (value, path) = (object["spec"] ?? [:], FieldPath.root("spec"))
        var errors = FieldErrors()
        errors.nonnegative(path, value, "replicas", "minReadySeconds")
        WorkloadValidation.selectorAndTemplate(value, path, words, &errors)
        return errors.list
    }
}

/// ReplicationControllers, whose selector is a plain map.
enum ReplicationControllerValidation {
    static func validate(_ object: Value) -> [FieldError] {
        let (value, path) = (object["spec"] ?? [:], FieldPath.root("spec"))
        var errors = FieldErrors()
        errors.nonnegative(path, value, "minReadySeconds")
        let selector = value.stringMap("selector")
        if selector.isEmpty { errors.required(path["selector"]) }
        errors.nonnegative(path, value, "replicas")
        guard let template = value.present("template") else {
            errors.required(path["template"])
            return errors.list
        }
        let labels = template.metadata.stringMap("labels")
        if !selector.allSatisfy({ labels[$0.key] == $0.value }) {
            errors.invalid(
                path["template"]["metadata"]["labels"], template.metadata.present("labels"),
                "`selector` does not match template `labels`")
        }
        WorkloadValidation.template(
            template, path["template"], kind: "ReplicationController", replicas: value["replicas"]?.int ?? 1, &errors)
        return errors.list
    }
}

/// DaemonSets.
enum DaemonSetValidation {
    static func validate(_ object: Value) -> [FieldError] {
        let (value, path) = (object["spec"] ?? [:], FieldPath.root("spec"))
        var errors = FieldErrors()
        let selector = value.present("selector")
        errors.selector(path["selector"], selector)
        let template = value["template"] ?? [:]
        if errors.isEmpty, !WorkloadValidation.isSelected(selector, template) {
            errors.invalid(
                path["template"]["metadata"]["labels"], template.metadata.present("labels"),
                "`selector` does not match template `labels`")
        }
        if let selector, selector.entries("matchLabels").isEmpty, selector.list("matchExpressions").isEmpty {
            errors.invalid(path["selector"], selector, "empty selector is invalid for daemonset")
        }
        // A daemon runs on more than one node.
        WorkloadValidation.template(template, path["template"], kind: "DaemonSet", replicas: 2, &errors)
        errors.nonnegative(path, value, "minReadySeconds")
        strategy(value["updateStrategy"] ?? [:], path["updateStrategy"], &errors)
        errors.nonnegative(path, value, "revisionHistoryLimit")
        return errors.list
    }

    private static func strategy(_ strategy: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        switch strategy.text("type") {
        case "OnDelete": break
        case "RollingUpdate":
            guard let rolling = strategy.present("rollingUpdate") else {
                return errors.required(path["rollingUpdate"])
            }
            rollingUpdate(rolling, path["rollingUpdate"], &errors)
        default:
            errors.notSupported(
                path, value: GoShape.value(strategy, "DeploymentStrategy"), ["RollingUpdate", "OnDelete"])
        }
    }

    private static func rollingUpdate(_ rolling: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (unavailable, surge) = (rolling["maxUnavailable"], rolling["maxSurge"])
        errors.intOrPercent(path["maxUnavailable"], unavailable)
        errors.intOrPercent(path["maxSurge"], surge)
        errors.notMoreThan100Percent(path["maxUnavailable"], unavailable)
        errors.notMoreThan100Percent(path["maxSurge"], surge)
        switch (Percentage.number(unavailable) != 0, Percentage.number(surge) != 0) {
        case (true, true):
            errors.invalid(path["maxSurge"], surge, "may not be set when maxUnavailable is non-zero")
        case (false, false): errors.required(path["maxUnavailable"], "cannot be 0 when maxSurge is 0")
        default: break
        }
    }

    static func validateStatus(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.nonnegative(
            .root("status"), object["status"] ?? [:], "currentNumberScheduled", "numberMisscheduled",
            "desiredNumberScheduled", "numberReady", "observedGeneration", "updatedNumberScheduled", "numberAvailable",
            "numberUnavailable", "collisionCount")
        WorkloadValidation.collisionCount(object, old, &errors)
        return errors.list
    }
}

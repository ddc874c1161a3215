internal import APIMachinery

struct PodDisruptionBudgetStrategy: ResourceStrategy {
    var nameRule: NameRule { .pathSegment }
    var tracksGeneration: Bool { true }
    var allowsUnconditionalUpdate: Bool { false }

    func validate(_ object: Value) -> [FieldError] {
        let (value, path) = (object["spec"] ?? [:], FieldPath.root("spec"))
        var errors = FieldErrors()
        if value.present("minAvailable") != nil, value.present("maxUnavailable") != nil {
            errors.invalid(
                path, GoShape.value(value, "PodDisruptionBudgetSpec"),
                "minAvailable and maxUnavailable cannot be both set")
        }
        for name in ["minAvailable", "maxUnavailable"] {
            errors.intOrPercent(path[name], value[name])
            errors.notMoreThan100Percent(path[name], value[name])
        }
        errors.selector(path["selector"], value["selector"])
        if let policy = value.present("unhealthyPodEvictionPolicy")?.string {
            errors.oneOf(["AlwaysAllow", "IfHealthyBudget"], path["unhealthyPodEvictionPolicy"], policy)
        }
        return errors.list
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (status, path) = (object["status"] ?? [:], FieldPath.root("status"))
        var errors = FieldErrors()
        ConditionValidation.validate(status.list("conditions"), path["conditions"], &errors)
        errors.nonnegative(
            path, status, "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
        return errors.list
    }
}

internal import APIMachinery

/// HorizontalPodAutoscalers, as `autoscaling/v2` has them.
enum AutoscalerValidation {
    private static let types = ["ContainerResource", "External", "Object", "Pods", "Resource"]
    private static let spec = FieldPath.root("spec")

    static func validate(_ object: Value) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        let minimum = value["minReplicas"]?.int
        let maximum = value["maxReplicas"]?.int ?? 0
        if let minimum, minimum < 1 {
            errors.invalid(spec["minReplicas"], minimum, "must be greater than or equal to 1")
        }
        if maximum == 0 {
            errors.required(spec["maxReplicas"], "must be set and greater than 0")
        } else if maximum < 1 {
            errors.invalid(spec["maxReplicas"], maximum, "must be greater than or equal to 1")
        }
        if let minimum, maximum < minimum {
            errors.invalid(spec["maxReplicas"], maximum, "must be greater than or equal to `minReplicas`")
        }
        reference(value["scaleTargetRef"] ?? [:], spec["scaleTargetRef"], mayBeCore: false, &errors)
        metrics(value, &errors)
        if let behavior = value.present("behavior") {
            for name in ["scaleUp", "scaleDown"] {
                guard let rules = behavior.present(name) else { continue }
                self.rules(rules, spec["behavior"][name], &errors)
            }
        }
        return errors.list
    }

    /// What is scaled, or what a metric describes. Only the latter may be of any kind of the core group.
    private static func reference(
        _ reference: Value, _ path: FieldPath, mayBeCore: Bool, _ errors: inout FieldErrors
    ) {
        for part in ["kind", "name"] {
            let text = reference.text(part)
            if text.isEmpty { errors.required(path[part]) } else { errors.pathSegment(path[part], text) }
        }
        let version = reference.text("apiVersion")
        let slashes = version.utf8.filter { $0 == UInt8(ascii: "/") }.count
        if slashes > 1 {
            errors.invalid(path["apiVersion"], version, "unexpected GroupVersion string: \(version)")
        } else if slashes == 0 || version.hasPrefix("/"), !mayBeCore, reference.text("kind") != "ReplicationController"
        {
            errors.invalid(path["apiVersion"], version, "apiVersion must specify API group")
        }
    }

    private static func metrics(_ value: Value, _ errors: inout FieldErrors) {
        let metrics = value.list("metrics")
        for (index, metric) in metrics.enumerated() { self.metric(metric, spec["metrics"][index], &errors) }
        let scalesToZero = metrics.contains { ["Object", "External"].contains($0.text("type")) }
        if value["minReplicas"]?.int == 0, !scalesToZero {
            errors.forbidden(
                spec["metrics"],
                "must specify at least one Object or External metric to support scaling to zero replicas")
        }
    }

    private static func key(of type: String) -> String { type.prefix(1).lowercased() + type.dropFirst() }

    private static func metric(_ metric: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let type = metric.text("type")
        if type.isEmpty { errors.required(path["type"], "must specify a metric source type") }
        errors.oneOf(types, path["type"], type)
        let present = ["object", "external", "pods", "resource", "containerResource"]
            .filter { metric.present($0) != nil }
        if let first = present.first { source(first, metric[first] ?? [:], path[first], &errors) }
        let expected = types.contains(type) ? key(of: type) : ""
        if !expected.isEmpty, !present.contains(expected) {
            errors.required(path[expected], "must populate information for the given metric source")
        }
        guard present.count != 1 else { return }
        for name in present where name != expected {
            errors.forbidden(path[name], "must populate the given metric source only")
        }
    }

    private static func source(_ kind: String, _ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let goal = source["target"] ?? [:]
        func has(_ name: String) -> Bool { goal.present(name) != nil }
        switch kind {
        case "resource", "containerResource":
            if source.text("name").isEmpty { errors.required(path["name"], "must specify a resource name") }
            if kind == "containerResource", source.text("container").isEmpty {
                errors.required(path["container"], "must specify a container")
            }
            target(goal, path["target"], &errors)
            if !has("averageUtilization"), !has("averageValue") {
                errors.required(
                    path["target"]["averageUtilization"], "must set either a target raw value or a target utilization")
            }
            if has("averageUtilization"), has("averageValue") {
                errors.forbidden(
                    path["target"]["averageValue"], "may not set both a target raw value and a target utilization")
            }
            return
        case "object":
            reference(source["describedObject"] ?? [:], path["describedObject"], mayBeCore: true, &errors)
        default: break
        }
        let name = source[path: "metric", "name"]?.string ?? ""
        if name.isEmpty {
            errors.required(path["metric"]["name"], "must specify a metric name")
        } else {
            errors.pathSegment(path["metric"]["name"], name)
        }
        target(goal, path["target"], &errors)
        values(kind, goal, path["target"], &errors)
    }

    /// Which of the values a target of objects, pods and external metrics has.
    private static func values(_ kind: String, _ goal: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (value, average) = (goal.present("value"), goal.present("averageValue"))
        switch kind {
        case "pods":
            if !isPositive(average) {
                errors.required(path["averageValue"], "must specify a positive target averageValue")
            }
        case "object":
            if value == nil, average == nil {
                errors.required(path["averageValue"], "must set either a target value or averageValue")
            }
        default:
            if value == nil, average == nil {
                errors.required(
                    path["averageValue"], "must set either a target value for metric or a per-pod target")
            }
            if value != nil, average != nil {
                errors.forbidden(
                    path["value"], "may not set both a target value for metric and a per-pod target")
            }
        }
    }

    private static func isPositive(_ value: Value?) -> Bool {
        guard let value else { return false }
        return (Quantity(PodQuality.text(value))?.sign ?? 0) > 0
    }

    private static func target(_ target: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let type = target.text("type")
        if type.isEmpty { errors.required(path["type"], "must specify a metric target type") }
        if !["Utilization", "Value", "AverageValue"].contains(type) {
            errors.invalid(path["type"], type, "must be either Utilization, Value, or AverageValue")
        }
        for name in ["value", "averageValue"] {
            guard let value = target.present(name), !isPositive(value) else { continue }
            errors.invalid(path[name], PodQuality.text(value), "must be positive")
        }
        if let percent = target["averageUtilization"]?.int, percent < 1 {
            errors.invalid(path["averageUtilization"], percent, "must be greater than 0")
        }
    }

    private static let windowSecondsMax: Int64 = 3600
    private static let periodSecondsMax: Int64 = 1800

    private static func rules(_ rules: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let window = rules["stabilizationWindowSeconds"]?.int {
            let own = path["stabilizationWindowSeconds"]
            if window < 0 { errors.invalid(own, window, "must be greater than or equal to zero") }
            if window > windowSecondsMax {
                errors.invalid(own, window, "must be less than or equal to \(windowSecondsMax)")
            }
        }
        if let policy = rules.present("selectPolicy")?.string {
            errors.oneOf(["Disabled", "Max", "Min"], path["selectPolicy"], policy)
        }
        let policies = rules.list("policies")
        if policies.isEmpty { errors.required(path["policies"], "must specify at least one Policy") }
        for (index, policy) in policies.enumerated() {
            let own = path["policies"][index]
            errors.oneOf(["Pods", "Percent"], own["type"], policy.text("type"))
            for name in ["value", "periodSeconds"] where policy[name]?.int ?? 0 <= 0 {
                errors.invalid(own[name], policy[name]?.int ?? 0, "must be greater than zero")
            }
            if let period = policy["periodSeconds"]?.int, period > periodSecondsMax {
                errors.invalid(own["periodSeconds"], period, "must be less than or equal to \(periodSecondsMax)")
            }
        }
        if let tolerance = rules.present("tolerance"), let quantity = Quantity(PodQuality.text(tolerance)),
            quantity.sign < 0
        {
            errors.invalid(path["tolerance"], PodQuality.text(tolerance), "must be greater than or equal to 0")
        }
    }

    static func validateStatus(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        let status = object["status"] ?? [:]
        errors.nonnegative(.root("status"), status, "currentReplicas")
        // Upstream's own spelling.
        errors.nonnegative(.root("status.desiredReplicasa"), status["desiredReplicas"]?.int)
        return errors.list
    }
}

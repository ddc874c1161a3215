internal import APIMachinery

/// Between the two versions of HorizontalPodAutoscaler: `v1` carries what it has no fields for as JSON in annotations.
enum AutoscalerAnnotations {
    private static let prefix = "autoscaling.alpha.kubernetes.io/"
    private static let metrics = prefix + "metrics"
    private static let statuses = prefix + "current-metrics"
    private static let behavior = prefix + "behavior"
    private static let conditions = prefix + "conditions"

    /// What `v1` means where it is silent: the one CPU target, unless other metrics are given.
    static func applyDefaults(_ object: inout Value) {
        let hasMetrics = object.metadata["annotations"]?.present(metrics) != nil
        object.editObject("spec") { spec in
            spec.setDefault("minReplicas", 1)
            guard !hasMetrics else { return }
            spec.setDefault("targetCPUUtilizationPercentage", .int(AutoscalerDefaults.cpuPercent))
        }
    }

    /// From `v1`.
    static func expanded(_ object: Value) -> Value {
        var stored = object
        stored["apiVersion"] = "autoscaling/v2"
        var given: [String: Value] = [:]
        for key in [metrics, statuses, behavior, conditions] {
            guard let text = object.metadata["annotations"]?[key]?.string else { continue }
            given[key] = try? Value(json: Array(text.utf8))
            stored.editMetadata { metadata in
                metadata.edit("annotations") { $0[key] = nil }
                if metadata["annotations"]?.isEmptyValue ?? false { metadata["annotations"] = nil }
            }
        }
        stored.editObject("spec") { spec in
            var list = (given[metrics]?.array ?? []).map(wideMetric)
            if let percent = spec["targetCPUUtilizationPercentage"]?.int {
                list.append(AutoscalerDefaults.cpu(percent))
            }
            spec["targetCPUUtilizationPercentage"] = nil
            if !list.isEmpty { spec["metrics"] = .array(list) }
            if let rules = given[behavior], rules.fields != nil { spec["behavior"] = renamed(rules) { lowered($0) } }
        }
        stored.edit("status") { status in
            let percent = status["currentCPUUtilizationPercentage"]?.int
            status["currentCPUUtilizationPercentage"] = nil
            if let list = given[statuses]?.array {
                status["currentMetrics"] = .array(list.map(wideStatus))
            } else if let percent {
                status["currentMetrics"] = [
                    [
                        "type": "Resource",
                        "resource": ["name": "cpu", "current": ["averageUtilization": .int(percent)]],
                    ]
                ]
            }
            if let list = given[conditions]?.array { status["conditions"] = .array(list) }
        }
        return stored
    }

    /// To `v1`.
    static func folded(_ object: Value) -> Value {
        var shown = object
        shown["apiVersion"] = "autoscaling/v1"
        var annotations: [(String, Value)] = []
        shown.edit("spec") { spec in
            var others: [Value] = []
            for metric in spec.list("metrics") {
                if let percent = cpuPercent(metric) {
                    spec["targetCPUUtilizationPercentage"] = .int(percent)
                } else {
                    others.append(narrowMetric(metric))
                }
            }
            if !others.isEmpty { annotations.append((metrics, .array(others))) }
            if let rules = spec.present("behavior") { annotations.append((behavior, shape(rules))) }
            spec["metrics"] = nil
            spec["behavior"] = nil
        }
        shown.edit("status") { status in
            let current = status.list("currentMetrics")
            for metric in current where metric[path: "resource", "name"]?.string == "cpu" {
                guard let percent = metric[path: "resource", "current", "averageUtilization"] else { continue }
                status["currentCPUUtilizationPercentage"] = percent
            }
            if !current.isEmpty { annotations.append((statuses, .array(current.map(narrowStatus)))) }
            if !status.list("conditions").isEmpty { annotations.append((conditions, status["conditions"] ?? [])) }
            status["currentMetrics"] = nil
            status["conditions"] = nil
        }
        guard !annotations.isEmpty else { return shown }
        shown.editMetadata { metadata in
            metadata.editObject("annotations") { map in
                for (key, value) in annotations {
                    map[key] = .string(String(decoding: value.jsonBytes(), as: UTF8.self))
                }
            }
        }
        return shown
    }

    private static func cpuPercent(_ metric: Value) -> Int64? {
        guard metric.text("type") == "Resource", metric[path: "resource", "name"]?.string == "cpu" else { return nil }
        return metric[path: "resource", "target", "averageUtilization"]?.int
    }

    private static func key(of metric: Value) -> String {
        let type = metric.text("type")
        return type.prefix(1).lowercased() + type.dropFirst()
    }

    /// A member that is there, under another name.
    private static func move(_ value: Value?, _ name: String, _ members: inout [(String, Value)]) {
        if let value, !value.isNull { members.append((name, value)) }
    }

    /// `{"type":"Pods","pods":{"metricName":"m","targetAverageValue":"1"}}`
    private static func narrowMetric(_ metric: Value) -> Value {
        let key = key(of: metric)
        guard let source = metric.present(key) else { return metric }
        let (target, name) = (source["target"], source[path: "metric", "name"])
        var members: [(String, Value)] = []
        switch key {
        case "resource", "containerResource":
            move(source["name"], "name", &members)
            move(target?["averageUtilization"], "targetAverageUtilization", &members)
            move(target?["averageValue"], "targetAverageValue", &members)
            if key == "containerResource" { move(source["container"], "container", &members) }
        case "pods":
            move(name, "metricName", &members)
            move(target?["averageValue"], "targetAverageValue", &members)
            move(source[path: "metric", "selector"], "selector", &members)
        case "object":
            move(source["describedObject"], "target", &members)
            move(name, "metricName", &members)
            move(target?["value"] ?? "0", "targetValue", &members)
            move(source[path: "metric", "selector"], "selector", &members)
            move(target?["averageValue"], "averageValue", &members)
        default:
            move(name, "metricName", &members)
            move(source[path: "metric", "selector"], "metricSelector", &members)
            move(target?["value"], "targetValue", &members)
            move(target?["averageValue"], "targetAverageValue", &members)
        }
        return .record([("type", metric["type"] ?? ""), (key, .record(members))])
    }

    private static func wideMetric(_ metric: Value) -> Value {
        let key = key(of: metric)
        guard let source = metric.present(key) else { return metric }
        var identifier: [(String, Value)] = []
        move(source["metricName"], "name", &identifier)
        move(source[key == "external" ? "metricSelector" : "selector"], "selector", &identifier)
        let percent = source.present("targetAverageUtilization")
        let average = source.present(key == "object" ? "averageValue" : "targetAverageValue")
        let value = source.present("targetValue").flatMap { $0.string == "0" && average != nil ? nil : $0 }
        var target: [(String, Value)] = [
            ("type", percent != nil ? "Utilization" : value != nil ? "Value" : "AverageValue")
        ]
        move(value, "value", &target)
        move(average, "averageValue", &target)
        move(percent, "averageUtilization", &target)
        var members: [(String, Value)] = []
        switch key {
        case "resource", "containerResource":
            move(source["name"], "name", &members)
            members.append(("target", .record(target)))
            if key == "containerResource" { move(source["container"], "container", &members) }
        case "object":
            move(source["target"], "describedObject", &members)
            members += [("target", .record(target)), ("metric", .record(identifier))]
        default: members += [("metric", .record(identifier)), ("target", .record(target))]
        }
        return .record([("type", metric["type"] ?? ""), (key, .record(members))])
    }

    private static func narrowStatus(_ status: Value) -> Value {
        let key = key(of: status)
        guard let source = status.present(key) else { return status }
        let (current, name) = (source["current"], source[path: "metric", "name"])
        var members: [(String, Value)] = []
        switch key {
        case "resource", "containerResource":
            move(source["name"], "name", &members)
            move(current?["averageUtilization"], "currentAverageUtilization", &members)
            move(current?["averageValue"] ?? "0", "currentAverageValue", &members)
            if key == "containerResource" { move(source["container"], "container", &members) }
        case "object":
            move(source["describedObject"], "target", &members)
            move(name, "metricName", &members)
            move(current?["value"] ?? "0", "currentValue", &members)
            move(source[path: "metric", "selector"], "selector", &members)
            move(current?["averageValue"], "averageValue", &members)
        case "pods":
            move(name, "metricName", &members)
            move(current?["averageValue"] ?? "0", "currentAverageValue", &members)
            move(source[path: "metric", "selector"], "selector", &members)
        default:
            move(name, "metricName", &members)
            move(source[path: "metric", "selector"], "metricSelector", &members)
            move(current?["value"] ?? "0", "currentValue", &members)
            move(current?["averageValue"], "currentAverageValue", &members)
        }
        return .record([("type", status["type"] ?? ""), (key, .record(members))])
    }

    private static func wideStatus(_ status: Value) -> Value {
        let key = key(of: status)
        guard let source = status.present(key) else { return status }
        var identifier: [(String, Value)] = []
        move(source["metricName"], "name", &identifier)
        move(source[key == "external" ? "metricSelector" : "selector"], "selector", &identifier)
        var current: [(String, Value)] = []
        move(source["currentValue"], "value", &current)
        move(source[key == "object" ? "averageValue" : "currentAverageValue"], "averageValue", &current)
        move(source["currentAverageUtilization"], "averageUtilization", &current)
        var members: [(String, Value)] = []
        switch key {
        case "resource", "containerResource":
            move(source["name"], "name", &members)
            members.append(("current", .record(current)))
            if key == "containerResource" { move(source["container"], "container", &members) }
        case "object":
            members += [("metric", .record(identifier)), ("current", .record(current))]
            move(source["target"], "describedObject", &members)
        default: members += [("metric", .record(identifier)), ("current", .record(current))]
        }
        return .record([("type", status["type"] ?? ""), (key, .record(members))])
    }

    /// Behaviour is written as upstream's internal struct: upper-case names, nulls included.
    private static func shape(_ behavior: Value) -> Value { GoShape.value(behavior, "HorizontalPodAutoscalerBehavior") }

    private static func lowered(_ key: String) -> String { key.prefix(1).lowercased() + key.dropFirst() }

    private static func renamed(_ value: Value, _ rename: (String) -> String) -> Value {
        switch value {
        case .object(let fields):
            .record(fields.entries.filter { !$0.value.isNull }.map { (rename($0.key), renamed($0.value, rename)) })
        case .array(let elements): .array(elements.map { renamed($0, rename) })
        default: value
        }
    }
}

internal import APIMachinery

struct HorizontalPodAutoscalerStrategy: ResourceStrategy {
    private static let cpuPercent: Int64 = 80

    func applyDefaults(_ object: inout Value) {
        let isV2 = object.text("apiVersion") == "autoscaling/v2"
        if !isV2 {
            object.editObject("spec") { $0.setDefault("targetCPUUtilizationPercentage", .int(Self.cpuPercent)) }
        }
        object.editObject("spec") { spec in
            spec.setDefault("minReplicas", 1)
            if isV2, spec.list("metrics").isEmpty {
                spec["metrics"] = [
                    [
                        "type": "Resource",
                        "resource": [
                            "name": "cpu",
                            "target": ["type": "Utilization", "averageUtilization": .int(Self.cpuPercent)],
                        ],
                    ]
                ]
            }
            spec.edit("behavior") { Self.applyBehavior(&$0) }
        }
    }

    /// Up fast, down at most everything in a quarter of a minute.
    private static func applyBehavior(_ behavior: inout Value) {
        let everything: Value = ["type": "Percent", "value": 100, "periodSeconds": 15]
        behavior.editObject("scaleUp") { rules in
            rules.setDefault("stabilizationWindowSeconds", 0)
            rules.setDefaultString("selectPolicy", "Max")
            if rules.list("policies").isEmpty {
                rules["policies"] = [["type": "Pods", "value": 4, "periodSeconds": 15], everything]
            }
        }
        behavior.editObject("scaleDown") { rules in
            rules.setDefaultString("selectPolicy", "Max")
            if rules.list("policies").isEmpty { rules["policies"] = [everything] }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        let minimum = spec["minReplicas"]?.int ?? 1
        let maximum = spec["maxReplicas"]?.int ?? 0
        if minimum < 1 {
            errors.append(.invalid("spec.minReplicas", minimum, "must be greater than or equal to 1"))
        }
        if maximum < 1 { errors.append(.required("spec.maxReplicas", "must be set and greater than 0")) }
        if maximum < minimum {
            errors.append(.invalid("spec.maxReplicas", maximum, "must be greater than or equal to `minReplicas`"))
        }
        let target = spec["scaleTargetRef"] ?? [:]
        for part in ["kind", "name"] where target.text(part).isEmpty {
            errors.append(.required("spec.scaleTargetRef." + part))
        }
        return errors
    }
}

/// `autoscaling/v1` rests as `v2`: its one CPU target is a metric there.
struct HorizontalPodAutoscalerConversion: VersionConversion {
    let storedKind = GroupVersionKind(group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler")

    func toStored(_ object: Value) -> Value {
        var stored = object
        stored["apiVersion"] = "autoscaling/v2"
        stored.edit("spec") { spec in
            guard let percent = spec["targetCPUUtilizationPercentage"]?.int else { return }
            spec["targetCPUUtilizationPercentage"] = nil
            spec["metrics"] = [
                [
                    "type": "Resource",
                    "resource": [
                        "name": "cpu", "target": ["type": "Utilization", "averageUtilization": .int(percent)],
                    ],
                ]
            ]
        }
        return stored
    }

    func fromStored(_ object: Value) -> Value {
        var shown = object
        shown["apiVersion"] = "autoscaling/v1"
        shown.edit("spec") { spec in
            let cpu = spec.list("metrics").first {
                $0[path: "resource", "name"]?.string == "cpu"
                    && $0[path: "resource", "target", "type"]?.string == "Utilization"
            }
            spec["metrics"] = nil
            if let percent = cpu?[path: "resource", "target", "averageUtilization"] {
                spec["targetCPUUtilizationPercentage"] = percent
            }
        }
        return shown
    }
}

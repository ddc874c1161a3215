internal import APIMachinery

/// Both versions; what is checked is `autoscaling/v2`.
struct HorizontalPodAutoscalerStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout Value) {
        if object.text("apiVersion") == "autoscaling/v2" {
            AutoscalerDefaults.apply(&object)
        } else {
            AutoscalerAnnotations.applyDefaults(&object)
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    /// `autoscaling/v1` as it will be stored, before `v2`'s defaults.
    private func checked(_ object: Value) -> Value {
        object.text("apiVersion") == "autoscaling/v2" ? object : AutoscalerAnnotations.expanded(object)
    }

    func validate(_ object: Value) -> [FieldError] { AutoscalerValidation.validate(checked(object)) }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        AutoscalerValidation.validateStatus(object)
    }
}

/// What `autoscaling/v2` means where it is silent.
enum AutoscalerDefaults {
    static let cpuPercent: Int64 = 80

    static func cpu(_ percent: Int64) -> Value {
        [
            "type": "Resource",
            "resource": [
                "name": "cpu", "target": ["type": "Utilization", "averageUtilization": .int(percent)],
            ],
        ]
    }

    static func apply(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefault("minReplicas", 1)
            if spec.list("metrics").isEmpty { spec["metrics"] = [cpu(cpuPercent)] }
            spec.edit("behavior") { applyBehavior(&$0) }
        }
    }

    /// Up fast, down at most everything in a quarter of a minute.
    private static func applyBehavior(_ behavior: inout Value) {
        let everything: Value = ["type": "Percent", "value": 100, "periodSeconds": 15]
        behavior.editObject("scaleUp") { rules in
            rules.setDefault("stabilizationWindowSeconds", 0)
            rules.setDefaultString("selectPolicy", "Max")
            rules.setDefault("policies", [["type": "Pods", "value": 4, "periodSeconds": 15], everything])
        }
        behavior.editObject("scaleDown") { rules in
            rules.setDefaultString("selectPolicy", "Max")
            rules.setDefault("policies", [everything])
        }
    }
}

/// `autoscaling/v1` rests as `v2`: its one CPU target is a metric there. What else `v2` has, `v1` shows as annotations.
struct HorizontalPodAutoscalerConversion: VersionConversion {
    let storedKind = GroupVersionKind(group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler")

    func toStored(_ object: Value) -> Value {
        var stored = AutoscalerAnnotations.expanded(object)
        AutoscalerDefaults.apply(&stored)
        return stored
    }

    func fromStored(_ object: Value) -> Value { AutoscalerAnnotations.folded(object) }
}

internal import APIMachinery

struct DaemonSetStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.editObject("updateStrategy") { strategy in
                strategy.setDefaultString("type", "RollingUpdate")
                guard strategy.text("type") == "RollingUpdate" else { return }
                strategy.editObject("rollingUpdate") { rolling in
                    rolling.setDefault("maxUnavailable", 1)
                    rolling.setDefault("maxSurge", 0)
                }
            }
            spec.setDefault("revisionHistoryLimit", .int(DeploymentStrategy.historyLimit))
            spec.editObject("template") { PodDefaults.applyTemplate(&$0) }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors = WorkloadValidation.selectorAndTemplate(spec, restartPolicies: ["Always"])
        errors += WorkloadValidation.nonnegative(spec, ["minReadySeconds", "revisionHistoryLimit"], "spec")
        let type = spec[path: "updateStrategy", "type"]?.string ?? ""
        if !["RollingUpdate", "OnDelete"].contains(type) {
            errors.append(.notSupported("spec.updateStrategy.type", type, ["RollingUpdate", "OnDelete"]))
        }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        WorkloadValidation.immutableSelector(object, old)
    }
}

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

    private static let templateGeneration = "deprecated.daemonset.template.generation"

    func prepareForCreate(_ object: inout Value) {
        object["status"] = [:]
        setTemplateGeneration(&object, 1)
    }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        let text = old.metadata["annotations"]?[Self.templateGeneration]?.string ?? ""
        let isNew = object[path: "spec", "template"] != old[path: "spec", "template"]
        setTemplateGeneration(&object, (Int64(text) ?? 0) &+ (isNew ? 1 : 0))
    }

    private func setTemplateGeneration(_ object: inout Value, _ generation: Int64) {
        object.editMetadata { metadata in
            metadata.editObject("annotations") { $0[Self.templateGeneration] = .string(String(generation)) }
        }
    }

    func warnings(_ object: Value) -> [String] {
        PodWarnings.spec(object[path: "spec", "template", "spec"] ?? [:], "spec.template.spec")
    }

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

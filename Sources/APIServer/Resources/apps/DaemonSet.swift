internal import APIMachinery

struct DaemonSetStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func applyDefaults(_ object: inout Value) {
        showTemplateGeneration(&object)
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

    /// Upstream's converted objects always have the annotation, and so whoever writes one owns it.
    private func showTemplateGeneration(_ object: inout Value) {
        guard object.metadata["annotations"]?[Self.templateGeneration] == nil else { return }
        setTemplateGeneration(&object, 0)
    }

    static let templateGeneration = "deprecated.daemonset.template.generation"

    func prepareForCreate(_ object: inout Value) {
        object["status"] = [:]
        setTemplateGeneration(&object, 1)
    }

    func settle(_ object: inout Value, from old: Value) {
        let text = old.metadata["annotations"]?[Self.templateGeneration]?.string ?? ""
        let isNew = object[path: "spec", "template"] != old[path: "spec", "template"]
        setTemplateGeneration(&object, (Int64(text) ?? 0) &+ (isNew ? 1 : 0))
    }

    private func setTemplateGeneration(_ object: inout Value, _ generation: Int64) {
        object.editMetadata { metadata in
            metadata.editObject("annotations") {
                $0[Self.templateGeneration] = .string(String(generation))
                $0 = $0.sortedKeys()
            }
        }
    }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        WorkloadValidation.templateWarnings(object, from: old, "spec", "template")
    }

    func validate(_ object: Value) -> [FieldError] { DaemonSetValidation.validate(object) }

    /// Upstream checks the whole object once as if it were new and once as a change.
    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        validate(object) + WorkloadValidation.immutableSelector(object, old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        DaemonSetValidation.validateStatus(object, from: old)
    }
}

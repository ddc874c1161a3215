internal import APIMachinery

struct DeploymentStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var statusResetsLabels: Bool { true }

    static let historyLimit: Int64 = 10
    static let progressDeadlineSeconds: Int64 = 600

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefault("replicas", 1)
            spec.editObject("strategy") { strategy in
                strategy.setDefaultString("type", "RollingUpdate")
                guard strategy.text("type") == "RollingUpdate" else { return }
                strategy.editObject("rollingUpdate") { rolling in
                    rolling.setDefault("maxUnavailable", "25%")
                    rolling.setDefault("maxSurge", "25%")
                }
            }
            spec.setDefault("revisionHistoryLimit", .int(Self.historyLimit))
            spec.setDefault("progressDeadlineSeconds", .int(Self.progressDeadlineSeconds))
            spec.editObject("template") { PodDefaults.applyTemplate(&$0) }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        (old == nil ? WorkloadValidation.nameWarning(object) : [])
            + WorkloadValidation.templateWarnings(object, from: old, "spec", "template")
    }

    func validate(_ object: Value) -> [FieldError] { DeploymentValidation.validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        WorkloadValidation.immutableSelector(object, old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        DeploymentValidation.validateStatus(object, from: old)
    }
}

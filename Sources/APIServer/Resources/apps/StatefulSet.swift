internal import APIMachinery

struct StatefulSetStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefaultString("podManagementPolicy", "OrderedReady")
            spec.editObject("updateStrategy") { strategy in
                strategy.setDefaultString("type", "RollingUpdate")
                guard strategy.text("type") == "RollingUpdate" else { return }
                strategy.editObject("rollingUpdate") { rolling in
                    rolling.setDefault("partition", 0)
                }
            }
            spec.editObject("persistentVolumeClaimRetentionPolicy") { policy in
                policy.setDefaultString("whenDeleted", "Retain")
                policy.setDefaultString("whenScaled", "Retain")
            }
            spec.setDefault("replicas", 1)
            spec.setDefault("revisionHistoryLimit", .int(DeploymentStrategy.historyLimit))
            spec.editObject("template") { PodDefaults.applyTemplate(&$0) }
            spec.editEach("volumeClaimTemplates") { claim in
                claim.setDefaultString("apiVersion", "v1")
                claim.setDefaultString("kind", "PersistentVolumeClaim")
                claim.editObject("spec") { $0.setDefaultString("volumeMode", "Filesystem") }
                claim.editObject("status") { $0.setDefaultString("phase", "Pending") }
            }
        }
    }

    func prepareForCreate(_ object: inout Value) {
        object["status"] = ["replicas": 0, "availableReplicas": 0]
        dropDisabled(&object)
    }

    func prepareForUpdate(_ object: inout Value, from old: Value) { dropDisabled(&object) }

    /// Behind a feature gate that is off.
    private func dropDisabled(_ object: inout Value) {
        guard object[path: "spec", "updateStrategy", "rollingUpdate"]?.present("maxUnavailable") != nil else { return }
        object.set(nil, at: ["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"])
    }

    var nameRule: NameRule { .label }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        StatefulSetValidation.warnings(object, from: old)
    }

    func validate(_ object: Value) -> [FieldError] { StatefulSetValidation.validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        StatefulSetValidation.validateUpdate(object, from: old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        StatefulSetValidation.validateStatus(object, from: old)
    }
}

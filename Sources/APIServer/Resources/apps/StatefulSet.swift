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
                    // Behind a feature gate that is off.
                    rolling["maxUnavailable"] = nil
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

    func prepareForCreate(_ object: inout Value) { object["status"] = ["replicas": 0, "availableReplicas": 0] }

    private static let mutable: Set<String> = [
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    ]

    func warnings(_ object: Value) -> [String] {
        PodWarnings.spec(object[path: "spec", "template", "spec"] ?? [:], "spec.template.spec")
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        let management = spec.text("podManagementPolicy")
        if !["OrderedReady", "Parallel"].contains(management) {
            errors.append(
                .invalid("spec.podManagementPolicy", management, "must be 'OrderedReady' or 'Parallel'"))
        }
        let type = spec[path: "updateStrategy", "type"]?.string ?? ""
        if !["RollingUpdate", "OnDelete"].contains(type) {
            errors.append(.invalid("spec.updateStrategy", type, "must be 'RollingUpdate' or 'OnDelete'"))
        }
        errors += WorkloadValidation.nonnegative(spec, ["replicas", "minReadySeconds"], "spec")
        let claims = spec.list("volumeClaimTemplates").map(\.name)
        return errors
            + WorkloadValidation.selectorAndTemplate(spec, restartPolicies: ["Always"], claims: claims)
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (object["spec"] ?? [:], old["spec"] ?? [:])
        let isFixed = Set((new.fields?.keys ?? []) + (kept.fields?.keys ?? [])).subtracting(Self.mutable)
            .allSatisfy { new[$0] == kept[$0] }
        guard !isFixed else { return [] }
        return [
            .forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                    + "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                    + "'minReadySeconds' are forbidden")
        ]
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let status = object["status"] ?? [:]
        let counts = ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"]
        var errors = WorkloadValidation.nonnegative(status, counts, "status")
        let replicas = status["replicas"]?.int ?? 0
        for count in counts.dropFirst() where status[count]?.int ?? 0 > replicas {
            errors.append(
                .invalid("status." + count, status[count]?.int ?? 0, "cannot be greater than status.replicas"))
        }
        return errors
    }
}

internal import APIMachinery

/// A Pod as a whole.
enum PodValidation {
    static func validate(_ pod: Value) -> [FieldError] {
        var errors: [FieldError] = []
        let spec = pod["spec"] ?? [:]
        if pod.metadata["annotations"]?["kubernetes.io/config.mirror"] != nil, spec.text("nodeName").isEmpty {
            let value = pod.metadata["annotations"]?["kubernetes.io/config.mirror"]?.string ?? ""
            errors.append(
                .invalid(
                    "metadata.annotations[kubernetes.io/config.mirror]", value,
                    "must set spec.nodeName if mirror pod annotation is set"))
        }
        errors += PodSpecValidation.validate(spec, "spec", restartPolicies: ["Always", "Never", "OnFailure"])
        return errors
    }
}

/// The template of a workload.
enum PodTemplateValidation {
    /// `restartPolicies`: those that make sense for the workload; `nil` for all.
    /// `claims`: volumes that the workload adds itself (a StatefulSet's claim templates).
    static func validate(
        _ template: Value, _ field: String, restartPolicies: [String]? = nil, claims: [String] = []
    ) -> [FieldError] {
        let metadata = template.metadata
        var errors = ObjectMetaValidation.labels(metadata, field + ".labels")
        errors += ObjectMetaValidation.annotations(metadata, field + ".annotations")
        let spec = template["spec"] ?? [:]
        errors += PodSpecValidation.validate(
            spec, field + ".spec", restartPolicies: ["Always", "Never", "OnFailure"], claims: claims)
        if !spec.list("ephemeralContainers").isEmpty {
            errors.append(
                .forbidden(field + ".spec.ephemeralContainers", "ephemeral containers not allowed in pod template"))
        }
        if let restartPolicies, errors.isEmpty, !restartPolicies.contains(spec.text("restartPolicy")) {
            errors.append(.notSupported(field + ".spec.restartPolicy", spec.text("restartPolicy"), restartPolicies))
        }
        return errors
    }
}

/// What may change in a Pod once it exists: very little.
enum PodUpdateValidation {
    private static let refusal =
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"

    static func validate(_ pod: Value, from old: Value) -> [FieldError] {
        let (new, kept) = (pod["spec"] ?? [:], old["spec"] ?? [:])
        for containers in ["containers", "initContainers"]
        where new.list(containers).count != kept.list(containers).count {
            return [.forbidden("spec." + containers, "pod updates may not add or remove containers")]
        }
        var errors: [FieldError] = []
        if let seconds = new["activeDeadlineSeconds"]?.int {
            if seconds < 1 {
                errors.append(
                    .invalid("spec.activeDeadlineSeconds", seconds, "must be between 1 and 2147483647, inclusive"))
            } else if let before = kept["activeDeadlineSeconds"]?.int, seconds > before {
                errors.append(
                    .invalid(
                        "spec.activeDeadlineSeconds", seconds, "must be less than or equal to previous value"))
            }
        } else if kept["activeDeadlineSeconds"] != nil {
            errors.append(
                .invalid(
                    "spec.activeDeadlineSeconds", new["activeDeadlineSeconds"],
                    "must not update from a positive integer to nil value"))
        }
        let lost = kept.list("tolerations").filter { !new.list("tolerations").contains($0) }
        if !lost.isEmpty {
            errors.append(
                .forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"))
        }
        if comparable(new, kept) != comparable(kept, kept) { errors.append(.forbidden("spec", refusal)) }
        return errors
    }

    /// The spec with everything that may change taken from `kept`.
    private static func comparable(_ spec: Value, _ kept: Value) -> Value {
        var spec = spec
        for key in ["activeDeadlineSeconds", "tolerations", "ephemeralContainers"] { spec[key] = kept[key] }
        if kept["terminationGracePeriodSeconds"]?.int ?? 0 < 0, spec["terminationGracePeriodSeconds"]?.int == 1 {
            spec["terminationGracePeriodSeconds"] = kept["terminationGracePeriodSeconds"]
        }
        let gates = spec.list("schedulingGates")
        if gates.allSatisfy({ kept.list("schedulingGates").contains($0) }) {
            spec["schedulingGates"] = kept["schedulingGates"]
        }
        if !kept.list("schedulingGates").isEmpty {
            for key in ["nodeSelector", "affinity"] { spec[key] = kept[key] }
        }
        for containers in ["containers", "initContainers"] {
            let images = kept.list(containers).map { $0["image"] }
            var index = 0
            spec.editEach(containers) { container in
                if index < images.count { container["image"] = images[index] }
                index += 1
            }
        }
        return spec
    }
}

internal import APIMachinery

/// A Pod as a whole.
enum PodValidation {
    private static let spec = FieldPath.root("spec")
    private static let annotations = FieldPath.root("metadata")["annotations"]

    /// What holds whenever a pod is written.
    static func validate(_ pod: Value) -> [FieldError] {
        var errors = FieldErrors()
        validate(pod, &errors)
        return errors.list
    }

    static func validateCreate(_ pod: Value) -> [FieldError] {
        var errors = FieldErrors()
        validate(pod, &errors)
        let spec = pod["spec"] ?? [:]
        if !spec.list("ephemeralContainers").isEmpty {
            errors.forbidden(Self.spec["ephemeralContainers"], "cannot be set on create")
        }
        if !spec.text("nodeName").isEmpty, !spec.list("schedulingGates").isEmpty {
            errors.forbidden(Self.spec["nodeName"], "cannot be set until all schedulingGates have been cleared")
        }
        PodAnnotationValidation.validateAgainstFields(pod.metadata, spec, Self.spec, &errors)
        return errors.list
    }

    private static func validate(_ pod: Value, _ errors: inout FieldErrors) {
        let spec = pod["spec"] ?? [:]
        PodAnnotationValidation.validate(pod.metadata, spec, annotations, &errors)
        PodSpecValidation(options: PodValidationOptions(isPod: true), podName: pod.name)
            .validate(spec, Self.spec, &errors)
        if spec.text("serviceAccountName").isEmpty { tokensWithoutAccount(spec, &errors) }
        for kind in ["containers", "initContainers"] {
            for (index, container) in spec.list(kind).enumerated() {
                ContainerValidation.imageSpace(container, Self.spec[kind][index], &errors)
            }
        }
    }

    private static func tokensWithoutAccount(_ spec: Value, _ errors: inout FieldErrors) {
        for (index, volume) in spec.list("volumes").enumerated() {
            for (number, source) in (volume["projected"]?.list("sources") ?? []).enumerated()
            where source.present("serviceAccountToken") != nil {
                errors.forbidden(
                    Self.spec["volumes"][index]["projected"]["sources"][number]["serviceAccountToken"],
                    "must not be specified when serviceAccountName is not set")
            }
        }
    }
}

/// The template of a workload.
enum PodTemplateValidation {
    /// `restartPolicies`: those that make sense for the workload; `nil` for all.
    /// `claims`: volumes that the workload adds itself (a StatefulSet's claim templates).
    static func validate(
        _ template: Value, _ field: String, restartPolicies: [String]? = nil, claims: [String] = []
    ) -> [FieldError] {
        let path = FieldPath.root(field)
        let metadata = template.metadata
        let spec = template["spec"] ?? [:]
        var errors = FieldErrors()
        errors.append(ObjectMetaValidation.labels(metadata, field + ".labels"))
        errors.append(ObjectMetaValidation.annotations(metadata, field + ".annotations"))
        PodAnnotationValidation.validate(metadata, spec, path["annotations"], &errors)
        PodSpecValidation(options: PodValidationOptions(isPod: false), claimVolumes: claims)
            .validate(spec, path["spec"], &errors)
        PodAnnotationValidation.validateAgainstFields(metadata, spec, path["spec"], &errors)
        if !spec.list("ephemeralContainers").isEmpty {
            errors.forbidden(
                path["spec"]["ephemeralContainers"], "ephemeral containers not allowed in pod template")
        }
        if let restartPolicies, !restartPolicies.contains(spec.text("restartPolicy")) {
            errors.notSupported(path["spec"]["restartPolicy"], spec.text("restartPolicy"), restartPolicies)
        }
        return errors.list
    }
}

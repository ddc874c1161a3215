internal import APIMachinery

struct JobStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }
    var selectableFields: SelectableFields {
        var fields = SelectableFields.with([], refusal: .named("Job"))
        fields.paths["status.successful"] = ["status", "succeeded"]
        fields.absent["status.successful"] = "0"
        return fields
    }

    private static let backoffLimit: Int64 = 6

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            if spec.present("completions") == nil, spec.present("parallelism") == nil { spec["completions"] = 1 }
            spec.setDefault("parallelism", 1)
            spec.setDefault(
                "backoffLimit",
                spec.present("backoffLimitPerIndex") == nil ? .int(Self.backoffLimit) : .int(Int64(Int32.max)))
            spec.setDefaultString("completionMode", "NonIndexed")
            spec.setDefault("manualSelector", false)
            spec.setDefault("suspend", false)
            spec.setDefaultString(
                "podReplacementPolicy", spec.present("podFailurePolicy") == nil ? "TerminatingOrFailed" : "Failed")
            spec.editObject("template") { PodDefaults.applyTemplate(&$0) }
        }
        Self.labelLikePods(&object)
    }

    private static func labelLikePods(_ object: inout Value) {
        guard object.metadata["labels"]?.isEmptyValue ?? true,
            let labels = object[path: "spec", "template", "metadata", "labels"], !labels.isEmptyValue
        else { return }
        object.editMetadata { $0["labels"] = labels }
    }

    /// The system chooses the selector and labels the pods for it, unless the client insists.
    func prepareForCreate(_ object: inout Value) {
        object["status"] = [:]
        guard object[path: "spec", "manualSelector"]?.bool != true else { return }
        let (uid, name) = (object.uid, object.name)
        object.editObject("spec") { spec in
            spec.editObject("template") { template in
                template.editObject("metadata") { metadata in
                    metadata.editObject("labels") { labels in
                        for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
                            labels.setDefault(key, .string(uid))
                        }
                        for key in ["job-name", "batch.kubernetes.io/job-name"] {
                            labels.setDefault(key, .string(name))
                        }
                    }
                }
            }
            spec.editObject("selector") { selector in
                selector.editObject("matchLabels") { labels in
                    labels.setDefault("batch.kubernetes.io/controller-uid", .string(uid))
                }
            }
        }
        Self.labelLikePods(&object)
    }

    func warnings(_ object: Value) -> [String] {
        PodWarnings.spec(object[path: "spec", "template", "spec"] ?? [:], "spec.template.spec")
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors = WorkloadValidation.nonnegative(
            spec, ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"],
            "spec")
        errors += WorkloadValidation.selectorAndTemplate(spec, restartPolicies: ["OnFailure", "Never"])
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors: [FieldError] = []
        let (new, kept) = (object["spec"] ?? [:], old["spec"] ?? [:])
        let isIndexed = kept.text("completionMode") == "Indexed"
        if new["completions"] != kept["completions"], !isIndexed {
            errors.append(.invalid("spec.completions", new["completions"], "field is immutable"))
        }
        if new["selector"] != kept["selector"] {
            errors.append(.invalid("spec.selector", new["selector"], "field is immutable"))
        }
        let mayChangeTemplate = kept["suspend"]?.bool == true && old[path: "status", "startTime"] == nil
        if !mayChangeTemplate, new["template"] != kept["template"] {
            errors.append(.invalid("spec.template", new["template"], "field is immutable"))
        }
        if new["completionMode"] != kept["completionMode"] {
            errors.append(.invalid("spec.completionMode", new["completionMode"], "field is immutable"))
        }
        return errors
    }
}

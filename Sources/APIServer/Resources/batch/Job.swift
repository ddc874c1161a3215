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
            spec.edit("podFailurePolicy") { Self.applyFailurePolicy(&$0) }
        }
        Self.labelLikePods(&object)
    }

    /// A pattern without a status means that the condition holds.
    static func applyFailurePolicy(_ policy: inout Value) {
        policy.editEach("rules") { rule in
            rule.editEach("onPodConditions") { $0.setDefaultString("status", "True") }
        }
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
    }

    /// Labels of the template are the Job's own where it has none.
    func prepareForStorage(_ object: inout Value) { Self.labelLikePods(&object) }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        var warnings = old == nil ? WorkloadValidation.nameWarning(object) : []
        if old == nil || old?.generation != object.generation {
            warnings += JobSpecValidation.warnings(object["spec"] ?? [:], "spec")
        }
        return warnings + WorkloadValidation.templateWarnings(object, from: old, "spec", "template")
    }

    func validate(_ object: Value) -> [FieldError] { JobValidation.validate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        JobValidation.validateUpdate(object, from: old)
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        JobStatusValidation(object, from: old).errors()
    }
}

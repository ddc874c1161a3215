internal import APIMachinery

struct CronJobStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    private static let nameBytesMax = 52

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefaultString("concurrencyPolicy", "Allow")
            spec.setDefault("suspend", false)
            spec.setDefault("successfulJobsHistoryLimit", 3)
            spec.setDefault("failedJobsHistoryLimit", 1)
            spec.editObject("jobTemplate") { job in
                job.editObject("spec") { spec in
                    spec.editObject("template") { PodDefaults.applyTemplate(&$0) }
                }
            }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        if spec.text("schedule").isEmpty { errors.append(.required("spec.schedule")) }
        errors += WorkloadValidation.nonnegative(
            spec, ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"], "spec")
        let policy = spec.text("concurrencyPolicy")
        if !["Allow", "Forbid", "Replace"].contains(policy) {
            errors.append(.notSupported("spec.concurrencyPolicy", policy, ["Allow", "Forbid", "Replace"]))
        }
        let job = spec[path: "jobTemplate", "spec"] ?? [:]
        errors += PodTemplateValidation.validate(
            job["template"] ?? [:], "spec.jobTemplate.spec.template", restartPolicies: ["OnFailure", "Never"])
        if object.name.utf8.count > Self.nameBytesMax {
            errors.append(
                .invalid("metadata.name", object.name, "must be no more than \(Self.nameBytesMax) characters"))
        }
        return errors
    }
}

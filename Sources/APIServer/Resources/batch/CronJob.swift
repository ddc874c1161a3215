internal import APIMachinery

struct CronJobStrategy: ResourceStrategy {
    var tracksGeneration: Bool { true }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefaultString("concurrencyPolicy", "Allow")
            spec.setDefault("suspend", false)
            spec.setDefault("successfulJobsHistoryLimit", 3)
            spec.setDefault("failedJobsHistoryLimit", 1)
            spec.editObject("jobTemplate") { job in
                job.editObject("spec") { spec in
                    spec.editObject("template") { PodDefaults.applyTemplate(&$0) }
                    spec.edit("podFailurePolicy") { JobStrategy.applyFailurePolicy(&$0) }
                }
            }
        }
    }

    func prepareForCreate(_ object: inout Value) { object["status"] = [:] }

    func warnings(_ object: Value, from old: Value?) -> [String] {
        CronJobValidation.warnings(object, from: old)
    }

    func validateCreate(_ object: Value) -> [FieldError] { CronJobValidation.validateCreate(object) }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        CronJobValidation.validateUpdate(object, from: old)
    }
}

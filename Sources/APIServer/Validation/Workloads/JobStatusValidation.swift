internal import APIMachinery

/// A Job's status: counts that add up and conditions that do not contradict each other. Most rules hold only for what
/// a write changes, so that older statuses can still be updated.
struct JobStatusValidation {
    private let job: Value
    private let old: Value
    private let status: Value
    private let oldStatus: Value
    private let path = FieldPath.root("status")

    init(_ object: Value, from old: Value) {
        job = object
        self.old = old
        status = object["status"] ?? [:]
        oldStatus = old["status"] ?? [:]
    }

    private func has(_ type: String, in status: Value) -> Bool {
        status.list("conditions").contains { $0.text("type") == type && $0.text("status") == "True" }
    }

    private func isFinished(_ status: Value) -> Bool { has("Complete", in: status) || has("Failed", in: status) }

    private func changed(_ names: String...) -> Bool { names.contains { status[$0] != oldStatus[$0] } }

    private func changed(condition types: String...) -> Bool {
        types.contains { has($0, in: status) != has($0, in: oldStatus) }
    }

    func errors() -> [FieldError] {
        var errors = FieldErrors()
        errors.nonnegative(path, status, "active", "succeeded", "failed", "ready", "terminating")
        uncounted(&errors)
        completion(&errors)
        finished(&errors)
        indexes(&errors)
        conditions(&errors)
        transitions(&errors)
        return errors.list
    }

    private func uncounted(_ errors: inout FieldErrors) {
        var seen = Set<String>()
        for list in ["succeeded", "failed"] {
            for (index, value) in (status["uncountedTerminatedPods"] ?? [:]).list(list).enumerated() {
                let (uid, own) = (value.string ?? "", path["uncountedTerminatedPods"][list][index])
                if uid.isEmpty {
                    errors.invalid(own, uid, "must not be empty")
                } else if !seen.insert(uid).inserted {
                    errors.duplicate(own, uid)
                }
            }
        }
    }

    private func completion(_ errors: inout FieldErrors) {
        let isComplete = has("Complete", in: status)
        if changed(condition: "Complete", "Failed"), isComplete, has("Failed", in: status) {
            errors.invalidOmitted(path["conditions"], "cannot set Complete=True and Failed=true conditions")
        }
        if changed(condition: "Complete", "FailureTarget"), isComplete, has("FailureTarget", in: status) {
            errors.invalidOmitted(path["conditions"], "cannot set Complete=True and FailureTarget=true conditions")
        }
        let completed = status["completionTime"]?.string
        if changed(condition: "Complete") || changed("completionTime") {
            if completed != nil, !isComplete {
                errors.invalid(
                    path["completionTime"], status["completionTime"],
                    "cannot set completionTime when there is no Complete=True condition")
            }
            if completed == nil, isComplete {
                errors.required(path["completionTime"], "completionTime is required for Complete jobs")
            }
        }
        if changed("startTime", "completionTime"), let start = status["startTime"]?.string.flatMap({ Time($0) }),
            let end = completed.flatMap({ Time($0) }), end < start
        {
            errors.invalid(
                path["completionTime"], status["completionTime"], "completionTime cannot be set before startTime")
        }
    }

    private func finished(_ errors: inout FieldErrors) {
        let isFinished = isFinished(status)
        let turned = isFinished != self.isFinished(oldStatus)
        let active = status["active"]?.int ?? 0
        if isFinished {
            if turned || changed("active"), active > 0 {
                errors.invalid(path["active"], active, "active>0 is invalid for finished job")
            }
            let isSuspendedWithoutWork =
                job[path: "spec", "suspend"]?.bool == true && job[path: "spec", "completions"]?.int == 0
            if turned || changed("startTime"), status["startTime"]?.string == nil, !isSuspendedWithoutWork {
                errors.required(path["startTime"], "startTime is required for finished job")
            }
            if turned || changed("terminating"), let terminating = status["terminating"]?.int, terminating > 0 {
                errors.invalid(path["terminating"], terminating, "terminating>0 is invalid for finished job")
            }
            let uncounted = status["uncountedTerminatedPods"] ?? [:]
            if turned || changed("uncountedTerminatedPods"),
                !uncounted.list("succeeded").isEmpty || !uncounted.list("failed").isEmpty
            {
                errors.invalid(
                    path["uncountedTerminatedPods"],
                    [
                        "Succeeded": uncounted.present("succeeded") ?? .null,
                        "Failed": uncounted.present("failed") ?? .null,
                    ], "uncountedTerminatedPods needs to be empty for finished job")
            }
        }
        if changed("ready", "active"), let ready = status["ready"]?.int, ready > active {
            errors.invalid(path["ready"], ready, "cannot set more ready pods than active")
        }
    }

    private func parse(_ name: String, _ completions: Int64, _ errors: inout FieldErrors) -> IndexList? {
        guard let text = status[name]?.string else { return nil }
        do throws(IndexList.Malformed) {
            return try IndexList(text, completions: completions)
        } catch {
            errors.invalid(path[name], text, "error parsing \(name): \(error.description)")
            return nil
        }
    }

    private func indexes(_ errors: inout FieldErrors) {
        let spec = job["spec"] ?? [:]
        let newlyFailed = changed("failedIndexes")
        let newlyCompleted = changed("completedIndexes")
        var ignored = FieldErrors()
        var completed: IndexList?
        var failed: IndexList?
        if let completions = spec["completions"]?.int {
            completed =
                newlyCompleted
                ? parse("completedIndexes", completions, &errors) : parse("completedIndexes", completions, &ignored)
            if spec.present("backoffLimitPerIndex") != nil {
                failed =
                    newlyFailed
                    ? parse("failedIndexes", completions, &errors) : parse("failedIndexes", completions, &ignored)
            }
        }
        if newlyCompleted, spec.text("completionMode") != JobSpecValidation.indexed,
            !status.text("completedIndexes").isEmpty
        {
            errors.invalid(
                path["completedIndexes"], status.text("completedIndexes"),
                "cannot set non-empty completedIndexes when non-indexed completion mode")
        }
        guard let text = status["failedIndexes"]?.string else { return }
        if newlyFailed, spec.present("backoffLimitPerIndex") == nil {
            errors.invalid(
                path["failedIndexes"], text, "cannot set non-null failedIndexes when backoffLimitPerIndex is null")
        }
        if newlyFailed || newlyCompleted, let completed, let failed, let shared = completed.overlaps(failed) {
            errors.invalid(
                path["failedIndexes"], text, "failedIndexes and completedIndexes overlap at index: \(shared)")
        }
    }

    private func conditions(_ errors: inout FieldErrors) {
        guard has("SuccessCriteriaMet", in: status) else { return }
        for type in ["Failed", "FailureTarget"] where changed(condition: type, "SuccessCriteriaMet") {
            guard has(type, in: status) else { continue }
            errors.invalidOmitted(
                path["conditions"],
                type == "Failed"
                    ? "cannot set Failed=True and SuccessCriteriaMet=true conditions"
                    : "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
        }
    }

    private func transitions(_ errors: inout FieldErrors) {
        for type in ["Failed", "Complete", "FailureTarget", "SuccessCriteriaMet"]
        where has(type, in: oldStatus) && !has(type, in: status) {
            errors.invalidOmitted(
                path["conditions"],
                type == "SuccessCriteriaMet"
                    ? "cannot disable the SuccessCriteriaMet=True condition"
                    : "cannot disable the terminal \(type)=True condition")
        }
        let spec = job["spec"] ?? [:]
        let mayShrink =
            spec.text("completionMode") == JobSpecValidation.indexed && spec["completions"] == spec["parallelism"]
        for (name, isFixed) in [("failed", true), ("succeeded", !mayShrink)] {
            let (count, before) = (status[name]?.int ?? 0, oldStatus[name]?.int ?? 0)
            if isFixed, count < before { errors.invalid(path[name], count, "cannot decrease the \(name) counter") }
        }
        if status.present("completionTime") != nil, oldStatus.present("completionTime") != nil,
            changed("completionTime")
        {
            errors.invalid(path["completionTime"], status["completionTime"], "completionTime cannot be mutated")
        }
        if oldStatus.present("startTime") != nil, changed("startTime"), spec["suspend"]?.bool != true {
            if status.present("startTime") == nil {
                errors.required(path["startTime"], "startTime cannot be removed for unsuspended job")
            } else {
                errors.invalid(
                    path["startTime"], status["startTime"], "startTime cannot be modified for unsuspended job")
            }
        }
    }
}

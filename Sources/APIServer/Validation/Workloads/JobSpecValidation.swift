internal import APIMachinery

/// `spec` of a Job, alone or in a CronJob's template.
enum JobSpecValidation {
    static let indexed = "Indexed"
    private static let managedByBytesMax = 63
    private static let parallelismMax: Int64 = 100_000
    private static let failedIndexesMax: Int64 = 100_000
    /// Above so many completions, fewer pods may run or fail at once.
    private static let completionsSoftLimit: Int64 = 100_000
    private static let highCompletionsMax: Int64 = 10_000

    /// What holds for a Job and for a template of Jobs.
    static func validate(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        errors.nonnegative(
            path, spec, "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
            "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes")
        if spec.present("maxFailedIndexes") != nil, spec.present("backoffLimitPerIndex") == nil {
            errors.required(path["backoffLimitPerIndex"], "when maxFailedIndexes is specified")
        }
        if let manager = spec.present("managedBy")?.string {
            domainPrefixedPath(manager, path["managedBy"], &errors)
            if manager.utf8.count > managedByBytesMax { errors.tooLong(path["managedBy"], max: managedByBytesMax) }
        }
        completionMode(spec, path, &errors)
        if let policy = spec.present("podFailurePolicy") {
            PodFailurePolicyValidation.validate(policy, spec, path["podFailurePolicy"], &errors)
        }
        if let policy = spec.present("successPolicy") {
            if spec.text("completionMode") == indexed {
                SuccessPolicyValidation.validate(policy, spec, path["successPolicy"], &errors)
            } else {
                errors.invalid(
                    path["successPolicy"], GoShape.value(policy, "SuccessPolicy"), "requires indexed completion mode")
            }
        }
        if let policy = spec.present("podReplacementPolicy")?.string {
            errors.oneOf(
                spec.present("podFailurePolicy") == nil ? ["Failed", "TerminatingOrFailed"] : ["Failed"],
                path["podReplacementPolicy"], policy)
        }
        WorkloadValidation.anyTemplate(spec["template"] ?? [:], path["template"], &errors)
        restartPolicy(spec, path["template"]["spec"]["restartPolicy"], &errors)
    }

    private static func restartPolicy(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let policy = spec[path: "template", "spec", "restartPolicy"]?.string ?? ""
        switch policy {
        case "", "Always": errors.required(path, "valid values: \"OnFailure\", \"Never\"")
        case "OnFailure":
            if spec.present("podFailurePolicy") != nil {
                errors.invalid(path, policy, "only \"Never\" is supported when podFailurePolicy is specified")
            }
        case "Never": break
        default: errors.notSupported(path, policy, ["OnFailure", "Never"])
        }
    }

    /// `acme.io/foo`
    private static func domainPrefixedPath(_ text: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !text.isEmpty else { return errors.required(path) }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            return errors.invalid(path, text, "must be a domain-prefixed path (such as \"acme.io/foo\")")
        }
        errors.violations(path, parts[0], NameValidation.dns1123Subdomain(parts[0]))
        if !isPathSegments(parts[1]) {
            errors.invalid(
                path, parts[1], "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')")
        }
    }

    private static func isPathSegments(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
                || "/-._~%!$&'()*+,;=:".utf8.contains(byte)
        }
    }

    private static func completionMode(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let mode = spec.present("completionMode")?.string
        if let mode { errors.oneOf(["NonIndexed", indexed], path["completionMode"], mode) }
        if mode == indexed { indexedCounts(spec, path, &errors) }
        guard mode == nil || mode == "NonIndexed" else { return }
        for name in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            guard let value = spec[name]?.int else { continue }
            errors.invalid(path[name], value, "requires indexed completion mode")
        }
    }

    private static func indexedCounts(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (completions, parallelism) = (spec["completions"]?.int, spec["parallelism"]?.int)
        let failed = spec["maxFailedIndexes"]?.int
        if completions == nil { errors.required(path["completions"], "when completion mode is Indexed") }
        if let parallelism, parallelism > parallelismMax {
            errors.invalid(
                path["parallelism"], parallelism,
                "must be less than or equal to \(parallelismMax) when completion mode is Indexed")
        }
        if let completions, let failed, failed > completions {
            errors.invalid(path["maxFailedIndexes"], failed, "must be less than or equal to completions")
        }
        if let failed, failed > failedIndexesMax {
            errors.invalid(path["maxFailedIndexes"], failed, "must be less than or equal to \(failedIndexesMax)")
        }
        guard let completions, completions > completionsSoftLimit, spec.present("backoffLimitPerIndex") != nil else {
            return
        }
        if failed == nil {
            errors.required(
                path["maxFailedIndexes"], "must be specified when completions is above \(completionsSoftLimit)")
        }
        let words =
            "must be less than or equal to \(highCompletionsMax) when completions are above \(completionsSoftLimit) "
            + "and used with backoff limit per index"
        if let parallelism, parallelism > highCompletionsMax { errors.invalid(path["parallelism"], parallelism, words) }
        if let failed, failed > highCompletionsMax { errors.invalid(path["maxFailedIndexes"], failed, words) }
    }

    private static let trackingMax: Int64 = 10_000

    static func warnings(_ spec: Value, _ field: String) -> [String] {
        guard spec.text("completionMode") == indexed, spec["completions"]?.int ?? 0 > completionsSoftLimit,
            spec["parallelism"]?.int ?? 0 > trackingMax
        else { return [] }
        return [
            field + ": In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
                + "10^4, Kubernetes might not be able to track completionIndexes when a big number of indexes fail"
        ]
    }
}

/// When a pod's failure is the Job's.
enum PodFailurePolicyValidation {
    private static let rulesMax = 20
    private static let patternsMax = 20
    private static let exitCodesMax = 255
    private static let actions = ["Count", "FailIndex", "FailJob", "Ignore"]

    static func validate(_ policy: Value, _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let rules = policy.list("rules")
        if rules.count > rulesMax { errors.tooMany(path["rules"], rules.count, max: rulesMax) }
        let pod = spec[path: "template", "spec"] ?? [:]
        let containers = Set((pod.list("containers") + pod.list("initContainers")).map { $0.text("name") })
        for (index, rule) in rules.enumerated() {
            let own = path["rules"][index]
            action(rule.text("action"), spec, own["action"], &errors)
            let codes = rule.present("onExitCodes")
            let conditions = rule.list("onPodConditions")
            if let codes { exitCodes(codes, containers, own["onExitCodes"], &errors) }
            if !conditions.isEmpty { patterns(conditions, own["onPodConditions"], &errors) }
            if codes != nil, !conditions.isEmpty {
                errors.invalidOmitted(own, "specifying both OnExitCodes and OnPodConditions is not supported")
            }
            if codes == nil, conditions.isEmpty {
                errors.invalidOmitted(own, "specifying one of OnExitCodes and OnPodConditions is required")
            }
        }
    }

    private static func action(_ action: String, _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if action.isEmpty {
            errors.required(path, "valid values: " + goList(actions))
        } else if action == "FailIndex" {
            guard spec.present("backoffLimitPerIndex") == nil else { return }
            errors.invalid(path, action, "requires the backoffLimitPerIndex to be set")
        } else {
            errors.oneOf(actions, path, action)
        }
    }

    private static func goList(_ words: [String]) -> String { "[" + words.map(quoted).joined(separator: " ") + "]" }

    private static func exitCodes(
        _ codes: Value, _ containers: Set<String>, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let operation = codes.text("operator")
        let operators = ["In", "NotIn"]
        if operation.isEmpty {
            errors.required(path["operator"], "valid values: " + goList(operators))
        } else {
            errors.oneOf(operators, path["operator"], operation)
        }
        if let name = codes.present("containerName")?.string, !containers.contains(name) {
            errors.invalid(
                path["containerName"], name,
                "must be one of the container or initContainer names in the pod template")
        }
        let values = codes.list("values").compactMap(\.int)
        if values.isEmpty {
            errors.invalid(path["values"], codes.present("values"), "at least one value is required")
        } else if values.count > exitCodesMax {
            errors.tooMany(path["values"], values.count, max: exitCodesMax)
        }
        var seen = Set<Int64>()
        for (index, value) in values.enumerated() {
            let own = path["values"][index]
            if operation == "In", value == 0 { errors.invalid(own, value, "must not be 0 for the In operator") }
            if !seen.insert(value).inserted { errors.duplicate(own, .int(value)) }
        }
        if zip(values, values.dropFirst()).contains(where: >) {
            errors.invalid(path["values"], codes["values"], "must be ordered")
        }
    }

    private static func patterns(_ patterns: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        if patterns.count > patternsMax { errors.tooMany(path, patterns.count, max: patternsMax) }
        let statuses = ["False", "True", "Unknown"]
        for (index, pattern) in patterns.enumerated() {
            errors.qualifiedName(path[index]["type"], pattern.text("type"))
            let status = pattern.text("status")
            if status.isEmpty {
                errors.required(path[index]["status"], "valid values: " + goList(statuses))
            } else {
                errors.oneOf(statuses, path[index]["status"], status)
            }
        }
    }
}

/// When an indexed Job is done before all its indexes are.
enum SuccessPolicyValidation {
    private static let rulesMax = 20
    private static let indexesBytesMax = 64 * 1024

    static func validate(_ policy: Value, _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let rules = policy.list("rules")
        if rules.isEmpty {
            errors.required(
                path["rules"], "at least one rules must be specified when the successPolicy is specified")
        }
        if rules.count > rulesMax { errors.tooMany(path["rules"], rules.count, max: rulesMax) }
        for (index, rule) in rules.enumerated() {
            self.rule(rule, spec["completions"]?.int ?? 0, path["rules"][index], &errors)
        }
    }

    private static func rule(_ rule: Value, _ completions: Int64, _ path: FieldPath, _ errors: inout FieldErrors) {
        let count = rule["succeededCount"]?.int
        let text = rule.present("succeededIndexes")?.string
        if count == nil, text == nil {
            errors.required(path, "at least one of succeededCount or succeededIndexes must be specified")
        }
        var total: Int64 = 0
        if let text {
            if text.utf8.count > indexesBytesMax { errors.tooLong(path["succeededIndexes"], max: indexesBytesMax) }
            do throws(IndexList.Malformed) {
                total = try IndexList(text, completions: completions).count
            } catch {
                errors.invalid(
                    path["succeededIndexes"], text, "error parsing succeededIndexes: \(error.description)")
            }
        }
        guard let count else { return }
        let own = path["succeededCount"]
        errors.nonnegative(own, count)
        if count > completions {
            errors.invalid(
                own, count, "must be less than or equal to \(completions) (the number of specified completions)")
        }
        if text != nil, count > total {
            errors.invalid(
                own, count,
                "must be less than or equal to \(total) (the number of indexes in the specified succeededIndexes field)"
            )
        }
    }
}

/// `1,3-5,7`: indexes of a Job's pods.
struct IndexList {
    struct Malformed: Error {
        let description: String
    }

    private(set) var ranges: [ClosedRange<Int64>] = []

    var count: Int64 { ranges.reduce(0) { $0 + $1.upperBound - $1.lowerBound + 1 } }

    init(_ text: String, completions: Int64) throws(Malformed) {
        guard !text.isEmpty else { return }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let range = try Self.range(part, completions)
            if let last = ranges.last?.upperBound, last >= range.lowerBound {
                throw Malformed(
                    description: "non-increasing order, previous: \(last), current: \(range.lowerBound)")
            }
            ranges.append(range)
        }
    }

    private static func range(_ text: Substring, _ completions: Int64) throws(Malformed) -> ClosedRange<Int64> {
        let limits = text.split(separator: "-", omittingEmptySubsequences: false)
        guard limits.count <= 2 else {
            throw Malformed(
                description: "the fragment \(quoted(String(text))) violates the requirement that an index interval can "
                    + "have at most two parts separated by '-'")
        }
        let first = try index(limits[0], completions)
        guard limits.count == 2 else { return first...first }
        let last = try index(limits[1], completions)
        guard first < last else {
            throw Malformed(description: "non-increasing order, previous: \(first), current: \(last)")
        }
        return first...last
    }

    private static func index(_ text: Substring, _ completions: Int64) throws(Malformed) -> Int64 {
        guard let index = Int64(text) else {
            throw Malformed(description: "cannot convert string to integer for index: \(quoted(String(text)))")
        }
        guard index < completions else { throw Malformed(description: "too large index: \(quoted(String(text)))") }
        return index
    }

    func overlaps(_ other: IndexList) -> Int64? {
        for range in ranges {
            for candidate in other.ranges where candidate.overlaps(range) {
                return max(range.lowerBound, candidate.lowerBound)
            }
        }
        return nil
    }
}

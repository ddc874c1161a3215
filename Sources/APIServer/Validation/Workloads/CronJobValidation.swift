internal import APIMachinery
internal import Glibc

/// CronJobs.
enum CronJobValidation {
    private static let nameBytesMax = 52
    private static let spec = FieldPath.root("spec")

    static func validateCreate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        validate(object, from: nil, &errors)
        if object.name.utf8.count > nameBytesMax {
            errors.invalid(.root("metadata.name"), object.name, "must be no more than \(nameBytesMax) characters")
        }
        return errors.list
    }

    static func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        validate(object, from: old["spec"] ?? [:], &errors)
        return errors.list
    }

    private static func validate(_ object: Value, from old: Value?, _ errors: inout FieldErrors) {
        let value = object["spec"] ?? [:]
        schedule(value, old, &errors)
        errors.nonnegative(spec, value, "startingDeadlineSeconds")
        if let zone = value.present("timeZone")?.string, old == nil || old?.present("timeZone")?.string != zone {
            timeZone(zone, spec["timeZone"], &errors)
        }
        errors.requiredOneOf(
            ["Allow", "Forbid", "Replace"], spec["concurrencyPolicy"], value.text("concurrencyPolicy"))
        let job = value[path: "jobTemplate", "spec"] ?? [:]
        let path = spec["jobTemplate"]["spec"]
        JobSpecValidation.validate(job, path, &errors)
        if let selector = job.present("selector") {
            errors.invalid(path["selector"], selector, "`selector` will be auto-generated")
        }
        if job["manualSelector"]?.bool == true {
            errors.notSupported(path["manualSelector"], value: true, ["nil", "false"])
        }
        errors.nonnegative(spec, value, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    }

    private static func schedule(_ value: Value, _ old: Value?, _ errors: inout FieldErrors) {
        let (text, path) = (value.text("schedule"), spec["schedule"])
        guard !text.isEmpty else { return errors.required(path) }
        do throws(CronSchedule.Malformed) {
            try CronSchedule.check(text)
        } catch {
            errors.invalid(path, text, error.description)
        }
        guard text.contains("TZ") else { return }
        let mayNameZone = old?.text("schedule").contains("TZ") ?? false
        if !mayNameZone {
            errors.invalid(path, text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        } else if value.present("timeZone") != nil {
            errors.invalid(path, text, "cannot use both timeZone field and TZ or CRON_TZ in schedule")
        }
    }

    private static func timeZone(_ zone: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !zone.isEmpty else { return errors.invalid(path, zone, "timeZone must be nil or non-empty string") }
        guard TimeZones.isPlausible(zone) else {
            return errors.invalid(path, zone, "unknown time zone \(zone)")
        }
        if zone.lowercased() == "local" {
            errors.invalid(
                path, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
        }
        if !TimeZones.isKnown(zone) { errors.invalid(path, zone, "unknown time zone \(zone)") }
    }

    static func warnings(_ object: Value, from old: Value?) -> [String] {
        var warnings = old == nil ? WorkloadValidation.nameWarning(object) : []
        if old == nil || old?.generation != object.generation {
            warnings += JobSpecValidation.warnings(
                object[path: "spec", "jobTemplate", "spec"] ?? [:], "spec.jobTemplate.spec")
        }
        warnings += WorkloadValidation.templateWarnings(object, from: old, "spec", "jobTemplate", "spec", "template")
        if object[path: "spec", "schedule"]?.string?.contains("TZ") == true {
            warnings.append(
                "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
                    + "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details")
        }
        return warnings
    }
}

/// The time zones that the system knows.
enum TimeZones {
    private static let database = "/usr/share/zoneinfo/"
    private static let partBytesMax = 14

    /// Whether a name looks like a zone's: `Area/Place`.
    static func isPlausible(_ zone: String) -> Bool {
        zone.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            part != "." && part != ".." && !part.hasPrefix("-") && (1...partBytesMax).contains(part.utf8.count)
                && part.utf8.allSatisfy { byte in
                    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
                        || ".-_+".utf8.contains(byte)
                }
        }
    }

    /// Where there is no database, every plausible name is taken.
    static func isKnown(_ zone: String) -> Bool {
        if zone == "UTC" || zone == "Local" { return true }
        guard isPlausible(zone) else { return false }
        guard access(database, F_OK) == 0 else { return true }
        // A directory has an entry for itself, a file has none.
        return access(database + zone, R_OK) == 0 && access(database + zone + "/.", F_OK) != 0
    }
}

/// Schedules as CronJobs write them: five fields or a word.
enum CronSchedule {
    struct Malformed: Error {
        let description: String
    }

    private struct Field {
        let bounds: ClosedRange<Int>
        var names: [String: Int] = [:]
    }

    private static let fields = [
        Field(bounds: 0...59), Field(bounds: 0...23), Field(bounds: 1...31),
        Field(
            bounds: 1...12,
            names: [
                "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10,
                "nov": 11, "dec": 12,
            ]),
        Field(bounds: 0...6, names: ["sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6]),
    ]
    private static let words: Set<String> = [
        "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly",
    ]

    static func check(_ schedule: String) throws(Malformed) {
        var text = Substring(schedule)
        if text.hasPrefix("TZ=") || text.hasPrefix("CRON_TZ=") {
            let zone = text.drop { $0 != "=" }.dropFirst().prefix { $0 != " " }
            guard TimeZones.isKnown(String(zone)) || zone.isEmpty else {
                throw Malformed(description: "provided bad location \(zone): unknown time zone \(zone)")
            }
            text = text.drop { $0 != " " }.drop { $0 == " " }
        }
        if text.hasPrefix("@") { return try checkWord(text) }
        let given = text.split { $0.isWhitespace }
        guard given.count == fields.count else {
            throw Malformed(
                description: "expected exactly \(fields.count) fields, found \(given.count): "
                    + "[\(given.joined(separator: " "))]")
        }
        for (field, text) in zip(fields, given) {
            for range in text.split(separator: ",") { try check(range, field) }
        }
    }

    private static func checkWord(_ word: Substring) throws(Malformed) {
        if words.contains(String(word)) { return }
        let every = "@every "
        guard word.hasPrefix(every) else { throw Malformed(description: "unrecognized descriptor: \(word)") }
        let duration = String(word.dropFirst(every.count))
        guard GoDuration(duration) == nil else { return }
        throw Malformed(
            description: "failed to parse duration \(word): time: invalid duration \(quoted(duration))")
    }

    /// `*`, `5`, `mon-fri`, `*/15`, `2-30/4`.
    private static func check(_ range: Substring, _ field: Field) throws(Malformed) {
        let parts = range.split(separator: "/", omittingEmptySubsequences: false)
        let limits = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        var (first, last) = (field.bounds.lowerBound, field.bounds.upperBound)
        if limits[0] != "*", limits[0] != "?" {
            first = try number(limits[0], field.names)
            switch limits.count {
            case 1: last = first
            case 2: last = try number(limits[1], field.names)
            default: throw Malformed(description: "too many hyphens: \(range)")
            }
        }
        var step = 1
        switch parts.count {
        case 1: break
        case 2:
            step = try number(parts[1], [:])
            if limits.count == 1 { last = field.bounds.upperBound }
        default: throw Malformed(description: "too many slashes: \(range)")
        }
        let (low, high) = (field.bounds.lowerBound, field.bounds.upperBound)
        if first < low {
            throw Malformed(description: "beginning of range (\(first)) below minimum (\(low)): \(range)")
        }
        if last > high { throw Malformed(description: "end of range (\(last)) above maximum (\(high)): \(range)") }
        if first > last {
            throw Malformed(
                description: "beginning of range (\(first)) beyond end of range (\(last)): \(range)")
        }
        if step == 0 { throw Malformed(description: "step of range should be a positive number: \(range)") }
    }

    private static func number(_ text: Substring, _ names: [String: Int]) throws(Malformed) -> Int {
        if let known = names[text.lowercased()] { return known }
        guard let number = Int(text) else {
            let isNumber = !text.isEmpty && text.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
            let why = isNumber ? "value out of range" : "invalid syntax"
            throw Malformed(
                description: "failed to parse int from \(text): strconv.Atoi: parsing \(quoted(String(text))): \(why)")
        }
        guard number >= 0 else { throw Malformed(description: "negative number (\(number)) not allowed: \(text)") }
        return number
    }
}

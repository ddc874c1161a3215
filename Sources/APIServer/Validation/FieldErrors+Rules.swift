internal import APIMachinery

/// Rules that many kinds share.
extension FieldErrors {
    /// As `invalid` where the value would be too large, or of no use, to be repeated.
    mutating func invalidOmitted(_ path: FieldPath, _ detail: String) {
        append(FieldError(kind: .invalid, field: path.text, body: "Invalid value: " + detail))
    }

    /// A struct that is not supported as a whole.
    mutating func notSupported(_ path: FieldPath, value: Value, _ supported: [String]) {
        let list = supported.map(quoted).joined(separator: ", ")
        append(
            FieldError(
                kind: .notSupported, field: path.text,
                body: "Unsupported value: \(String(decoding: value.jsonBytes(), as: UTF8.self)): supported values: "
                    + list))
    }

    mutating func tooMany(_ path: FieldPath, _ actual: Int, max: Int) {
        append(.tooMany(path.text, actual, max: max))
    }

    mutating func tooLong(_ path: FieldPath, max: Int) { append(.tooLong(path.text, max: max)) }

    mutating func immutable(_ path: FieldPath, _ new: Value?, _ old: Value?) {
        if (new ?? .null) != (old ?? .null) { invalid(path, new, "field is immutable") }
    }

    /// Members of `value` that count something.
    mutating func nonnegative(_ path: FieldPath, _ value: Value, _ names: String...) {
        for name in names { nonnegative(path[name], value[name]?.int) }
    }

    /// A name that becomes part of a path.
    mutating func pathSegment(_ path: FieldPath, _ name: String) {
        violations(path, name, NameValidation.pathSegment(name))
    }

    /// A number that is not negative, or a percentage.
    mutating func intOrPercent(_ path: FieldPath, _ value: Value?) {
        switch value {
        case .int(let number): nonnegative(path, number)
        case .string(let text):
            guard Percentage.parse(text) == nil else { return }
            invalid(
                path, text,
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                    + "regex used for validation is '[0-9]+%')")
        default: break
        }
    }

    mutating func notMoreThan100Percent(_ path: FieldPath, _ value: Value?) {
        guard let text = value?.string, let percent = Percentage.parse(text), percent > 100 else { return }
        invalid(path, text, "must not be greater than 100%")
    }

    /// A label selector, if there is one.
    mutating func selector(_ path: FieldPath, _ selector: Value?) {
        guard let selector, !selector.isNull else { return }
        LabelSelectorValidation.validate(selector, path, &self)
    }

    /// The names that label values may have, as `metadata.labels` has them.
    mutating func qualifiedName(_ path: FieldPath, _ name: String) {
        violations(path, name, NameValidation.qualifiedName(name))
    }

    mutating func subdomain(_ path: FieldPath, _ name: String) {
        violations(path, name, NameValidation.dns1123Subdomain(name))
    }

    mutating func portNumber(_ path: FieldPath, _ port: Int64, prefix: String = "") {
        if !(1...65535).contains(port) { invalid(path, port, prefix + "must be between 1 and 65535, inclusive") }
    }
}

/// `25%`.
enum Percentage {
    static func parse(_ text: String) -> Int? {
        guard text.utf8.last == UInt8(ascii: "%"), text.utf8.count > 1,
            text.utf8.dropLast().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text.dropLast()) ?? .max
    }

    /// The number of an int-or-percent field, whichever it is.
    static func number(_ value: Value?) -> Int {
        switch value {
        case .int(let number): Int(number)
        case .string(let text): parse(text) ?? Int(text) ?? 0
        default: 0
        }
    }
}

/// `status.conditions` of the kinds that share the common condition type.
enum ConditionValidation {
    private static let statuses = ["False", "True", "Unknown"]
    private static let reasonBytesMax = 1024
    private static let messageBytesMax = 32 * 1024

    static func validate(_ conditions: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var seen = Set<String>()
        for (index, condition) in conditions.enumerated() {
            let own = path[index]
            let type = condition.text("type")
            if !seen.insert(type).inserted { errors.duplicate(own["type"], type) }
            errors.qualifiedName(own["type"], type)
            errors.oneOf(statuses, own["status"], condition.text("status"))
            if let generation = condition["observedGeneration"]?.int, generation < 0 {
                errors.invalid(own["observedGeneration"], generation, "must be greater than or equal to zero")
            }
            if condition.text("lastTransitionTime").isEmpty {
                errors.required(own["lastTransitionTime"], "must be set")
            }
            reason(condition.text("reason"), own["reason"], &errors)
            if condition.text("message").utf8.count > messageBytesMax {
                errors.tooLong(own["message"], max: messageBytesMax)
            }
        }
    }

    private static func reason(_ reason: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !reason.isEmpty else { return errors.required(path, "must be set") }
        let bytes = Array(reason.utf8)
        func isWord(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "_") || isLetter(byte) || isDigit(byte) }
        let isGood =
            isLetter(bytes[0]) && isWord(bytes[bytes.count - 1])
            && bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: ":") }
        if !isGood {
            errors.invalid(
                path, reason,
                "a condition reason must start with alphabetic character, optionally followed by a string of "
                    + "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. "
                    + "'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex "
                    + "used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')")
        }
        if bytes.count > reasonBytesMax { errors.tooLong(path, max: reasonBytesMax) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

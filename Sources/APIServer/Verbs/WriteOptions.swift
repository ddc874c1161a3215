internal import APIMachinery

/// The query of create, update and patch, checked.
struct WriteOptions: Sendable {
    var isDryRun = false
    var validation = FieldValidation.warn
    var fieldManager = ""
    var force: Bool?
    /// The object to write has its `managedFields` already.
    var isManaged = false

    /// The same for an object that has its `managedFields` already.
    var managed: WriteOptions {
        var options = self
        options.isManaged = true
        return options
    }

    /// Names the options of an apply to `init`; in texts they are `PatchOptions`.
    static let applyKind = "ApplyOptions"

    static let fieldManagerBytesMax = 128

    /// `kind`: `CreateOptions`, `UpdateOptions` or `PatchOptions`, for the words of a refusal.
    init(_ query: Query, kind: String) throws(APIError) {
        var errors: [FieldError] = []
        fieldManager = query["fieldManager"] ?? ""
        force = query.bool("force")
        if kind == Self.applyKind {
            if fieldManager.isEmpty { errors.append(.required("fieldManager", "is required for apply patch")) }
        } else if kind == "PatchOptions", force != nil {
            errors.append(.forbidden("force", "may not be specified for non-apply patch"))
        }
        errors += Self.managerErrors(fieldManager, "fieldManager")
        let dryRun = query.values("dryRun")
        if !dryRun.allSatisfy({ $0 == "All" }) {
            errors.append(.notSupported("dryRun", .strings(dryRun), ["All"]))
        }
        isDryRun = !dryRun.isEmpty
        let text = query["fieldValidation"] ?? ""
        if let known = FieldValidation(rawValue: text) {
            validation = known
        } else if !text.isEmpty {
            errors.append(.notSupported("fieldValidation", text, ["", "Ignore", "Strict", "Warn"]))
        }
        guard errors.isEmpty else {
            let name = kind == Self.applyKind ? "PatchOptions" : kind
            throw .invalid(group: "meta.k8s.io", kind: name, "", errors)
        }
    }

    /// What is wrong with the name of a manager.
    static func managerErrors(_ name: String, _ field: String) -> [FieldError] {
        var errors: [FieldError] = []
        if name.utf8.count > fieldManagerBytesMax { errors.append(.tooLong(field, max: fieldManagerBytesMax)) }
        // ASCII letters and the like need no look at their Unicode properties.
        guard !name.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return errors }
        for (index, scalar) in name.unicodeScalars.enumerated() where !isPrintable(scalar) {
            let hex = String(scalar.value, radix: 16, uppercase: true)
            let digits = String(repeating: "0", count: max(0, 4 - hex.count)) + hex
            errors.append(.invalid(field, name, "invalid character U+\(digits) (at position \(index))"))
        }
        return errors
    }

    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }
}

internal import APIMachinery

/// Admission policies and their bindings: everything but whether the expressions are CEL.
enum AdmissionPolicyValidation {
    private static let spec = FieldPath.root("spec")
    private static let auditAnnotationsMax = 20
    private static let expressionBytesMax = 5 * 1024

    static func validate(_ object: Value, isMutating: Bool) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        errors.requiredOneOf(["Fail", "Ignore"], spec["failurePolicy"], value.text("failurePolicy"))
        if let kind = value.present("paramKind") { parameterKind(kind, spec["paramKind"], &errors) }
        if let match = value.present("matchConstraints") {
            AdmissionRules.match(match, spec["matchConstraints"], &errors)
            if match.list("resourceRules").isEmpty { errors.required(spec["matchConstraints"]["resourceRules"]) }
        } else {
            errors.required(spec["matchConstraints"])
        }
        AdmissionRules.matchConditions(value.list("matchConditions"), spec["matchConditions"], &errors)
        for (index, variable) in value.list("variables").enumerated() {
            self.variable(variable, spec["variables"][index], &errors)
        }
        if isMutating {
            mutations(value, &errors)
        } else {
            validations(object, value, &errors)
        }
        return errors.list
    }

    private static func parameterKind(_ kind: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (version, name) = (kind.text("apiVersion"), kind.text("kind"))
        let parts = version.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if version.isEmpty {
            errors.required(path["apiVersion"])
        } else if parts.count > 2 {
            errors.invalid(path["apiVersion"], version, "unexpected GroupVersion string: \(version)")
        } else {
            if parts.count == 2, !parts[0].isEmpty {
                joined(NameValidation.dns1123Subdomain(parts[0]), parts[0], path["apiVersion"], &errors)
            }
            let last = parts.last ?? ""
            if last.isEmpty {
                errors.invalid(path["apiVersion"], version, "version must be specified")
            } else {
                joined(NameValidation.dns1035Label(last), last, path["apiVersion"], &errors)
            }
        }
        guard !name.isEmpty else { return errors.required(path["kind"]) }
        let violations = NameValidation.dns1035Label(name.lowercased())
        if !violations.isEmpty {
            errors.invalid(
                path["kind"], name,
                "may have mixed case, but should otherwise match: " + violations.joined(separator: ","))
        }
    }

    private static func joined(
        _ violations: [String], _ text: String, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        if !violations.isEmpty { errors.invalid(path, text, violations.joined(separator: ",")) }
    }

    private static func variable(_ variable: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let name = variable.text("name")
        if AdmissionRules.isBlank(name) {
            errors.required(path["name"], "name is not specified")
        } else if !isIdentifier(name) {
            errors.invalid(path["name"], name, "name is not a valid CEL identifier")
        }
        expression(variable, "expression", path, &errors)
    }

    private static func isIdentifier(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        func isLetter(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "_") || (byte | 0x20) &- UInt8(ascii: "a") < 26 }
        return bytes.first.map(isLetter) ?? false
            && bytes.allSatisfy { isLetter($0) || $0 &- UInt8(ascii: "0") < 10 }
    }

    private static func expression(_ value: Value, _ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if AdmissionRules.isBlank(value.text(name)) { errors.required(path[name], "\(name) is not specified") }
    }

    private static func validations(_ object: Value, _ value: Value, _ errors: inout FieldErrors) {
        let (validations, annotations) = (value.list("validations"), value.list("auditAnnotations"))
        guard !validations.isEmpty || !annotations.isEmpty else {
            for name in ["validations", "auditAnnotations"] {
                errors.required(spec[name], "validations or auditAnnotations must contain at least one item")
            }
            return
        }
        for (index, validation) in validations.enumerated() {
            self.validation(validation, spec["validations"][index], &errors)
        }
        let path = spec["auditAnnotations"]
        if annotations.count > auditAnnotationsMax {
            errors.invalid(
                path, .array(annotations), "must not have more than \(auditAnnotationsMax) auditAnnotations")
        }
        var seen = Set<String>()
        for (index, annotation) in annotations.enumerated() {
            let (key, text) = (annotation.text("key"), annotation.text("valueExpression"))
            let full = object.name.isEmpty ? key : object.name + "/" + key
            errors.violations(path[index]["key"], key, NameValidation.qualifiedName(full))
            expression(annotation, "valueExpression", path[index], &errors)
            if text.utf8.count > expressionBytesMax {
                errors.required(
                    path[index]["valueExpression"], "must not exceed \(expressionBytesMax) bytes in length")
            }
            if !seen.insert(key).inserted { errors.duplicate(path[index]["key"], key) }
        }
    }

    private static func hasNewlines(_ text: String) -> Bool {
        trimmed(text).unicodeScalars.contains { $0 == "\n" || $0 == "\r" }
    }

    private static func validation(_ validation: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        expression(validation, "expression", path, &errors)
        let message = validation.text("message")
        let computed = validation.text("messageExpression")
        if !computed.isEmpty, AdmissionRules.isBlank(computed) {
            errors.invalid(path["messageExpression"], computed, "must be non-empty if specified")
        }
        if !message.isEmpty, AdmissionRules.isBlank(message) {
            errors.invalid(path["message"], message, "message must be non-empty if specified")
        } else if hasNewlines(message) {
            errors.invalid(path["message"], message, "message must not contain line breaks")
        } else if message.isEmpty, hasNewlines(validation.text("expression")) {
            errors.required(path["message"], "message must be specified if expression contains line breaks")
        }
        if let reason = validation.present("reason")?.string {
            errors.oneOf(
                ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"], path["reason"], reason)
        }
    }

    private static func mutations(_ value: Value, _ errors: inout FieldErrors) {
        let mutations = value.list("mutations")
        if mutations.isEmpty { errors.required(spec["mutations"], "mutations must contain at least one item") }
        for (index, mutation) in mutations.enumerated() {
            let path = spec["mutations"][index]
            let kinds = ["ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"]
            let type = mutation.text("patchType")
            errors.requiredOneOf(["ApplyConfiguration", "JSONPatch"], path["patchType"], type)
            guard let own = kinds[type] else { continue }
            for name in kinds.values where name != own && mutation.present(name) != nil {
                errors.invalidOmitted(path[name], "must not be set when patchType is \(type)")
            }
            if let change = mutation.present(own) {
                expression(change, "expression", path[own], &errors)
            } else {
                errors.required(path[own], "must be specified when patchType is \(type)")
            }
        }
        errors.requiredOneOf(["IfNeeded", "Never"], spec["reinvocationPolicy"], value.text("reinvocationPolicy"))
    }

    static func binding(_ object: Value, isMutating: Bool) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        let name = value.text("policyName")
        if name.isEmpty { errors.required(spec["policyName"]) } else { errors.subdomain(spec["policyName"], name) }
        if let reference = value.present("paramRef") { parameterReference(reference, spec["paramRef"], &errors) }
        // Upstream's own spelling.
        if let match = value.present("matchResources") { AdmissionRules.match(match, spec["matchResouces"], &errors) }
        if !isMutating { actions(value.list("validationActions"), spec["validationActions"], &errors) }
        return errors.list
    }

    private static func parameterReference(_ reference: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (name, selector) = (reference.text("name"), reference.present("selector"))
        let words = "name and selector are mutually exclusive"
        if !name.isEmpty {
            errors.pathSegment(path["name"], name)
            if selector != nil { errors.forbidden(path["name"], words) }
        }
        if let selector {
            errors.selector(path["selector"], selector)
            if !name.isEmpty { errors.forbidden(path["selector"], words) }
        }
        if name.isEmpty, selector == nil { errors.required(path, "one of name or selector must be specified") }
        errors.requiredOneOf(
            ["Deny", "Allow"], path["parameterNotFoundAction"], reference.text("parameterNotFoundAction"))
    }

    private static func actions(_ actions: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var seen = Set<String>()
        for (index, action) in actions.enumerated() {
            let text = action.string ?? ""
            errors.oneOf(["Audit", "Deny", "Warn"], path[index], text)
            if !seen.insert(text).inserted { errors.duplicate(path[index], text) }
        }
        if seen.isSuperset(of: ["Deny", "Warn"]) {
            errors.invalid(
                path, .array(actions),
                "must not contain both Deny and Warn (repeating the same validation failure information in the API "
                    + "response and headers serves no purpose)")
        }
        if actions.isEmpty { errors.required(path, "at least one validation action is required") }
    }
}

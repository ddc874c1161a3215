internal import APIMachinery
internal import PKI

/// CertificateSigningRequests.
enum CertificateRequestValidation {
    private static let usages = [
        "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
        "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
        "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
        "server auth", "signing", "timestamping",
    ]
    private static let durationSecondsMin: Int64 = 600
    private static let spec = FieldPath.root("spec")
    private static let conditions = FieldPath.root("status")["conditions"]

    /// `old`: what the stored object may keep though it would be refused today.
    static func validate(_ object: Value, from old: Value? = nil) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        if old?[path: "spec", "request"] == nil || old?[path: "spec", "request"] != value["request"] {
            let text = value.text("request")
            if let problem = CertificateRequestCheck.problem(pem: Base64.decode(text.utf8) ?? []) {
                errors.invalid(spec["request"], text.isEmpty ? nil : .string(text), problem)
            }
        }
        usages(value.list("usages").compactMap(\.string), &errors)
        let signer = value.text("signerName")
        if signer == "kubernetes.io/legacy-unknown" {
            errors.invalid(
                spec["signerName"], signer, "the legacy signerName is not allowed via this API version")
        } else {
            SignerName.validate(signer, spec["signerName"], &errors)
        }
        if let seconds = value["expirationSeconds"]?.int, seconds < durationSecondsMin {
            errors.invalid(
                spec["expirationSeconds"], seconds, "may not specify a duration less than 600 seconds (10 minutes)")
        }
        conditions(object, &errors)
        let issued = certificate(object)
        if !issued.isEmpty, issued != old.map(certificate),
            let problem = CertificateRequestCheck.problem(certificates: Base64.decode(issued.utf8) ?? [])
        {
            errors.invalid(FieldPath.root("status")["certificate"], "<certificate data>", problem)
        }
        return errors.list
    }

    private static func usages(_ usages: [String], _ errors: inout FieldErrors) {
        if usages.isEmpty { errors.required(spec["usages"]) }
        for (index, usage) in usages.enumerated() { errors.oneOf(self.usages, spec["usages"][index], usage) }
        var seen = Set<String>()
        for (index, usage) in usages.enumerated() where !seen.insert(usage).inserted {
            errors.duplicate(spec["usages"][index], usage)
        }
    }

    private static func conditions(_ object: Value, _ errors: inout FieldErrors) {
        var seen = Set<String>()
        for (index, condition) in (object["status"] ?? [:]).list("conditions").enumerated() {
            let own = conditions[index]
            let (type, status) = (condition.text("type"), condition.text("status"))
            if type.isEmpty { errors.required(own["type"]) }
            let isFinal = ["Approved", "Denied", "Failed"].contains(type)
            errors.requiredOneOf(isFinal ? ["True"] : ["False", "True", "Unknown"], own["status"], status)
            if let opposite = ["Approved": "Denied", "Denied": "Approved"][type], seen.contains(opposite) {
                errors.invalid(own["type"], type, "Approved and Denied conditions are mutually exclusive")
            }
            if !seen.insert(type).inserted { errors.duplicate(own["type"], type) }
        }
    }

    /// `writer`: the subresource that writes: approval decides, status issues.
    static func validateUpdate(_ object: Value, from old: Value, writer: String) -> [FieldError] {
        var errors = FieldErrors()
        errors.append(validate(object, from: old))
        let rights = ["Approved": "approval", "Denied": "approval", "Failed": "status"]
        for type in ["Approved", "Denied", "Failed"] {
            let (new, kept) = (of(type, object), of(type, old))
            if new.count < kept.count {
                errors.forbidden(conditions, "updates may not remove a condition of type \(quoted(type))")
            } else if new.count > kept.count, rights[type] != writer {
                errors.forbidden(conditions, "updates may not add a condition of type \(quoted(type))")
            } else if new.count == kept.count, new != kept {
                errors.forbidden(conditions, "updates may not modify a condition of type \(quoted(type))")
            }
        }
        let (new, kept) = (certificate(object), certificate(old))
        if new != kept {
            let path = FieldPath.root("status")["certificate"]
            if writer != "status" {
                errors.forbidden(path, "updates may not set certificate content")
            } else if !kept.isEmpty {
                errors.forbidden(path, "updates may not modify existing certificate content")
            }
        }
        return errors.list
    }

    private static func certificate(_ object: Value) -> String {
        object[path: "status", "certificate"]?.string ?? ""
    }

    private static func of(_ type: String, _ object: Value) -> [Value] {
        (object["status"] ?? [:]).list("conditions").filter { $0.text("type") == type }
    }
}

/// `example.com/signer`
enum SignerName {
    private static let pathBytesMax = 253 + 63 + 1

    static func validate(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !name.isEmpty else { return errors.required(path) }
        let segments = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard segments.count == 2 else {
            return errors.invalid(
                path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        }
        if segments[0].utf8.count > NameValidation.dns1123SubdomainMax {
            errors.tooLong(path, max: NameValidation.dns1123SubdomainMax)
        }
        labels(segments[0], path, &errors, NameValidation.dns1123Label)
        if !segments[0].contains(".") {
            errors.invalid(path, segments[0], "should be a domain with at least two segments separated by dots")
        }
        labels(segments[1], path, &errors, NameValidation.dns1123Subdomain)
        let max = NameValidation.dns1123SubdomainMax + pathBytesMax + 1
        if name.utf8.count > max { errors.tooLong(path, max: max) }
    }

    /// The first bad label is enough.
    private static func labels(
        _ segment: String, _ path: FieldPath, _ errors: inout FieldErrors, _ rule: (String) -> [String]
    ) {
        for label in segment.split(separator: ".", omittingEmptySubsequences: false).map(String.init) {
            let violations = rule(label)
            guard violations.isEmpty else {
                for violation in violations {
                    errors.invalid(path, segment, "validating label \(quoted(label)): \(violation)")
                }
                return
            }
        }
    }
}

internal import APIMachinery

/// Names of domains that are more than a DNS subdomain.
enum DomainNames {
    /// `*.example.com`
    static func wildcardViolations(_ name: String) -> [String] {
        var violations: [String] = []
        if name.utf8.count > NameValidation.dns1123SubdomainMax {
            violations.append(NameValidation.tooManyCharacters(NameValidation.dns1123SubdomainMax))
        }
        let isGood = name.hasPrefix("*.") && NameValidation.isSubdomainPattern(String(name.dropFirst(2)))
        if !isGood {
            violations.append(
                "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
                    + "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
                    + "character (e.g. '*.example.com', regex used for validation is "
                    + "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
        }
        return violations
    }

    /// Names of hosts as certificates and rules have them.
    static func hostViolations(_ name: String) -> [String] {
        name.contains("*") ? wildcardViolations(name) : NameValidation.dns1123Subdomain(name)
    }

    /// `a.example.com`, possibly with a dot at the end.
    static func fullyQualified(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !name.isEmpty else { return errors.required(path) }
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        let violations = NameValidation.dns1123Subdomain(name)
        guard violations.isEmpty else { return errors.invalid(path, name, violations.joined(separator: ",")) }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count < 2 {
            return errors.invalid(path, name, "should be a domain with at least two segments separated by dots")
        }
        for label in labels {
            let violations = NameValidation.dns1123Label(String(label))
            guard violations.isEmpty else {
                return errors.invalid(path, String(label), violations.joined(separator: ","))
            }
        }
    }

    /// `acme.io/foo`
    static func prefixedPath(_ text: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !text.isEmpty else { return errors.required(path) }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            return errors.invalid(path, text, "must be a domain-prefixed path (such as \"acme.io/foo\")")
        }
        errors.subdomain(path, String(parts[0]))
        let isGood = parts[1].utf8.allSatisfy { byte in
            (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
                || "/-._~%!$&'()*+,;=:".utf8.contains(byte)
        }
        if !isGood {
            errors.invalid(
                path, String(parts[1]),
                "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')")
        }
    }
}

internal import APIMachinery

/// IP addresses and ranges in fields, and what is wrong or odd about them (KEP-4858).
enum AddressValidation {
    private static let invalidAddress = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    private static let invalidRange = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

    /// A field from before strictness: any spelling that is not ambiguous. Values in `kept`, which were there before,
    /// are let be.
    static func address(_ text: String, _ field: String, kept: [String] = []) -> [FieldError] {
        if kept.contains(text) { return [] }
        guard let address = IPText(text) else { return [.invalid(field, text, invalidAddress)] }
        if address.hasLeadingZeros { return [.invalid(field, text, "must not have leading 0s")] }
        if address.isMapped { return [.invalid(field, text, "must not be an IPv4-mapped IPv6 address")] }
        return []
    }

    static func isAddress(_ text: String) -> Bool { address(text, "").isEmpty }

    /// Names of IPAddress objects, and other fields that have always been strict: the one right spelling.
    static func canonicalViolations(_ text: String) -> [String] {
        guard let address = IPText(text) else { return [invalidAddress] }
        if address.hasLeadingZeros { return ["must not have leading 0s"] }
        if address.isMapped { return ["must not be an IPv4-mapped IPv6 address"] }
        return text == address.canonical ? [] : ["must be in canonical form (\(quoted(address.canonical)))"]
    }

    static func range(_ text: String, _ field: String, kept: [String] = []) -> [FieldError] {
        if kept.contains(text) { return [] }
        guard let range = CIDRText(text) else { return [.invalid(field, text, invalidRange)] }
        if range.hasLeadingZeros {
            return [.invalid(field, text, "must not have leading 0s in IP or prefix length")]
        }
        if range.address.isMapped { return [.invalid(field, text, "must not have an IPv4-mapped IPv6 address")] }
        if range.hasHostBits { return [.invalid(field, text, "must not have bits set beyond the prefix length")] }
        return []
    }

    static func canonicalRange(_ text: String, _ field: String) -> [FieldError] {
        let errors = range(text, field)
        guard errors.isEmpty, let range = CIDRText(text), text != range.canonical else { return errors }
        return [.invalid(field, text, "must be in canonical form (\(quoted(range.canonical)))")]
    }

    /// Addresses that no endpoint can have.
    static func notSpecial(_ text: String, _ field: String) -> [FieldError] {
        guard let address = IPText(text) else { return [.invalid(field, text, "must be a valid IP address")] }
        var errors: [FieldError] = []
        if address.isUnspecified { errors.append(.invalid(field, text, "may not be unspecified (\(text))")) }
        if address.isLoopback {
            errors.append(.invalid(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
        }
        if address.isLinkLocal {
            errors.append(.invalid(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
        }
        if address.isLinkLocalMulticast {
            errors.append(
                .invalid(field, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"))
        }
        return errors
    }

    static func addressWarnings(_ text: String, _ field: String) -> [String] {
        guard let address = IPText(text) else { return [] }
        if address.hasLeadingZeros || address.isMapped {
            return [
                "\(field): non-standard IP address \(quoted(text)) will be considered invalid in a future Kubernetes "
                    + "release: use \(quoted(address.canonical))"
            ]
        }
        guard address.isColonForm, address.canonical != text else { return [] }
        return [
            "\(field): IPv6 address \(quoted(text)) should be in RFC 5952 canonical format "
                + "(\(quoted(address.canonical)))"
        ]
    }

    static func rangeWarnings(_ text: String, _ field: String) -> [String] {
        guard let range = CIDRText(text) else { return [] }
        var warnings: [String] = []
        if range.hasHostBits {
            warnings.append(
                "\(field): CIDR value \(quoted(text)) is ambiguous in this context (should be "
                    + "\(quoted(range.canonical)) or \(quoted(range.single))?)")
        }
        if range.hasLeadingZeros || range.address.isMapped {
            warnings.append(
                "\(field): non-standard CIDR value \(quoted(text)) will be considered invalid in a future Kubernetes "
                    + "release: use \(quoted(range.canonical))")
        }
        if warnings.isEmpty, range.address.isColonForm, range.canonical != text {
            warnings.append(
                "\(field): IPv6 CIDR value \(quoted(text)) should be in RFC 5952 canonical format "
                    + "(\(quoted(range.canonical)))")
        }
        return warnings
    }
}

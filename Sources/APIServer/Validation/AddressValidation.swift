internal import APIMachinery

/// IP addresses in fields.
enum AddressValidation {
    static func address(_ text: String, _ field: String) -> [FieldError] {
        if let octets = ipv4Octets(text) {
            if octets.contains(where: { $0.count > 1 && $0.hasPrefix("0") }) {
                return [.invalid(field, text, "must not have leading 0s")]
            }
            if octets.allSatisfy({ Int($0).map { $0 < 256 } ?? false }) { return [] }
        } else if isIPv6(text) {
            return []
        }
        return [.invalid(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    }

    static func isAddress(_ text: String) -> Bool { address(text, "").isEmpty }

    private static func ipv4Octets(_ text: String) -> [Substring]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts.allSatisfy({ !$0.isEmpty && $0.count <= 4 && $0.allSatisfy(\.isNumber) })
        else { return nil }
        return parts
    }

    private static func isIPv6(_ text: String) -> Bool {
        guard text.contains(":"), text.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return false }
        let groups = text.split(separator: ":", omittingEmptySubsequences: false)
        return groups.count <= 9 && groups.allSatisfy { $0.count <= 4 || $0.contains(".") }
            && (text.contains("::") || groups.count == 8)
    }
}

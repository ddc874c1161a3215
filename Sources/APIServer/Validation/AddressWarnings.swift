internal import APIMachinery
internal import Glibc

/// Addresses that are valid, but not as they should be written.
enum AddressWarnings {
    static func of(_ text: String, _ path: FieldPath) -> [String] {
        guard text.contains(":") || hasLeadingZero(text) else { return [] }
        if !text.contains(":") {
            let plain = text.split(separator: ".").map { String(Int($0) ?? 0) }.joined(separator: ".")
            return [nonStandard(text, plain, path)]
        }
        guard let (canonical, mapped) = canonical(text) else { return [] }
        if let mapped { return [nonStandard(text, mapped, path)] }
        guard canonical != text else { return [] }
        return [
            "\(path.text): IPv6 address \(quoted(text)) should be in RFC 5952 canonical format (\(quoted(canonical)))"
        ]
    }

    private static func nonStandard(_ text: String, _ better: String, _ path: FieldPath) -> String {
        "\(path.text): non-standard IP address \(quoted(text)) will be considered invalid in a future Kubernetes "
            + "release: use \(quoted(better))"
    }

    private static func hasLeadingZero(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
            && parts.contains { $0.count > 1 && $0.hasPrefix("0") }
    }

    /// RFC 5952: lower case, no leading zeros, the longest run of zeros left out. `mapped`: the IPv4 address inside.
    private static func canonical(_ text: String) -> (text: String, mapped: String?)? {
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: &address) { Array($0) }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        if isMapped { return (text, bytes[12...].map(String.init).joined(separator: ".")) }
        let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
        return (canonical(groups), nil)
    }

    private static func canonical(_ groups: [UInt16]) -> String {
        var best = 0..<0
        var start: Int?
        for index in 0...groups.count {
            if index < groups.count, groups[index] == 0 {
                start = start ?? index
            } else if let first = start {
                if index - first > max(best.count, 1) { best = first..<index }
                start = nil
            }
        }
        func joined(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return joined(groups[...]) }
        return joined(groups[..<best.lowerBound]) + "::" + joined(groups[best.upperBound...])
    }
}

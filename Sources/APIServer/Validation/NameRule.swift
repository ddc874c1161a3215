internal import APIMachinery

/// What `metadata.name` of a kind may be.
enum NameRule: Sendable {
    case subdomain
    case label
    case label1035
    /// Anything that is one path segment (RBAC).
    case pathSegment
    /// An IP address in its one right spelling.
    case address
    case any

    /// Upstream's messages; empty if the name is good. `isPrefix`: a `generateName`, which may end in a hyphen.
    func violations(_ name: String, isPrefix: Bool) -> [String] {
        var name = name
        if isPrefix, name.utf8.count > 1, name.hasSuffix("-") {
            // Upstream checks a prefix as if something valid followed, in place of its last two characters.
            name = String(decoding: name.utf8.dropLast(2), as: UTF8.self) + "a"
        }
        switch self {
        case .subdomain: return NameValidation.dns1123Subdomain(name)
        case .label: return NameValidation.dns1123Label(name)
        case .label1035: return NameValidation.dns1035Label(name)
        case .pathSegment: return Self.pathSegment(name, isPrefix: isPrefix)
        case .address: return AddressValidation.canonicalViolations(name)
        case .any: return []
        }
    }

    private static func pathSegment(_ name: String, isPrefix: Bool) -> [String] {
        if !isPrefix, name == "." || name == ".." { return ["may not be '\(name)'"] }
        return ["/", "%"].filter { name.contains($0) }.map { "may not contain '\($0)'" }
    }
}

internal import APIMachinery

/// What `metadata.name` of a kind may be.
enum NameRule: Sendable {
    case subdomain
    case label
    case label1035
    /// Anything that is one path segment (RBAC).
    case pathSegment
    case any

    /// Upstream's messages; empty if the name is good. `isPrefix`: a `generateName`, which may end in a hyphen.
    func violations(_ name: String, isPrefix: Bool) -> [String] {
        var name = name
        if isPrefix, name.hasSuffix("-") {
            // Upstream checks a prefix as if something valid followed.
            name.removeLast()
            name += "a"
        }
        switch self {
        case .subdomain: return NameValidation.dns1123Subdomain(name)
        case .label: return NameValidation.dns1123Label(name)
        case .label1035: return NameValidation.dns1035Label(name)
        case .pathSegment: return Self.pathSegment(name, isPrefix: isPrefix)
        case .any: return []
        }
    }

    private static func pathSegment(_ name: String, isPrefix: Bool) -> [String] {
        if !isPrefix, name == "." || name == ".." { return ["may not be '\(name)'"] }
        return ["/", "%"].filter { name.contains($0) }.map { "may not contain '\($0)'" }
    }
}

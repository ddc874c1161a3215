internal import APIMachinery

/// Amounts of resources are kept in thousandths: finer ones are rounded up.
enum QuantityDefaults {
    private static let scale: Int32 = -3

    /// `amounts`: resource names with their quantities.
    static func roundUp(_ amounts: inout Value) {
        guard case .object(let fields) = amounts, fields.entries.contains(where: { mayBeFine($0.value) }) else {
            return
        }
        for (name, value) in fields.entries where mayBeFine(value) {
            guard let quantity = Quantity(PodQuality.text(value)), let rounded = rounded(quantity) else { continue }
            amounts[name] = .string(rounded.description)
        }
    }

    /// A look at the text, so that nearly all are not parsed.
    private static func mayBeFine(_ value: Value) -> Bool {
        switch value {
        case .double: true
        case .string(let text): text.utf8.contains { $0 == 0x2e || $0 == 0x6e || $0 == 0x75 || $0 | 0x20 == 0x65 }
        default: false
        }
    }

    private static func rounded(_ quantity: Quantity) -> Quantity? {
        let up = Quantity(milli: quantity.milliValue, format: quantity.format)
        return up == quantity ? nil : up
    }
}

/// `registry.example.com/team/app:1.2@sha256:…`
enum ImageReference {
    /// Whether the name says neither tag nor digest, or the tag `latest`. Not for names that are not references at all.
    static func isLatest(_ image: String) -> Bool {
        var rest = image[...]
        var hasDigest = false
        if let at = rest.firstIndex(of: "@") {
            guard isDigest(rest[rest.index(after: at)...]) else { return false }
            hasDigest = true
            rest = rest[..<at]
        }
        var tag = ""
        let last = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[last...].lastIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            guard isTag(tag) else { return false }
            rest = rest[..<colon]
        }
        guard isRepository(rest) else { return false }
        return tag.isEmpty ? !hasDigest : tag == "latest"
    }

    private static func isTag(_ tag: String) -> Bool {
        guard let first = tag.utf8.first, tag.utf8.count <= 128 else { return false }
        return isWord(first) && tag.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isDigest(_ digest: Substring) -> Bool {
        let parts = digest.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && parts[1].utf8.count >= 32
            && parts[1].allSatisfy { $0.isHexDigit }
    }

    /// An optional host, then lower-case components.
    private static func isRepository(_ name: Substring) -> Bool {
        var components = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !components.isEmpty, name.utf8.count <= 255 else { return false }
        if components.count > 1, let host = components.first,
            host.contains(".") || host.contains(":") || host == "localhost" || host.contains(where: \.isUppercase)
        {
            components.removeFirst()
            guard !host.isEmpty, host.utf8.allSatisfy({ isWord($0) || ".:-[]".utf8.contains($0) }) else { return false }
        }
        return components.allSatisfy(isComponent)
    }

    /// Letters and digits, with `.`, `_`, `__` or hyphens between.
    private static func isComponent(_ component: Substring) -> Bool {
        guard let first = component.utf8.first, let last = component.utf8.last, isLowerOrDigit(first),
            isLowerOrDigit(last), !component.contains(".."), !component.contains("___")
        else { return false }
        return component.utf8.allSatisfy { isLowerOrDigit($0) || "._-".utf8.contains($0) }
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool { isLowerOrDigit(byte | 0x20) || byte == UInt8(ascii: "_") }
}

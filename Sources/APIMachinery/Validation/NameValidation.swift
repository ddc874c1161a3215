/// Rules for names, labels and keys, with upstream's messages. Each returns the violations; empty means valid.
package enum NameValidation {
    /// Longest DNS label.
    package static let dns1123LabelMax = 63
    /// Longest DNS subdomain.
    package static let dns1123SubdomainMax = 253

    private static let dns1123LabelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    private static let qualifiedNamePattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

    /// `my-name`: names of namespaces, containers, volumes.
    package static func dns1123Label(_ name: String) -> [String] {
        var errors: [String] = []
        if name.utf8.count > dns1123LabelMax { errors.append(tooManyCharacters(dns1123LabelMax)) }
        if !isDNS1123Label(name.utf8) {
            let text =
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
                + "and end with an alphanumeric character"
            // A name that is a valid subdomain is told about the dots only.
            errors.append(
                isDNS1123Subdomain(name.utf8)
                    ? "must not contain dots" : regexError(text, dns1123LabelPattern, "my-name", "123-abc"))
        }
        return errors
    }

    /// `example.com`: names of most objects.
    package static func dns1123Subdomain(_ name: String) -> [String] {
        var errors: [String] = []
        if name.utf8.count > dns1123SubdomainMax { errors.append(tooManyCharacters(dns1123SubdomainMax)) }
        if !isDNS1123Subdomain(name.utf8) {
            let text =
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
                + "must start and end with an alphanumeric character"
            let pattern = dns1123LabelPattern + "(\\." + dns1123LabelPattern + ")*"
            errors.append(regexError(text, pattern, "example.com"))
        }
        return errors
    }

    /// Whether the name has the form of a subdomain, however long it is.
    package static func isSubdomainPattern(_ name: String) -> Bool { isDNS1123Subdomain(name.utf8) }

    /// `abc-123`, starting with a letter.
    package static func dns1035Label(_ name: String) -> [String] {
        var errors: [String] = []
        if name.utf8.count > dns1123LabelMax { errors.append(tooManyCharacters(dns1123LabelMax)) }
        if !isDNS1123Label(name.utf8) || !(name.utf8.first.map(isLower) ?? false) {
            let text =
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
                + "character, and end with an alphanumeric character"
            errors.append(regexError(text, "[a-z]([-a-z0-9]*[a-z0-9])?", "my-name", "abc-123"))
        }
        return errors
    }

    /// `prefix.example.com/Name` or `Name`: label keys, finalizers, resource names.
    package static func qualifiedName(_ name: String) -> [String] {
        // Nearly all are good and are seen to be so without taking them apart.
        if isQualifiedName(name.utf8) { return [] }
        let text =
            "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            + "character"
        var errors: [String] = []
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let last: Substring
        switch parts.count {
        case 1: last = parts[0]
        case 2:
            last = parts[1]
            if parts[0].isEmpty {
                errors.append("prefix part must be non-empty")
            } else {
                // Label keys count bytes where DNS names count characters, in upstream's words for the same thing.
                errors += dns1123Subdomain(String(parts[0])).map {
                    "prefix part " + ($0 == tooManyCharacters(dns1123SubdomainMax) ? tooLong(dns1123SubdomainMax) : $0)
                }
            }
        default:
            return [
                "a valid label key "
                    + regexError(text, qualifiedNamePattern, "MyName", "my.name", "123-abc")
                    + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
        }
        if last.isEmpty {
            errors.append("name part must be non-empty")
        } else if last.utf8.count > 63 {
            errors.append("name part " + tooLong(63))
        }
        if !isQualifiedNamePart(last.utf8) {
            errors.append("name part " + regexError(text, qualifiedNamePattern, "MyName", "my.name", "123-abc"))
        }
        return errors
    }

    /// At most 63 characters of letters, digits, `-_.`, or empty.
    package static func labelValue(_ value: String) -> [String] {
        var errors: [String] = []
        if value.utf8.count > 63 { errors.append(tooLong(63)) }
        if !value.isEmpty, !isQualifiedNamePart(value.utf8) {
            let text =
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
                + "start and end with an alphanumeric character"
            errors.append(regexError(text, "(\(qualifiedNamePattern))?", "MyValue", "my_value", "12345"))
        }
        return errors
    }

    /// Keys of ConfigMaps and Secrets.
    package static func configMapKey(_ key: String) -> [String] {
        var errors: [String] = []
        if key.utf8.count > dns1123SubdomainMax { errors.append(tooManyCharacters(dns1123SubdomainMax)) }
        let isWellFormed = !key.isEmpty && key.utf8.allSatisfy { isAlphanumeric($0) || "-._".utf8.contains($0) }
        if !isWellFormed {
            let text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
            errors.append(regexError(text, "[-._a-zA-Z0-9]+", "key.name", "KEY_NAME", "key-name"))
        }
        if key == "." {
            errors.append("must not be '.'")
        } else if key == ".." {
            errors.append("must not be '..'")
        } else if key.hasPrefix("..") {
            errors.append("must not start with '..'")
        }
        return errors
    }

    /// IANA service names: port names.
    package static func portName(_ name: String) -> [String] {
        var errors: [String] = []
        if name.utf8.count > 15 { errors.append(tooManyCharacters(15)) }
        let bytes = Array(name.utf8)
        if !bytes.allSatisfy({ isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }) {
            errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        }
        if !bytes.contains(where: isLower) { errors.append("must contain at least one letter (a-z)") }
        if zip(bytes, bytes.dropFirst()).contains(where: { $0 == UInt8(ascii: "-") && $1 == $0 }) {
            errors.append("must not contain consecutive hyphens")
        }
        if let first = bytes.first, let last = bytes.last,
            first == UInt8(ascii: "-") || last == UInt8(ascii: "-")
        {
            errors.append("must not begin or end with a hyphen")
        }
        return errors
    }

    /// 1 to 65535.
    package static func portNumber(_ port: Int) -> [String] {
        (1...65_535).contains(port) ? [] : ["must be between 1 and 65535, inclusive"]
    }

    /// Names that are a path segment only (RBAC objects).
    package static func pathSegment(_ name: String) -> [String] {
        if name == "." || name == ".." { return ["may not be '\(name)'"] }
        return ["/", "%"].filter(name.contains).map { "may not contain '\($0)'" }
    }

    /// Environment variable names: printable ASCII without `=`.
    package static func environmentName(_ name: String) -> [String] {
        guard name.isEmpty || !name.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") }) else {
            return []
        }
        return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    }

    /// Names of HTTP headers: letters, digits and hyphens.
    package static func httpHeaderName(_ name: String) -> [String] {
        guard name.isEmpty || !name.utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "-") }) else {
            return []
        }
        return [
            regexError(
                "a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+", "X-Header-Name")
        ]
    }

    /// Search domains of resolvers, whose labels may have underscores.
    package static func dns1123SubdomainWithUnderscore(_ name: String) -> [String] {
        var errors: [String] = []
        if name.utf8.count > dns1123SubdomainMax { errors.append(tooManyCharacters(dns1123SubdomainMax)) }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isWellFormed = labels.allSatisfy { label in
            let rest = label.first == UInt8(ascii: "_") ? label.dropFirst() : label
            guard let first = rest.first, let last = rest.last else { return false }
            return !"-_".utf8.contains(first) && !"-_".utf8.contains(last)
                && rest.allSatisfy { isLower($0) || isDigit($0) || "-_".utf8.contains($0) }
        }
        if !isWellFormed {
            let text =
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
                + "and must start and end with an alphanumeric character"
            let pattern = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
            errors.append(regexError(text, pattern + "(\\." + pattern + ")*", "example.com"))
        }
        return errors
    }
}

extension NameValidation {
    /// `must be no more than 63 characters`
    package static func tooManyCharacters(_ limit: Int) -> String { "must be no more than \(limit) characters" }

    /// `must be no more than 63 bytes`
    package static func tooLong(_ limit: Int) -> String { "must be no more than \(limit) bytes" }

    /// Upstream's wording of a failed pattern.
    private static func regexError(_ text: String, _ pattern: String, _ examples: String...) -> String {
        guard !examples.isEmpty else { return text + " (regex used for validation is '" + pattern + "')" }
        let list = examples.map { "'\($0)'" }.joined(separator: ",  or ")
        return text + " (e.g. " + list + ", regex used for validation is '" + pattern + "')"
    }

    private static func isLower(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 }
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLower(byte | 0x20) && byte >= UInt8(ascii: "A") || isDigit(byte)
    }

    private static func isDNS1123Label(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return false }
        return first != UInt8(ascii: "-") && last != UInt8(ascii: "-")
            && bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }

    /// One pass: labels of lower-case letters, digits and inner hyphens, with a dot between.
    private static func isDNS1123Subdomain(_ bytes: some Sequence<UInt8>) -> Bool {
        var previous = UInt8(ascii: ".")
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "."):
                if previous == UInt8(ascii: ".") || previous == UInt8(ascii: "-") { return false }
            case UInt8(ascii: "-"):
                if previous == UInt8(ascii: ".") { return false }
            default:
                guard isLower(byte) || isDigit(byte) else { return false }
            }
            previous = byte
        }
        return previous != UInt8(ascii: ".") && previous != UInt8(ascii: "-")
    }

    private static func isQualifiedName(_ bytes: String.UTF8View) -> Bool {
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
            return bytes.count <= 63 && isQualifiedNamePart(bytes)
        }
        let (prefix, last) = (bytes[..<slash], bytes[bytes.index(after: slash)...])
        return prefix.count <= dns1123SubdomainMax && last.count <= 63 && isDNS1123Subdomain(prefix)
            && isQualifiedNamePart(last)
    }

    private static func isQualifiedNamePart(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
    }
}

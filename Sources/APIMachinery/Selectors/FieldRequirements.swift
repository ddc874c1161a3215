/// A parsed field selector: `metadata.name=x,spec.nodeName!=y`; all requirements must hold.
package struct FieldRequirements: Hashable, Sendable, CustomStringConvertible {
    /// One comparison of one field.
    package struct Requirement: Hashable, Sendable {
        /// A dotted path: `spec.nodeName`.
        package let field: String
        /// `=` or `==`, rather than `!=`.
        package let isEqual: Bool
        package let value: String

        package init(field: String, isEqual: Bool, value: String) {
            self.field = field
            self.isEqual = isEqual
            self.value = value
        }
    }

    package let requirements: [Requirement]

    /// Selects every object.
    package static let everything = FieldRequirements([])

    package init(_ requirements: [Requirement]) {
        self.requirements = requirements
    }

    package var isEmpty: Bool { requirements.isEmpty }

    /// `lookup` gives a field's value; an absent field counts as empty.
    package func matches(_ lookup: (String) -> String?) -> Bool {
        requirements.allSatisfy { ($0.value == lookup($0.field) ?? "") == $0.isEqual }
    }

    /// The value that `field` must have, if the selector fixes it.
    package func requiredValue(of field: String) -> String? {
        requirements.first { $0.field == field && $0.isEqual }?.value
    }

    package var description: String {
        requirements.map { $0.field + ($0.isEqual ? "=" : "!=") + Self.escape($0.value) }.joined(separator: ",")
    }

    /// Parses comma-separated terms; backslash escapes `,`, `=` and itself in values. Empty terms are passed over.
    package static func parse(_ text: String) throws(SelectorError) -> FieldRequirements {
        var requirements: [Requirement] = []
        for term in terms(of: text) where !term.isEmpty {
            requirements.append(try requirement(term, in: text))
        }
        return FieldRequirements(requirements)
    }

    private static func requirement(_ term: String, in text: String) throws(SelectorError) -> Requirement {
        var previous: Character = " "
        for index in term.indices {
            let rest = term[index...]
            defer { previous = term[index] }
            guard previous != "\\" else { continue }
            for (symbol, isEqual) in [("!=", false), ("==", true), ("=", true)] where rest.hasPrefix(symbol) {
                let value = String(rest.dropFirst(symbol.count))
                return Requirement(field: String(term[..<index]), isEqual: isEqual, value: try unescape(value))
            }
        }
        throw SelectorError(description: "invalid selector: '\(text)'; can't understand '\(term)'")
    }

    /// Splits at commas that are not escaped.
    private static func terms(of text: String) -> [String] {
        var terms = [""]
        var isEscaped = false
        for character in text {
            if character == ",", !isEscaped {
                terms.append("")
                continue
            }
            isEscaped = character == "\\" && !isEscaped
            terms[terms.count - 1].append(character)
        }
        return terms
    }

    private static func unescape(_ value: String) throws(SelectorError) -> String {
        guard value.contains(where: { $0 == "\\" || $0 == "," || $0 == "=" }) else { return value }
        var result = ""
        var isEscaped = false
        for character in value {
            if isEscaped {
                guard "\\,=".contains(character) else {
                    throw SelectorError(
                        description: "invalid field selector: invalid escape sequence: \\\(character)")
                }
                result.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," || character == "=" {
                let code = character.asciiValue ?? 0
                throw SelectorError(
                    description: "invalid field selector: unescaped character in value: \(code)")
            } else {
                result.append(character)
            }
        }
        guard !isEscaped else {
            throw SelectorError(description: "invalid field selector: invalid escape sequence: \\")
        }
        return result
    }

    private static func escape(_ value: String) -> String {
        var result = ""
        for character in value {
            if "\\,=".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }
}

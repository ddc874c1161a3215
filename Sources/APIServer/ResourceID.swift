/// Group and plural, the way errors name a resource: `deployments.apps`, `pods`.
package struct ResourceID: Hashable, Sendable, CustomStringConvertible {
    package var group: String
    package var plural: String

    package init(group: String, plural: String) {
        self.group = group
        self.plural = plural
    }

    package var description: String { group.isEmpty ? plural : plural + "." + group }
}

/// `text` in double quotes, escaped as Go's `%q` does.
func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case "\t": out += "\\t"
        case "\r": out += "\\r"
        case "\u{7}": out += "\\a"
        case "\u{8}": out += "\\b"
        case "\u{b}": out += "\\v"
        case "\u{c}": out += "\\f"
        case _ where scalar.value < 0x20 || scalar.value == 0x7f:
            let hex = String(scalar.value, radix: 16)
            out += "\\x" + (hex.count == 1 ? "0" + hex : hex)
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}

extension Value {
    /// Block-style YAML with two spaces of indentation, keys in their order, as `kubectl -o yaml` shows it.
    package func yaml() -> String {
        var writer = YAMLWriter()
        writer.writeDocument(self)
        return writer.text
    }
}

/// Prints values as block YAML.
private struct YAMLWriter {
    private(set) var text = ""

    mutating func writeDocument(_ value: Value) {
        switch value {
        case .object(let fields) where !fields.isEmpty: write(fields, indent: 0, isFirstInline: true)
        case .array(let elements) where !elements.isEmpty: write(elements, indent: 0)
        default:
            writeInline(value, indent: 0)
        }
    }

    /// Members, one a line. `isFirstInline`: the first stands where the cursor is (after `- `).
    private mutating func write(_ fields: OrderedFields, indent: Int, isFirstInline: Bool) {
        for (position, entry) in fields.entries.enumerated() {
            if position > 0 || !isFirstInline { pad(indent) }
            writeScalar(entry.key, indent: indent)
            text += ":"
            switch entry.value {
            case .object(let members) where !members.isEmpty:
                text += "\n"
                write(members, indent: indent + 2, isFirstInline: false)
            case .array(let elements) where !elements.isEmpty:
                text += "\n"
                write(elements, indent: indent)
            default:
                text += " "
                writeInline(entry.value, indent: indent + 2)
            }
        }
    }

    private mutating func write(_ elements: [Value], indent: Int) {
        for element in elements {
            pad(indent)
            text += "- "
            switch element {
            case .object(let members) where !members.isEmpty:
                write(members, indent: indent + 2, isFirstInline: true)
            case .array(let inner) where !inner.isEmpty:
                // A list in a list starts on its own line, one level further in.
                text.removeLast()
                text += "\n"
                write(inner, indent: indent + 2)
            default:
                writeInline(element, indent: indent + 2)
            }
        }
    }

    /// A scalar or an empty container, and the end of the line.
    private mutating func writeInline(_ value: Value, indent: Int) {
        switch value {
        case .null: text += "null"
        case .bool, .int, .double: text += value.jsonText
        case .string(let string): writeScalar(string, indent: indent)
        case .array: text += "[]"
        case .object: text += "{}"
        }
        text += "\n"
    }

    private mutating func writeScalar(_ string: String, indent: Int) {
        if YAMLScalar.isPlainSafe(string) {
            text += string
        } else if let block = literalBlock(string, indent: indent) {
            text += block
        } else {
            // A JSON string is a double-quoted YAML string.
            text += Value.string(string).jsonText
        }
    }

    /// `|` style for texts of several lines; without the last line break, which the caller writes.
    private func literalBlock(_ string: String, indent: Int) -> String? {
        guard indent > 0, string.utf8.contains(0x0A), string.utf8.first != 0x20, string.utf8.first != 0x0A,
            string.utf8.allSatisfy({ $0 == 0x0A || ($0 >= 0x20 && $0 != 0x7F) }), !string.hasSuffix("\n\n"),
            string != "\n"
        else { return nil }
        let endsInBreak = string.utf8.last == 0x0A
        let body = endsInBreak ? String(string.dropLast()) : string
        let margin = String(repeating: " ", count: indent)
        let lines = body.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.allSatisfy({ $0.isEmpty || $0.contains { $0 != " " } }) else { return nil }
        return (endsInBreak ? "|" : "|-") + lines.map { $0.isEmpty ? "\n" : "\n" + margin + $0 }.joined()
    }

    private mutating func pad(_ indent: Int) {
        text += String(repeating: " ", count: indent)
    }
}

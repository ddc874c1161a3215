/// The types that plain YAML scalars have in Kubernetes: YAML 1.1's, as the Go library `yaml.v2` reads them.
enum YAMLScalar {
    private static let coreTags = "tag:yaml.org,2002:"

    static func resolve(_ text: String, tag: String, isPlain: Bool) throws(YAMLError) -> Value {
        switch tag {
        case "":
            return isPlain ? try plain(text) : .string(text)
        case "!", coreTags + "str":
            return .string(text)
        case coreTags + "binary":
            guard let bytes = Base64.decode(text.utf8.filter { $0 != 0x20 }) else {
                throw YAMLError(description: "yaml: !!binary value contains invalid base64 data")
            }
            return .string(String(decoding: bytes, as: UTF8.self))
        case coreTags + "float":
            let value = try plain(text)
            if case .int(let int) = value { return .double(Double(int)) }
            return value
        case _ where tag.hasPrefix(coreTags):
            return try plain(text)
        default:
            return .string(text)
        }
    }

    private static func plain(_ text: String) throws(YAMLError) -> Value {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
        case "false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
            throw YAMLError(description: "json: unsupported value: +Inf")
        case "-.inf", "-.Inf", "-.INF": throw YAMLError(description: "json: unsupported value: -Inf")
        case ".nan", ".NaN", ".NAN": throw YAMLError(description: "json: unsupported value: NaN")
        default: break
        }
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first), text.utf8.count <= 400 else {
            return .string(text)
        }
        let digits = text.contains("_") && first != UInt8(ascii: ".") ? text.filter { $0 != "_" } : text
        return integer(digits) ?? float(digits) ?? .string(text)
    }

    /// Decimal, `0x`, `0o`, `0b` and old octal (`0644`). Past `Int64` it becomes a double.
    private static func integer(_ text: String) -> Value? {
        var body = Substring(text)
        let isNegative = body.hasPrefix("-")
        if isNegative || body.hasPrefix("+") { body = body.dropFirst() }
        let radix: Int
        switch body.prefix(2).lowercased() {
        case "0x": radix = 16
        case "0o": radix = 8
        case "0b": radix = 2
        default:
            radix = body.count > 1 && body.hasPrefix("0") ? 8 : 10
        }
        if radix == 16 || radix == 2 || body.prefix(2).lowercased() == "0o" { body = body.dropFirst(2) }
        guard let first = body.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
            let magnitude = UInt64(body, radix: radix)
        else { return nil }
        if isNegative {
            guard magnitude <= Int64.min.magnitude else { return nil }
            return .int(Int64(truncatingIfNeeded: 0 &- magnitude))
        }
        return Int64(exactly: magnitude).map { .int($0) } ?? .double(Double(magnitude))
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
    private static func float(_ text: String) -> Value? {
        var rest = Substring(text).utf8
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let fraction = rest.prefix(while: isDigit)
            guard !whole.isEmpty || !fraction.isEmpty else { return nil }
            rest = rest.dropFirst(fraction.count)
        } else if whole.isEmpty {
            return nil
        }
        if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
            guard !rest.isEmpty else { return nil }
            rest = rest.dropFirst(rest.prefix(while: isDigit).count)
        }
        guard rest.isEmpty, let value = Double(text.hasSuffix(".") ? text + "0" : text), value.isFinite else {
            return nil
        }
        return .double(value)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// Whether `text`, written plain, would be read back as the same string.
    static func isPlainSafe(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return false }
        guard !"-?:,[]{}#&*!|>'\"%@` =~<".utf8.contains(first), last != UInt8(ascii: " "), last != UInt8(ascii: ":")
        else {
            return false
        }
        var previous: UInt8 = 0
        for byte in text.utf8 {
            guard byte >= 0x20, byte < 0x7F else { return false }
            if byte == UInt8(ascii: "#"), previous == UInt8(ascii: " ") { return false }
            if previous == UInt8(ascii: ":"), byte == UInt8(ascii: " ") { return false }
            previous = byte
        }
        guard let value = try? plain(text), case .string = value else { return false }
        // Times would be read as such by other tools.
        return !(text.utf8.count >= 8 && text.utf8.prefix(4).allSatisfy(isDigit))
    }
}

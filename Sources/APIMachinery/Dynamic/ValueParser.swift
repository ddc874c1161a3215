/// Parses JSON text into a `Value`, in one pass over the bytes.
///
/// Accepts what Go's `encoding/json` accepts: strict RFC 8259, invalid UTF-8 and lone surrogates replaced by U+FFFD.
struct ValueParser {
    /// Levels of nesting accepted. Bounds the stack; real objects stay under 60.
    static let depthMax = 500
    /// Duplicate fields reported, as upstream's strict decoder.
    static let duplicatesMax = 100

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var depth = 0
    /// Collected only where `path` is kept.
    private(set) var duplicates: [String] = []
    private let collectsDuplicates: Bool
    /// Keeps repeated fields, and numbers that are no plain integers as they were written: for error texts only.
    private let keepsSource: Bool
    private var path: [PathStep] = []
    /// Reused for strings with escapes.
    private var scratch: [UInt8] = []

    private enum PathStep {
        case key(String)
        case index(Int)
    }

    /// What a number kept as written begins with; texts of documents are compared with it nowhere else.
    static let numberMark: Character = "\0"

    init(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int = 0, collectsDuplicates: Bool, keepsSource: Bool = false
    ) {
        self.bytes = bytes
        self.keepsSource = keepsSource
        self.collectsDuplicates = collectsDuplicates
        index = start
    }

    /// Where the next unread byte is.
    var position: Int { index }

    mutating func parseDocument() throws(JSONSyntaxError) -> Value {
        let value = try parseValue()
        skipSpace()
        guard index == bytes.count else { throw unexpected("after top-level value") }
        return value
    }

    /// One value, leaving what follows.
    mutating func parseValue() throws(JSONSyntaxError) -> Value {
        skipSpace()
        guard index < bytes.count else { throw .unexpectedEnd }
        switch bytes[index] {
        case UInt8(ascii: "\""):
            index += 1
            return .string(try parseString())
        case UInt8(ascii: "{"):
            return try parseObject()
        case UInt8(ascii: "["):
            return try parseArray()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return try parseNumber()
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        default:
            throw unexpected("looking for beginning of value")
        }
    }

    private mutating func enter() throws(JSONSyntaxError) {
        index += 1
        depth += 1
        guard depth <= Self.depthMax else { throw .tooDeep }
    }

    private mutating func parseArray() throws(JSONSyntaxError) -> Value {
        try enter()
        var elements: [Value] = []
        skipSpace()
        if index < bytes.count, bytes[index] == UInt8(ascii: "]") {
            index += 1
            depth -= 1
            return .array([])
        }
        while true {
            if collectsDuplicates { path.append(.index(elements.count)) }
            elements.append(try parseValue())
            if collectsDuplicates { path.removeLast() }
            skipSpace()
            guard index < bytes.count else { throw .unexpectedEnd }
            if bytes[index] == UInt8(ascii: ",") {
                index += 1
            } else if bytes[index] == UInt8(ascii: "]") {
                index += 1
                depth -= 1
                return .array(elements)
            } else {
                throw unexpected("after array element")
            }
        }
    }

    private mutating func parseObject() throws(JSONSyntaxError) -> Value {
        try enter()
        var fields = FieldsBuilder()
        skipSpace()
        if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
            index += 1
            depth -= 1
            return .object(OrderedFields())
        }
        while true {
            skipSpace()
            guard index < bytes.count else { throw .unexpectedEnd }
            guard bytes[index] == UInt8(ascii: "\"") else {
                throw unexpected("looking for beginning of object key string")
            }
            index += 1
            let key = try parseString()
            skipSpace()
            guard index < bytes.count else { throw .unexpectedEnd }
            guard bytes[index] == UInt8(ascii: ":") else { throw unexpected("after object key") }
            index += 1
            if collectsDuplicates { path.append(.key(key)) }
            let value = try parseValue()
            if keepsSource {
                fields.append(key, value)
            } else if !fields.add(key, value), collectsDuplicates, duplicates.count < Self.duplicatesMax {
                noteDuplicate()
            }
            if collectsDuplicates { path.removeLast() }
            skipSpace()
            guard index < bytes.count else { throw .unexpectedEnd }
            if bytes[index] == UInt8(ascii: ",") {
                index += 1
            } else if bytes[index] == UInt8(ascii: "}") {
                index += 1
                depth -= 1
                return .object(fields.fields)
            } else {
                throw unexpected("after object key:value pair")
            }
        }
    }

    /// The path as upstream writes it: `spec.containers[0].name`.
    private mutating func noteDuplicate() {
        var text = ""
        for step in path {
            switch step {
            case .key(let key): text += text.isEmpty ? key : "." + key
            case .index(let index): text += "[\(index)]"
            }
        }
        if !duplicates.contains(text) { duplicates.append(text) }
    }

    private mutating func expect(_ word: StaticString) throws(JSONSyntaxError) {
        for offset in 1..<word.utf8CodeUnitCount {
            let wanted = word.utf8Start[offset]
            guard index + offset < bytes.count else { throw .unexpectedEnd }
            guard bytes[index + offset] == wanted else {
                index += offset
                throw unexpected("in literal \(word) (expecting '\(Unicode.Scalar(wanted))')")
            }
        }
        index += word.utf8CodeUnitCount
    }

    @inline(__always)
    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }

    private func unexpected(_ context: String) -> JSONSyntaxError {
        .unexpected(byte: bytes[index], context: context, offset: index)
    }
}

// MARK: - Numbers

extension ValueParser {
    private mutating func parseNumber() throws(JSONSyntaxError) -> Value {
        let start = index
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        guard index < bytes.count else { throw .unexpectedEnd }
        var magnitude: UInt64 = 0
        var digits = 0
        guard isDigit else { throw unexpected("in numeric literal") }
        if bytes[index] == UInt8(ascii: "0") {
            index += 1
        } else {
            while isDigit {
                // Exact for the first 18 digits; longer ones are read again below.
                magnitude = magnitude &* 10 &+ UInt64(bytes[index] - UInt8(ascii: "0"))
                digits += 1
                index += 1
            }
        }
        var isInteger = true
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            try skipDigits("after decimal point in numeric literal")
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            try skipDigits("in exponent of numeric literal")
        }
        if isInteger, digits <= 18 {
            // Go keeps the sign of a negative zero only in floats; so do integers here.
            return .int(isNegative ? -Int64(magnitude) : Int64(magnitude))
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger, let exact = Int64(text) { return .int(exact) }
        if keepsSource { return .string(String(Self.numberMark) + text) }
        guard let double = Double(text), double.isFinite else { throw .numberOutOfRange(text) }
        return .double(double)
    }

    private var isDigit: Bool {
        index < bytes.count && bytes[index] &- UInt8(ascii: "0") < 10
    }

    private mutating func skipDigits(_ context: String) throws(JSONSyntaxError) {
        guard index < bytes.count else { throw .unexpectedEnd }
        guard isDigit else { throw unexpected(context) }
        while isDigit { index += 1 }
    }
}

// MARK: - Strings

extension ValueParser {
    /// The string whose opening quote was just passed.
    private mutating func parseString() throws(JSONSyntaxError) -> String {
        let start = index
        skipPlain()
        guard index < bytes.count else { throw .unexpectedEnd }
        if bytes[index] == UInt8(ascii: "\"") {
            let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
            index += 1
            return text
        }
        return try parseEscapedString(from: start)
    }

    /// Moves to the next quote, backslash or control character, eight bytes at a step.
    @inline(__always)
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let raw = UnsafeRawBufferPointer(bytes)
        while index + 8 <= bytes.count {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let slash = word ^ (ones &* 0x5C)
            let found =
                (((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | ((word &- ones &* 0x20) & ~word)) & highs
            if found != 0 {
                index += found.trailingZeroBitCount / 8
                return
            }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return }
            index += 1
        }
    }

    private mutating func parseEscapedString(from start: Int) throws(JSONSyntaxError) -> String {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: bytes[start..<index])
        while true {
            guard index < bytes.count else { throw .unexpectedEnd }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: scratch, as: UTF8.self)
            case UInt8(ascii: "\\"):
                index += 1
                try parseEscape()
            case 0..<0x20:
                throw unexpected("in string literal")
            default:
                let runStart = index
                skipPlain()
                scratch.append(contentsOf: bytes[runStart..<index])
            }
        }
    }

    private mutating func parseEscape() throws(JSONSyntaxError) {
        guard index < bytes.count else { throw .unexpectedEnd }
        let byte = bytes[index]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(byte)
        case UInt8(ascii: "b"): scratch.append(0x08)
        case UInt8(ascii: "f"): scratch.append(0x0C)
        case UInt8(ascii: "n"): scratch.append(0x0A)
        case UInt8(ascii: "r"): scratch.append(0x0D)
        case UInt8(ascii: "t"): scratch.append(0x09)
        case UInt8(ascii: "u"):
            index += 1
            try parseUnicodeEscape()
            return
        default:
            throw unexpected("in string escape code")
        }
        index += 1
    }

    private mutating func parseUnicodeEscape() throws(JSONSyntaxError) {
        let first = try parseHex()
        var scalar = Unicode.Scalar(UInt32(first))
        if UTF16.isLeadSurrogate(first), index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        {
            let mark = index
            index += 2
            let second = try parseHex()
            if UTF16.isTrailSurrogate(second) {
                scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
            } else {
                index = mark
            }
        }
        scratch.append(contentsOf: String(Character(scalar ?? "\u{FFFD}")).utf8)
    }

    private mutating func parseHex() throws(JSONSyntaxError) -> UInt16 {
        var number: UInt16 = 0
        for _ in 0..<4 {
            guard index < bytes.count else { throw .unexpectedEnd }
            let byte = bytes[index]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw unexpected("in \\u hexadecimal character escape")
            }
            number = number << 4 | UInt16(digit)
            index += 1
        }
        return number
    }
}

/// Collects an object's members; finds repeated keys without comparing all pairs in large objects.
private struct FieldsBuilder {
    private static let linearMax = 24
    /// Room made at the first member: most objects have no more.
    private static let usualCount = 6

    private(set) var fields = OrderedFields()
    private var seen: [String: Int] = [:]

    /// Also where the key is there already.
    mutating func append(_ key: String, _ value: Value) { fields.appendNew(key, value) }

    /// `false` for a repeated key, whose value replaces the earlier one, as in Go.
    mutating func add(_ key: String, _ value: Value) -> Bool {
        if fields.isEmpty { fields.reserve(Self.usualCount) }
        if fields.count < Self.linearMax {
            guard !fields.contains(key) else {
                fields[key] = value
                return false
            }
        } else {
            if seen.isEmpty {
                for (index, entry) in fields.entries.enumerated() { seen[entry.key] = index }
            }
            if let index = seen[key] {
                fields.replace(at: index, with: value)
                return false
            }
            seen[key] = fields.count
        }
        fields.appendNew(key, value)
        return true
    }
}

/// Why a text is not JSON, in the words of Go's `encoding/json`.
enum JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    case unexpectedEnd
    case unexpected(byte: UInt8, context: String, offset: Int)
    case tooDeep
    case numberOutOfRange(String)

    var description: String {
        switch self {
        case .unexpectedEnd: "unexpected end of JSON input"
        case .unexpected(let byte, let context, _): "invalid character \(Self.quoted(byte)) \(context)"
        case .tooDeep: "exceeded max depth"
        case .numberOutOfRange(let text): "json: cannot unmarshal number \(text) into Go value of type float64"
        }
    }

    private static func quoted(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "'"): return "'\\''"
        case UInt8(ascii: "\\"): return "'\\\\'"
        case 0x07: return "'\\a'"
        case 0x08: return "'\\b'"
        case 0x09: return "'\\t'"
        case 0x0A: return "'\\n'"
        case 0x0B: return "'\\v'"
        case 0x0C: return "'\\f'"
        case 0x0D: return "'\\r'"
        case 0x20..<0x7F, 0xA1...0xAC, 0xAE...0xFF: return "'\(Unicode.Scalar(byte))'"
        case 0x80...:
            return "'\\u00\(String(byte, radix: 16))'"
        default:
            let hex = String(byte, radix: 16)
            return "'\\x\(hex.count == 1 ? "0" : "")\(hex)'"
        }
    }
}

internal import Glibc

/// Reads JSON from contiguous bytes, one value after another, without building a tree.
///
/// It borrows its bytes: a reader is used only inside the closure that lends them (`JSONReader.read`). Invalid UTF-8
/// in strings becomes U+FFFD, as upstream's decoder has it.
@usableFromInline package struct JSONReader {
    /// As deep as upstream's decoder goes.
    @usableFromInline package static let depthMax = 10_000

    private let base: UnsafePointer<UInt8>
    private let end: Int
    /// The next byte to read.
    @usableFromInline package private(set) var offset = 0
    /// `metadata.managedFields` are left out of what is read.
    @usableFromInline package var skipsManagedFields = false
    private var depth = 0
    private var isFirst = false
    private var scratch: Scratch?

    /// Keeps keys that had to be unescaped alive for as long as the reader.
    private final class Scratch {
        var buffers: [UnsafeMutableBufferPointer<UInt8>] = []
        deinit { for buffer in buffers { buffer.deallocate() } }
    }

    /// The bytes must outlive the reader.
    @usableFromInline package init(_ bytes: UnsafeBufferPointer<UInt8>) {
        base = bytes.baseAddress ?? UnsafePointer(JSONReader.empty)
        end = bytes.count
    }

    nonisolated(unsafe) private static let empty = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

    /// Reads the whole of `bytes` with `body`; anything but white space after the value is an error.
    @usableFromInline package static func read<Result>(
        _ bytes: [UInt8], _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let outcome: Swift.Result<Result, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            var reader = JSONReader(buffer)
            do throws(JSONError) {
                let result = try body(&reader)
                try reader.finish()
                return .success(result)
            } catch {
                return .failure(error.located(in: buffer))
            }
        }
        return try outcome.get()
    }

    /// Only white space may be left.
    @usableFromInline package mutating func finish() throws(JSONError) {
        skipSpace()
        if offset < end { throw failure("invalid character \(describe(base[offset])) after top-level value") }
    }

    // MARK: Structure

    /// What the next value is, without reading it.
    @usableFromInline package mutating func peek() throws(JSONError) -> JSONToken {
        skipSpace()
        guard offset < end else { throw failure("unexpected end of JSON input") }
        switch base[offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw failure("invalid character \(describe(base[offset])) looking for beginning of value")
        }
    }

    /// Reads `{`.
    @usableFromInline package mutating func beginObject() throws(JSONError) {
        try open(UInt8(ascii: "{"), "an object")
    }

    /// The next member's name, positioned at its value; `nil` after the last, with the object closed.
    @inline(__always)
    @usableFromInline package mutating func nextKey() throws(JSONError) -> JSONKey? {
        guard try advance(to: UInt8(ascii: "}"), "object") else { return nil }
        guard base[offset] == UInt8(ascii: "\"") else {
            throw failure("invalid character \(describe(base[offset])) looking for beginning of object key string")
        }
        let key = try readKey()
        skipSpace()
        guard offset < end, base[offset] == UInt8(ascii: ":") else {
            throw unexpected("after object key")
        }
        offset += 1
        return key
    }

    /// Like `nextKey`, passing over members that are `null`: for typed readers null means absent.
    @usableFromInline package mutating func nextField() throws(JSONError) -> JSONKey? {
        while let key = try nextKey() {
            if try !skipNull() { return key }
        }
        return nil
    }

    /// Reads `[`.
    @usableFromInline package mutating func beginArray() throws(JSONError) {
        try open(UInt8(ascii: "["), "an array")
    }

    /// Whether another element follows, positioned at it; when not, the array is closed.
    @usableFromInline package mutating func nextElement() throws(JSONError) -> Bool {
        try advance(to: UInt8(ascii: "]"), "array")
    }

    /// Reads `null` if it is next.
    @usableFromInline package mutating func skipNull() throws(JSONError) -> Bool {
        skipSpace()
        guard offset < end, base[offset] == UInt8(ascii: "n") else { return false }
        try literal("null")
        return true
    }

    // MARK: Scalars

    @usableFromInline package mutating func bool() throws(JSONError) -> Bool {
        switch try peek() {
        case .bool:
            let value = base[offset] == UInt8(ascii: "t")
            try literal(value ? "true" : "false")
            return value
        case let token: throw mismatch("a boolean", token)
        }
    }

    @usableFromInline package mutating func string() throws(JSONError) -> String {
        skipSpace()
        guard offset < end, base[offset] == UInt8(ascii: "\"") else { throw mismatch("a string", try peek()) }
        let start = offset + 1
        let stop = try endOfString(from: start)
        offset = stop.end + 1
        let raw = UnsafeBufferPointer(start: base + start, count: stop.end - start)
        guard stop.isEscaped else { return String(decoding: raw, as: UTF8.self) }
        return String(decoding: try JSONUnescaper.unescape(raw, offset: start), as: UTF8.self)
    }

    /// An integer; a number with a fraction or beyond 64 bits is an error.
    @usableFromInline package mutating func int64() throws(JSONError) -> Int64 {
        let start = offset
        switch try number() {
        case .int(let value): return value
        case .double(let value):
            // Go's decoder takes 1e3 or 1.0 for an integer field only where it is exact; so do we.
            guard let exact = Int64(exactly: value), abs(value) < 9_007_199_254_740_992 else {
                throw JSONError(message: "expected an integer, found a number", offset: start)
            }
            return exact
        }
    }

    @usableFromInline package mutating func int32() throws(JSONError) -> Int32 {
        let start = offset
        guard let value = Int32(exactly: try int64()) else {
            throw JSONError(message: "number out of range for a 32-bit integer", offset: start)
        }
        return value
    }

    @usableFromInline package mutating func double() throws(JSONError) -> Double {
        switch try number() {
        case .int(let value): Double(value)
        case .double(let value): value
        }
    }

    /// A number of either kind: literals without fraction and exponent that fit are integers.
    @usableFromInline package mutating func number() throws(JSONError) -> JSONNumber {
        let token = try peek()
        guard token == .number else { throw mismatch("a number", token) }
        let start = offset
        let isInteger = try scanNumber()
        if isInteger, let value = JSONReader.integer(UnsafeBufferPointer(start: base + start, count: offset - start)) {
            return .int(value)
        }
        let text = String(decoding: UnsafeBufferPointer(start: base + start, count: offset - start), as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw JSONError(message: "number \(text) is out of range", offset: start)
        }
        return .double(value)
    }

    /// A base64 string, as Go encodes `[]byte`.
    @usableFromInline package mutating func bytes() throws(JSONError) -> [UInt8] {
        let start = offset
        let text = try string()
        guard let bytes = Base64.decode(text.utf8) else {
            throw JSONError(message: "illegal base64 data", offset: start)
        }
        return bytes
    }

    // MARK: Whole values

    /// Passes over the next value, checking that it is well formed. Uses no stack for depth.
    @usableFromInline package mutating func skip() throws(JSONError) {
        let floor = depth
        var kinds: [Bool] = []  // Open containers: `true` for objects.
        repeat {
            switch try peek() {
            case .object:
                try beginObject()
                kinds.append(true)
            case .array:
                try beginArray()
                kinds.append(false)
            case .string:
                offset = try endOfString(from: offset + 1).end + 1
            case .number: _ = try scanNumber()
            case .bool: _ = try bool()
            case .null: try literal("null")
            }
            while let isObject = kinds.last {
                if try isObject ? nextKey() != nil : nextElement() { break }
                kinds.removeLast()
            }
        } while depth > floor
    }

    /// The bytes of the next value, as they stand. Valid as long as the document.
    @usableFromInline package mutating func raw() throws(JSONError) -> UnsafeBufferPointer<UInt8> {
        skipSpace()
        let start = offset
        try skip()
        return UnsafeBufferPointer(start: base + start, count: offset - start)
    }

    /// An error at the current byte.
    @usableFromInline package func failure(_ message: String) -> JSONError {
        JSONError(message: message, offset: offset)
    }

    /// The error for a value of another type than `wanted` (`a string`).
    @usableFromInline package func mismatch(_ wanted: String, _ found: JSONToken) -> JSONError {
        failure("expected \(wanted), found \(found.description)")
    }
}

extension JSONReader {
    private mutating func open(_ byte: UInt8, _ wanted: String) throws(JSONError) {
        skipSpace()
        guard offset < end, base[offset] == byte else { throw mismatch(wanted, try peek()) }
        guard depth < JSONReader.depthMax else { throw failure("exceeded max depth") }
        offset += 1
        depth += 1
        isFirst = true
    }

    /// Moves to the next member or element; `false` if `close` came instead.
    @inline(__always)
    private mutating func advance(to close: UInt8, _ container: StaticString) throws(JSONError) -> Bool {
        skipSpace()
        guard offset < end else { throw failure("unexpected end of JSON input") }
        if base[offset] == close {
            offset += 1
            depth -= 1
            isFirst = false
            return false
        }
        if isFirst {
            isFirst = false
            return true
        }
        guard base[offset] == UInt8(ascii: ",") else { throw unexpected("after \(container) element") }
        offset += 1
        skipSpace()
        guard offset < end else { throw failure("unexpected end of JSON input") }
        if base[offset] == close { throw unexpected("looking for the next \(container) element") }
        return true
    }

    @inline(__always)
    private mutating func skipSpace() {
        while offset < end {
            switch base[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        let count = text.utf8CodeUnitCount
        guard offset + count <= end, memcmp(base + offset, text.utf8Start, count) == 0 else {
            throw unexpected("in literal \(text)")
        }
        offset += count
    }

    @inline(__always)
    private mutating func readKey() throws(JSONError) -> JSONKey {
        let start = offset + 1
        let stop = try endOfString(from: start)
        offset = stop.end + 1
        let raw = UnsafeBufferPointer(start: base + start, count: stop.end - start)
        guard stop.isEscaped else { return JSONKey(bytes: raw) }
        return try unescapedKey(raw, offset: start)
    }

    /// Rare: a key written with escapes.
    private mutating func unescapedKey(
        _ raw: UnsafeBufferPointer<UInt8>, offset start: Int
    ) throws(JSONError) -> JSONKey {
        let text = try JSONUnescaper.unescape(raw, offset: start)
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(text.count, 1))
        _ = buffer.initialize(from: text)
        let holder = scratch ?? Scratch()
        holder.buffers.append(buffer)
        scratch = holder
        return JSONKey(bytes: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(buffer)[0..<text.count]))
    }

    /// The closing quote of a string that starts at `start`, eight bytes at a time.
    @inline(__always)
    private func endOfString(from start: Int) throws(JSONError) -> (end: Int, isEscaped: Bool) {
        var index = start
        var isEscaped = false
        while true {
            while index &+ 8 <= end {
                let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
                let stops = JSONReader.stops(in: word)
                if stops != 0 {
                    index &+= stops.trailingZeroBitCount >> 3
                    break
                }
                index &+= 8
            }
            guard index < end else { throw JSONError(message: "unexpected end of JSON input", offset: end) }
            switch base[index] {
            case UInt8(ascii: "\""): return (index, isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                index += 2
            case 0..<0x20:
                throw JSONError(message: "invalid character \(describe(base[index])) in string literal", offset: index)
            default: index += 1
            }
        }
    }

    /// High bits of the bytes that are a quote, a backslash or a control character.
    @inline(__always)
    static func stops(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let slash = word ^ (ones &* 0x5C)
        let control = (word &- (ones &* 0x20)) & ~word
        return (((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | control) & highs
    }

    /// Passes over a number; whether it has neither fraction nor exponent.
    private mutating func scanNumber() throws(JSONError) -> Bool {
        var isInteger = true
        if base[offset] == UInt8(ascii: "-") { offset += 1 }
        let start = offset
        try digits()
        if base[start] == UInt8(ascii: "0"), offset > start + 1 {
            offset = start + 1
            throw unexpected("after a leading zero")
        }
        if offset < end, base[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try digits()
        }
        if offset < end, base[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < end, base[offset] == UInt8(ascii: "+") || base[offset] == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return isInteger
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while offset < end, base[offset] &- 0x30 < 10 { offset += 1 }
        if offset == start { throw unexpected("in numeric literal") }
    }

    private static func integer(_ digits: UnsafeBufferPointer<UInt8>) -> Int64? {
        let isNegative = digits[0] == UInt8(ascii: "-")
        var value: Int64 = 0
        for byte in digits.dropFirst(isNegative ? 1 : 0) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte &- 0x30)
            let (sum, carry) =
                isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }

    private func unexpected(_ place: String) -> JSONError {
        offset < end
            ? failure("invalid character \(describe(base[offset])) \(place)") : failure("unexpected end of JSON input")
    }
}

private func describe(_ byte: UInt8) -> String {
    byte >= 0x20 && byte < 0x7F ? "'\(Character(Unicode.Scalar(byte)))'" : "'\\x" + String(byte, radix: 16) + "'"
}

/// The kinds of JSON value.
@usableFromInline package enum JSONToken: Sendable {
    case object
    case array
    case string
    case number
    case bool
    case null

    /// With its article: `an object`.
    @usableFromInline package var description: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}

/// A number as `Value` keeps it.
@usableFromInline package enum JSONNumber: Sendable {
    case int(Int64)
    case double(Double)
}

/// The name of an object's member, still in the document's bytes.
@usableFromInline package struct JSONKey {
    @usableFromInline package let bytes: UnsafeBufferPointer<UInt8>

    @inline(__always) package var count: Int { bytes.count }

    /// Compares bytes; allocates nothing.
    @inline(__always)
    @usableFromInline package func matches(_ name: StaticString) -> Bool {
        guard bytes.count == name.utf8CodeUnitCount, let start = bytes.baseAddress else {
            return bytes.isEmpty && name.utf8CodeUnitCount == 0
        }
        return memcmp(start, name.utf8Start, name.utf8CodeUnitCount) == 0
    }

    @usableFromInline package var string: String { String(decoding: bytes, as: UTF8.self) }
}

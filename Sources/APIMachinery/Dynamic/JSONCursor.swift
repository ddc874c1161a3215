/// A position in JSON bytes that skips strings and nested values eight bytes at a time.
struct JSONCursor {
    private let base: UnsafePointer<UInt8>?
    private let end: Int
    private(set) var index = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        base = bytes.baseAddress
        end = bytes.count
    }

    /// The byte at the cursor; 0 at the end.
    @inline(__always)
    private var byte: UInt8 {
        guard let base, index < end else { return 0 }
        return base[index]
    }

    @inline(__always)
    private mutating func skipSpace() {
        while index < end {
            switch byte {
            case 0x20, 0x0A, 0x0D, 0x09: index &+= 1
            default: return
            }
        }
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        skipSpace()
        guard index < end, byte == wanted else { return false }
        index &+= 1
        return true
    }

    /// Calls `body` at each member's value until it returns false; then the cursor stays where `body` left it.
    /// A value that `body` did not move past is skipped.
    mutating func eachMember(_ body: (JSONKey, inout JSONCursor) -> Bool) {
        guard take(UInt8(ascii: "{")) else { return skipValue() }
        if take(UInt8(ascii: "}")) { return }
        while take(UInt8(ascii: "\"")) {
            let start = index
            skipString()
            guard let base, index > start else { return }
            let key = JSONKey(bytes: UnsafeBufferPointer(start: base + start, count: index - 1 - start))
            guard take(UInt8(ascii: ":")) else { return }
            skipSpace()
            let value = index
            guard body(key, &self) else { return }
            if index == value { skipValue() }
            guard take(UInt8(ascii: ",")) else { break }
            skipSpace()
        }
        _ = take(UInt8(ascii: "}"))
    }

    /// Calls `body` at each element.
    mutating func eachElement(_ body: (inout JSONCursor) -> Void) {
        guard take(UInt8(ascii: "[")) else { return skipValue() }
        if take(UInt8(ascii: "]")) { return }
        repeat {
            skipSpace()
            let value = index
            body(&self)
            if index == value { skipValue() }
            if index == value { return }
        } while take(UInt8(ascii: ","))
        _ = take(UInt8(ascii: "]"))
    }

    /// Moves to the value at a path of keys.
    mutating func move(to path: ArraySlice<String>) -> Bool {
        skipSpace()
        guard let first = path.first else { return index < end }
        var isFound = false
        eachMember { key, cursor in
            guard key.string == first else { return true }
            isFound = cursor.move(to: path.dropFirst())
            return false
        }
        return isFound
    }

    /// The scalar at the cursor as text, moving past it; `nil` for null, objects and arrays.
    mutating func scalarText() -> String? {
        skipSpace()
        guard let base, index < end else { return nil }
        let start = index
        switch byte {
        case UInt8(ascii: "\""):
            index &+= 1
            let hasEscape = skipString()
            let raw = UnsafeBufferPointer(start: base + start + 1, count: max(index - start - 2, 0))
            guard hasEscape else { return String(decoding: raw, as: UTF8.self) }
            return (try? JSONUnescaper.unescape(raw, offset: start)).map { String(decoding: $0, as: UTF8.self) }
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "n"):
            skipValue()
            return nil
        default:
            skipValue()
            return String(decoding: UnsafeBufferPointer(start: base + start, count: index - start), as: UTF8.self)
        }
    }

    /// The scalar at the cursor as bytes, moving past it.
    mutating func scalar() -> Scalar {
        skipSpace()
        let empty = UnsafeBufferPointer<UInt8>(start: base, count: 0)
        guard let base, index < end else { return Scalar(raw: empty, hasEscape: false) }
        let start = index
        switch byte {
        case UInt8(ascii: "\""):
            index &+= 1
            let hasEscape = skipString()
            let raw = UnsafeBufferPointer(start: base + start + 1, count: max(index - start - 2, 0))
            return Scalar(raw: raw, hasEscape: hasEscape)
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "n"):
            skipValue()
            return Scalar(raw: empty, hasEscape: false)
        default:
            skipValue()
            return Scalar(raw: UnsafeBufferPointer(start: base + start, count: index - start), hasEscape: false)
        }
    }

    /// The object of strings at the cursor.
    mutating func stringMap() -> [String: String] {
        var map: [String: String] = [:]
        eachMember { key, cursor in
            map[Self.text(of: key)] = cursor.scalarText() ?? ""
            return true
        }
        return map
    }

    /// Keys may hold escapes.
    private static func text(of key: JSONKey) -> String {
        guard key.bytes.contains(UInt8(ascii: "\\")), let bytes = try? JSONUnescaper.unescape(key.bytes, offset: 0)
        else { return key.string }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Moves past the value at the cursor.
    mutating func skipValue() {
        skipSpace()
        switch byte {
        case UInt8(ascii: "\""):
            index &+= 1
            skipString()
        case UInt8(ascii: "{"), UInt8(ascii: "["): skipContainer()
        default:
            while index < end {
                switch byte {
                case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0A, 0x0D, 0x09: return
                default: index &+= 1
                }
            }
        }
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// High bits of the bytes of `word` that are `byte`; exact up to the first.
    @inline(__always)
    private static func matches(_ word: UInt64, _ byte: UInt64) -> UInt64 {
        let difference = word ^ (ones &* byte)
        return (difference &- ones) & ~difference & highs
    }

    @inline(__always)
    private func word(at offset: Int) -> UInt64 {
        guard let base else { return 0 }
        return UInt64(littleEndian: UnsafeRawPointer(base + offset).loadUnaligned(as: UInt64.self))
    }

    /// From after the opening quote to after the closing one. Returns whether there are escapes.
    @discardableResult
    private mutating func skipString() -> Bool {
        var hasEscape = false
        while index < end {
            if index &+ 8 <= end {
                let word = word(at: index)
                let found = Self.matches(word, 0x22) | Self.matches(word, 0x5C)
                guard found != 0 else {
                    index &+= 8
                    continue
                }
                index &+= found.trailingZeroBitCount >> 3
            }
            switch byte {
            case UInt8(ascii: "\""):
                index &+= 1
                return hasEscape
            case UInt8(ascii: "\\"):
                hasEscape = true
                index = min(index &+ 2, end)
            default: index &+= 1
            }
        }
        return hasEscape
    }

    /// From the opening bracket to after the closing one, by counting brackets outside strings.
    private mutating func skipContainer() {
        var depth = 0
        while index < end {
            if index &+ 8 <= end {
                let word = word(at: index)
                // Curly and square brackets differ in one bit.
                let folded = word | (Self.ones &* 0x20)
                let found = Self.matches(word, 0x22) | Self.matches(folded, 0x7B) | Self.matches(folded, 0x7D)
                guard found != 0 else {
                    index &+= 8
                    continue
                }
                index &+= found.trailingZeroBitCount >> 3
            }
            let current = byte
            index &+= 1
            switch current {
            case UInt8(ascii: "\""): skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth &+= 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth &-= 1
                if depth <= 0 { return }
            default: break
            }
        }
    }
}

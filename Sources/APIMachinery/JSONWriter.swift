internal import Glibc

/// Appends compact JSON to a buffer. Commas are its business; callers say keys and values in order.
///
/// Growing is by doubling; `finish` hands out an array of exactly the written size, as objects at rest want it.
@usableFromInline package struct JSONWriter: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// Bytes written so far.
    @usableFromInline package private(set) var count = 0
    private var needsComma = false

    @usableFromInline package init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    /// The bytes of what `body` wrote.
    @usableFromInline package static func bytes(capacity: Int = 1024, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(capacity: capacity)
        body(&writer)
        return writer.finish()
    }

    /// What was written, exactly sized.
    @usableFromInline package consuming func finish() -> [UInt8] {
        [UInt8](UnsafeBufferPointer(start: base, count: count))
    }

    /// Lends what was written so far.
    @usableFromInline package func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: base, count: count))
    }

    // MARK: Structure

    @usableFromInline package mutating func beginObject() { open(UInt8(ascii: "{")) }
    @usableFromInline package mutating func endObject() { close(UInt8(ascii: "}")) }
    @usableFromInline package mutating func beginArray() { open(UInt8(ascii: "[")) }
    @usableFromInline package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// A member's name that needs no escaping.
    @usableFromInline package mutating func key(_ name: StaticString) {
        let length = name.utf8CodeUnitCount
        reserve(length + 4)
        if needsComma { put(UInt8(ascii: ",")) }
        put(UInt8(ascii: "\""))
        memcpy(base + count, name.utf8Start, length)
        count &+= length
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A member's name.
    @usableFromInline package mutating func key(_ name: String) {
        string(name)
        reserve(1)
        put(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Values

    @usableFromInline package mutating func string(_ text: String) {
        separate(0)
        var text = text
        text.withUTF8 { quoted($0) }
    }

    @usableFromInline package mutating func int(_ value: some FixedWidthInteger) {
        separate(21)
        if let small = UInt64(exactly: value) { return decimal(small) }
        let wide = Int64(truncatingIfNeeded: value)
        put(UInt8(ascii: "-"))
        decimal(wide.magnitude)
    }

    @usableFromInline package mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    @usableFromInline package mutating func null() { literal("null") }

    /// The shortest text that reads back as the same number; whole numbers without a fraction. Not-a-number and
    /// infinities, which JSON lacks, are written as `null`.
    @usableFromInline package mutating func double(_ value: Double) {
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return int(whole) }
        guard value.isFinite else { return null() }
        var text = value.description
        separate(text.utf8.count)
        text.withUTF8 { append($0) }
    }

    /// Bytes as a base64 string.
    @usableFromInline package mutating func base64(_ bytes: [UInt8]) {
        separate(2)
        put(UInt8(ascii: "\""))
        Base64.encode(bytes).withUnsafeBufferPointer { append($0) }
        reserve(1)
        put(UInt8(ascii: "\""))
    }

    /// An already encoded value, spliced in as it is.
    @usableFromInline package mutating func raw(_ bytes: UnsafeBufferPointer<UInt8>) {
        separate(0)
        append(bytes)
    }

    /// An already encoded value, spliced in as it is.
    @usableFromInline package mutating func raw(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { raw($0) }
    }

    // MARK: Bytes

    private mutating func open(_ byte: UInt8) {
        separate(1)
        put(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        reserve(1)
        put(byte)
        needsComma = true
    }

    /// Writes the comma that the next value needs and makes room for it and `length` more.
    @inline(__always)
    private mutating func separate(_ length: Int) {
        reserve(length &+ 1)
        if needsComma { put(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func literal(_ text: StaticString) {
        separate(text.utf8CodeUnitCount)
        memcpy(base + count, text.utf8Start, text.utf8CodeUnitCount)
        count &+= text.utf8CodeUnitCount
    }

    private mutating func decimal(_ value: UInt64) {
        var digits = 1
        var limit: UInt64 = 10
        while digits < 20, value >= limit {
            digits += 1
            limit = digits < 20 ? limit &* 10 : .max
        }
        var rest = value
        var position = count &+ digits
        repeat {
            position &-= 1
            base[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            rest /= 10
        } while rest > 0
        count &+= digits
    }

    private mutating func quoted(_ text: UnsafeBufferPointer<UInt8>) {
        reserve(text.count &+ 2)
        put(UInt8(ascii: "\""))
        var start = 0
        var index = 0
        while index < text.count {
            if index &+ 8 <= text.count, let address = text.baseAddress {
                let stops = JSONReader.stops(in: UnsafeRawPointer(address + index).loadUnaligned(as: UInt64.self))
                guard stops != 0 else {
                    index &+= 8
                    continue
                }
                index &+= stops.trailingZeroBitCount >> 3
            }
            let byte = text[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 {
                append(UnsafeBufferPointer(rebasing: text[start..<index]))
                escape(byte)
                start = index + 1
            }
            index &+= 1
        }
        append(UnsafeBufferPointer(rebasing: text[start...]))
        reserve(1)
        put(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        reserve(6)
        put(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0D: put(UInt8(ascii: "r"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0..<0x20:
            for digit in "u00".utf8 { put(digit) }
            for nibble in [byte >> 4, byte & 15] { put(nibble + (nibble < 10 ? 0x30 : 0x57)) }
        default: put(byte)
        }
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        memcpy(base + count, source, bytes.count)
        count &+= bytes.count
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        base[count] = byte
        count &+= 1
    }

    @inline(__always)
    private mutating func reserve(_ length: Int) {
        if count &+ length > capacity { grow(count + length) }
    }

    @inline(never)
    private mutating func grow(_ needed: Int) {
        let larger = max(needed, capacity * 2)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        memcpy(fresh, base, count)
        base.deallocate()
        base = fresh
        capacity = larger
    }
}

internal import Glibc

/// Appends protobuf fields to a buffer. Callers say fields in the order of their tags, as upstream writes them.
@usableFromInline package struct ProtobufWriter: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// Bytes written so far.
    @usableFromInline package private(set) var count = 0

    @usableFromInline package init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    /// The bytes of what `body` wrote.
    @usableFromInline package static func bytes(capacity: Int = 1024, _ body: (inout ProtobufWriter) -> Void) -> [UInt8]
    {
        var writer = ProtobufWriter(capacity: capacity)
        body(&writer)
        return writer.finish()
    }

    /// What was written, exactly sized.
    @usableFromInline package consuming func finish() -> [UInt8] {
        [UInt8](UnsafeBufferPointer(start: base, count: count))
    }

    // MARK: Fields

    @usableFromInline package mutating func string(_ tag: UInt32, _ text: String) {
        var text = text
        text.withUTF8 { bytes(tag, UnsafeRawBufferPointer($0)) }
    }

    @usableFromInline package mutating func bytes(_ tag: UInt32, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.bytes(tag, $0) }
    }

    @usableFromInline package mutating func bytes(_ tag: UInt32, _ bytes: UnsafeRawBufferPointer) {
        key(tag, 2)
        varint(UInt64(bytes.count))
        append(bytes)
    }

    @usableFromInline package mutating func int64(_ tag: UInt32, _ value: Int64) {
        key(tag, 0)
        varint(UInt64(bitPattern: value))
    }

    @usableFromInline package mutating func int32(_ tag: UInt32, _ value: Int32) { int64(tag, Int64(value)) }
    @usableFromInline package mutating func bool(_ tag: UInt32, _ value: Bool) { int64(tag, value ? 1 : 0) }

    @usableFromInline package mutating func double(_ tag: UInt32, _ value: Double) {
        key(tag, 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { append($0) }
    }

    /// A nested message: `body` writes its fields.
    @usableFromInline package mutating func message<Failure: Error>(
        _ tag: UInt32, _ body: (inout ProtobufWriter) throws(Failure) -> Void
    ) throws(Failure) {
        let start = beginMessage(tag)
        try body(&self)
        endMessage(start)
    }

    /// Opens a nested message; `endMessage` takes what this returns.
    @usableFromInline package mutating func beginMessage(_ tag: UInt32) -> Int {
        key(tag, 2)
        reserve(1)
        count += 1  // Most messages are short: one byte of length, widened at the end if need be.
        return count
    }

    /// Closes the message that was opened at `start`.
    @usableFromInline package mutating func endMessage(_ start: Int) {
        let length = count - start
        guard length >= 0x80 else {
            base[start - 1] = UInt8(length)
            return
        }
        let extra = (Int.bitWidth - length.leadingZeroBitCount + 6) / 7 - 1
        reserve(extra)
        memmove(base + start + extra, base + start, length)
        count = start - 1
        varint(UInt64(length))
        count = start + extra + length
    }

    /// Bytes outside any field: the envelope's magic.
    @usableFromInline package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        memcpy(base + count, source, bytes.count)
        count += bytes.count
    }

    // MARK: Bytes

    private mutating func key(_ tag: UInt32, _ wireType: UInt64) { varint(UInt64(tag) << 3 | wireType) }

    @inline(__always)
    private mutating func varint(_ value: UInt64) {
        reserve(10)
        var rest = value
        while rest >= 0x80 {
            base[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count &+= 1
            rest >>= 7
        }
        base[count] = UInt8(truncatingIfNeeded: rest)
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

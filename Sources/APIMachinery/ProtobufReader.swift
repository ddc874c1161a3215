/// Why bytes were refused as a protobuf message.
@usableFromInline package struct ProtobufError: Error, Equatable, CustomStringConvertible {
    /// Lower-case phrase.
    @usableFromInline package let message: String
    /// Bytes from the start of the message.
    @usableFromInline package let offset: Int

    @usableFromInline package init(message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }

    @usableFromInline package var description: String { "\(message) at byte \(offset)" }
}

/// Reads the fields of a protobuf message from contiguous bytes, in the order they stand.
///
/// It borrows its bytes: used only inside the closure that lends them.
@usableFromInline package struct ProtobufReader {
    /// As deep as messages may nest.
    @usableFromInline package static let depthMax = 10_000

    private let base: UnsafeRawPointer
    private var limit: Int
    private var offset = 0
    private var depth = 0
    /// The wire type of the field that `nextField` returned.
    private var wireType: UInt8 = 0

    /// The bytes must outlive the reader.
    @usableFromInline package init(_ bytes: UnsafeRawBufferPointer) {
        base = bytes.baseAddress ?? UnsafeRawPointer(ProtobufReader.empty)
        limit = bytes.count
    }

    nonisolated(unsafe) private static let empty = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

    /// Reads all of `bytes` with `body`.
    @usableFromInline package static func read<Result>(
        _ bytes: [UInt8], _ body: (inout ProtobufReader) throws(ProtobufError) -> Result
    ) throws(ProtobufError) -> Result {
        let outcome: Swift.Result<Result, ProtobufError> = bytes.withUnsafeBytes { buffer in
            var reader = ProtobufReader(buffer)
            do throws(ProtobufError) {
                return .success(try body(&reader))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    // MARK: Fields

    /// The number of the next field; `nil` at the end of the message. Its value must be read or skipped.
    @usableFromInline package mutating func nextField() throws(ProtobufError) -> UInt32? {
        guard offset < limit else { return nil }
        let tag = try varint()
        wireType = UInt8(tag & 7)
        guard let field = UInt32(exactly: tag >> 3), field > 0 else { throw failure("invalid field number") }
        return field
    }

    /// Whether the field just returned is length-delimited: for repeated scalars, that it is packed.
    @usableFromInline package var isPacked: Bool { wireType == 2 }

    /// Passes over the value of the field just returned.
    @usableFromInline package mutating func skip() throws(ProtobufError) {
        switch wireType {
        case 0: _ = try varint()
        case 1: try move(8)
        case 2: try move(try length())
        case 5: try move(4)
        default: throw failure("unsupported wire type \(wireType)")
        }
    }

    // MARK: Values

    @usableFromInline package mutating func uint64() throws(ProtobufError) -> UInt64 {
        guard wireType == 0 else { throw failure("expected a varint, found wire type \(wireType)") }
        return try varint()
    }

    @usableFromInline package mutating func int64() throws(ProtobufError) -> Int64 { Int64(bitPattern: try uint64()) }
    @usableFromInline package mutating func int32() throws(ProtobufError) -> Int32 {
        Int32(truncatingIfNeeded: try uint64())
    }
    @usableFromInline package mutating func bool() throws(ProtobufError) -> Bool { try uint64() != 0 }

    @usableFromInline package mutating func double() throws(ProtobufError) -> Double {
        guard wireType == 1 else { throw failure("expected a 64-bit value, found wire type \(wireType)") }
        guard limit - offset >= 8 else { throw failure("unexpected end of message") }
        let bits = (base + offset).loadUnaligned(as: UInt64.self)
        offset += 8
        return Double(bitPattern: UInt64(littleEndian: bits))
    }

    @usableFromInline package mutating func string() throws(ProtobufError) -> String {
        String(decoding: try rawBytes(), as: UTF8.self)
    }

    @usableFromInline package mutating func bytes() throws(ProtobufError) -> [UInt8] { [UInt8](try rawBytes()) }

    /// The bytes of a length-delimited field, in place. Valid as long as the message.
    @usableFromInline package mutating func rawBytes() throws(ProtobufError) -> UnsafeRawBufferPointer {
        let count = try delimitedLength()
        let start = offset
        try move(count)
        return UnsafeRawBufferPointer(start: base + start, count: count)
    }

    /// Reads a nested message with `body`, which sees only its fields.
    @usableFromInline package mutating func message<Result>(
        _ body: (inout ProtobufReader) throws(ProtobufError) -> Result
    ) throws(ProtobufError) -> Result {
        let count = try delimitedLength()
        guard count <= limit - offset else { throw failure("unexpected end of message") }
        guard depth < ProtobufReader.depthMax else { throw failure("exceeded max depth") }
        let outer = limit
        limit = offset + count
        depth += 1
        let result = try body(&self)
        offset = limit
        limit = outer
        depth -= 1
        return result
    }

    /// The next number of a packed list; `nil` at its end.
    @usableFromInline package mutating func packedVarint() throws(ProtobufError) -> UInt64? {
        offset < limit ? try varint() : nil
    }

    @usableFromInline package func failure(_ message: String) -> ProtobufError {
        ProtobufError(message: message, offset: offset)
    }

    // MARK: Bytes

    private mutating func delimitedLength() throws(ProtobufError) -> Int {
        guard wireType == 2 else { throw failure("expected a length-delimited value, found wire type \(wireType)") }
        return try length()
    }

    private mutating func length() throws(ProtobufError) -> Int {
        guard let count = Int(exactly: try varint()) else { throw failure("invalid length") }
        return count
    }

    private mutating func move(_ count: Int) throws(ProtobufError) {
        guard count <= limit - offset else { throw failure("unexpected end of message") }
        offset += count
    }

    @inline(__always)
    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < limit, shift < 64 {
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw failure(shift < 64 ? "unexpected end of message" : "varint too long")
    }
}

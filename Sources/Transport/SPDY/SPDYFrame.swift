/// A SPDY/3 frame as it is read. Data comes in the pieces that it arrived in.
enum SPDYFrame {
    case synStream(id: UInt32, headers: SPDYHeaders, isLast: Bool)
    case synReply(id: UInt32, headers: SPDYHeaders, isLast: Bool)
    case reset(id: UInt32, status: UInt32)
    case headers(id: UInt32, headers: SPDYHeaders, isLast: Bool)
    case ping(id: UInt32)
    case goAway
    case data(id: UInt32, bytes: [UInt8], isLast: Bool)
    /// SETTINGS, WINDOW_UPDATE and whatever else we have no use for.
    case ignored

    enum Kind {
        static let synStream: UInt16 = 1
        static let synReply: UInt16 = 2
        static let reset: UInt16 = 3
        static let ping: UInt16 = 6
        static let goAway: UInt16 = 7
        static let headers: UInt16 = 8
    }

    static let flagFin: UInt8 = 1
    static let controlBytesMax = 256 << 10

    static func control(_ kind: UInt16, flags: UInt8 = 0, _ payload: [UInt8]) -> [UInt8] {
        [0x80, 3, UInt8(kind >> 8), UInt8(truncatingIfNeeded: kind), flags] + length(payload.count) + payload
    }

    static func data(id: UInt32, flags: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        word(id) + [flags] + length(bytes.count) + bytes
    }

    static func word(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    private static func length(_ count: Int) -> [UInt8] {
        Array(word(UInt32(count)).dropFirst())
    }
}

/// Header names (lower case) and values in order.
package typealias SPDYHeaders = [(name: String, value: String)]

/// Compresses header blocks; its state runs through all frames of one direction.
struct SPDYHeaderEncoder: ~Copyable {
    private var deflater = Deflater(level: 9, windowBits: 15, dictionary: SPDYDictionary.bytes)

    mutating func encode(_ headers: SPDYHeaders) -> [UInt8] {
        var block = SPDYFrame.word(UInt32(headers.count))
        for (name, value) in headers {
            let name = name.lowercased()
            block += SPDYFrame.word(UInt32(name.utf8.count)) + name.utf8
            block += SPDYFrame.word(UInt32(value.utf8.count)) + value.utf8
        }
        return deflater.sync(block)
    }
}

struct SPDYHeaderDecoder: ~Copyable {
    private var inflater = Inflater(windowBits: 15, dictionary: SPDYDictionary.bytes)

    mutating func decode(_ block: [UInt8]) throws(SPDYError) -> SPDYHeaders {
        guard let bytes = inflater.inflate(block, bytesMax: SPDYFrame.controlBytesMax) else {
            throw .protocolViolation("a header block does not decompress")
        }
        var rest = bytes[...]
        var headers: SPDYHeaders = []
        for _ in 0..<(try Self.number(&rest)) {
            headers.append((name: try Self.text(&rest), value: try Self.text(&rest)))
        }
        return headers
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) throws(SPDYError) -> Int {
        guard rest.count >= 4 else { throw .protocolViolation("a header block is cut short") }
        defer { rest = rest.dropFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }

    private static func text(_ rest: inout ArraySlice<UInt8>) throws(SPDYError) -> String {
        let count = try number(&rest)
        guard rest.count >= count else { throw .protocolViolation("a header block is cut short") }
        defer { rest = rest.dropFirst(count) }
        return String(decoding: rest.prefix(count), as: UTF8.self)
    }
}

/// Why a SPDY connection ended.
package enum SPDYError: Error, Equatable {
    case protocolViolation(String)
    /// The peer reset the stream, or refused it, with this SPDY status code.
    case streamReset(status: UInt32)
    case connectionClosed
}

/// Takes a SPDY/3 byte stream apart.
struct SPDYFrameDecoder: ~Copyable {
    private var input: [UInt8] = []
    private var offset = 0
    private var headers = SPDYHeaderDecoder()
    /// The data frame that is arriving.
    private var data: (id: UInt32, remaining: Int, isFin: Bool)?

    mutating func append(_ bytes: [UInt8]) {
        input.removeFirst(offset)
        offset = 0
        input += bytes
    }

    /// `nil` if more input is needed.
    mutating func next() throws(SPDYError) -> SPDYFrame? {
        if let data { return continueData(data) }
        guard input.count - offset >= 8 else { return nil }
        let length = Int(number(at: offset + 4) & 0xff_ffff)
        let flags = input[offset + 4]
        let first = number(at: offset)
        guard first & 0x8000_0000 != 0 else {
            offset += 8
            let isFin = flags & SPDYFrame.flagFin != 0
            guard length > 0 else { return .data(id: first, bytes: [], isLast: isFin) }
            return continueData((first, length, isFin))
        }
        guard first >> 16 & 0x7fff == 3 else { throw .protocolViolation("SPDY version \(first >> 16 & 0x7fff)") }
        guard length <= SPDYFrame.controlBytesMax else {
            throw .protocolViolation("a control frame of \(length) bytes")
        }
        guard input.count - offset >= 8 + length else { return nil }
        let payload = Array(input[offset + 8..<offset + 8 + length])
        offset += 8 + length
        return try control(UInt16(truncatingIfNeeded: first), flags, payload)
    }

    private mutating func continueData(_ present: (id: UInt32, remaining: Int, isFin: Bool)) -> SPDYFrame? {
        let count = min(present.remaining, input.count - offset)
        guard count > 0 else {
            data = present
            return nil
        }
        let bytes = Array(input[offset..<offset + count])
        offset += count
        let remaining = present.remaining - count
        data = remaining > 0 ? (present.id, remaining, present.isFin) : nil
        return .data(id: present.id, bytes: bytes, isLast: remaining == 0 && present.isFin)
    }

    private mutating func control(
        _ kind: UInt16, _ flags: UInt8, _ payload: [UInt8]
    ) throws(SPDYError) -> SPDYFrame {
        let isLast = flags & SPDYFrame.flagFin != 0
        let fixed =
            switch kind {
            case SPDYFrame.Kind.synStream: 10
            case SPDYFrame.Kind.reset: 8
            case SPDYFrame.Kind.synReply, SPDYFrame.Kind.headers, SPDYFrame.Kind.ping: 4
            default: 0
            }
        guard payload.count >= fixed else { throw .protocolViolation("a control frame is cut short") }
        let id = fixed == 0 ? 0 : payload[..<4].reduce(0) { $0 << 8 | UInt32($1) }
        let block = Array(payload[fixed...])
        switch kind {
        case SPDYFrame.Kind.synStream:
            return .synStream(id: id & 0x7fff_ffff, headers: try headers.decode(block), isLast: isLast)
        case SPDYFrame.Kind.synReply:
            return .synReply(id: id & 0x7fff_ffff, headers: try headers.decode(block), isLast: isLast)
        case SPDYFrame.Kind.headers:
            return .headers(id: id & 0x7fff_ffff, headers: try headers.decode(block), isLast: isLast)
        case SPDYFrame.Kind.reset:
            return .reset(id: id & 0x7fff_ffff, status: payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
        case SPDYFrame.Kind.ping: return .ping(id: id)
        case SPDYFrame.Kind.goAway: return .goAway
        default: return .ignored
        }
    }

    private func number(at index: Int) -> UInt32 {
        input[index..<index + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}

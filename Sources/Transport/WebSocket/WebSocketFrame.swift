/// Builds frames (RFC 6455 section 5.2), one a message: this side never fragments.
enum WebSocketEncoder {
    static func frame(opcode: UInt8, _ payload: [UInt8], isMasked: Bool) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(payload.count + 14)
        frame.append(0x80 | opcode)
        let mask: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ..<126: frame.append(mask | UInt8(payload.count))
        case ..<65536:
            frame.append(mask | 126)
            frame.append(UInt8(payload.count >> 8))
            frame.append(UInt8(truncatingIfNeeded: payload.count))
        default:
            frame.append(mask | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                frame.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        guard isMasked else { return frame + payload }
        let key = (0..<4).map { _ in UInt8.random(in: .min ... .max) }
        frame += key
        for (index, byte) in payload.enumerated() { frame.append(byte ^ key[index & 3]) }
        return frame
    }
}

/// Takes frames apart and puts fragmented messages together.
struct WebSocketDecoder {
    enum Event: Equatable {
        case message(WebSocketMessage)
        case ping([UInt8])
        case pong
        case close(UInt16?)
    }

    private struct Header {
        var isFinal: Bool
        var opcode: UInt8
        var key: [UInt8]?
        var length: Int
    }

    private let isMaskExpected: Bool
    private let messageBytesMax: Int
    private var input: [UInt8] = []
    private var offset = 0
    private var message: WebSocketMessage?

    init(isMaskExpected: Bool, messageBytesMax: Int) {
        self.isMaskExpected = isMaskExpected
        self.messageBytesMax = messageBytesMax
    }

    mutating func append(_ bytes: [UInt8]) {
        if offset == input.count {
            input = bytes
        } else {
            input.removeFirst(offset)
            input += bytes
        }
        offset = 0
    }

    /// `nil` if more input is needed.
    mutating func next() throws(WebSocketError) -> Event? {
        while true {
            let start = offset
            guard let header = try readHeader(), input.count - offset >= header.length else {
                offset = start
                return nil
            }
            var payload = Array(input[offset..<offset + header.length])
            offset += header.length
            if let key = header.key {
                for index in payload.indices { payload[index] ^= key[index & 3] }
            }
            if let event = try take(header, payload) { return event }
        }
    }

    private mutating func take(_ header: Header, _ payload: [UInt8]) throws(WebSocketError) -> Event? {
        switch header.opcode {
        case 0x0:
            guard var message else { throw .protocolViolation("a continuation without a beginning") }
            message.bytes += payload
            self.message = header.isFinal ? nil : message
            return header.isFinal ? .message(message) : nil
        case 0x1, 0x2:
            guard message == nil else { throw .protocolViolation("a message within another") }
            let message = WebSocketMessage(isText: header.opcode == 0x1, bytes: payload)
            if header.isFinal { return .message(message) }
            self.message = message
            return nil
        case 0x8:
            guard payload.count != 1 else { throw .protocolViolation("a close code of one byte") }
            return .close(payload.count < 2 ? nil : UInt16(payload[0]) << 8 | UInt16(payload[1]))
        case 0x9: return .ping(payload)
        case 0xA: return .pong
        default: throw .protocolViolation("unknown opcode \(header.opcode)")
        }
    }

    private mutating func readHeader() throws(WebSocketError) -> Header? {
        guard input.count - offset >= 2 else { return nil }
        let (first, second) = (input[offset], input[offset + 1])
        guard first & 0x70 == 0 else { throw .protocolViolation("reserved bits are set") }
        let isMasked = second & 0x80 != 0
        guard isMasked == isMaskExpected else { throw .protocolViolation("masking is the wrong way round") }
        let isControl = first & 0x08 != 0
        var length = Int(second & 0x7f)
        if isControl, length > 125 || first & 0x80 == 0 { throw .protocolViolation("a long control frame") }
        let extended = length == 126 ? 2 : length == 127 ? 8 : 0
        guard input.count - offset >= 2 + extended + (isMasked ? 4 : 0) else { return nil }
        if extended > 0 {
            var wide: UInt64 = 0
            for byte in input[offset + 2..<offset + 2 + extended] { wide = wide << 8 | UInt64(byte) }
            length = Int(clamping: wide)
        }
        if !isControl, length > messageBytesMax - (message?.bytes.count ?? 0) {
            throw .messageTooLarge(limit: messageBytesMax)
        }
        offset += 2 + extended
        var key: [UInt8]?
        if isMasked {
            key = Array(input[offset..<offset + 4])
            offset += 4
        }
        return Header(isFinal: first & 0x80 != 0, opcode: first & 0x0f, key: key, length: length)
    }
}

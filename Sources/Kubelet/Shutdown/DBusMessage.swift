/// A message of the system's bus, as far as this program speaks it: https://dbus.freedesktop.org/doc/dbus-specification.html
struct DBusMessage: Sendable, Equatable {
    enum Kind: UInt8, Sendable {
        case call = 1
        case answer = 2
        case failure = 3
        case signal = 4
    }

    /// The types that are needed here.
    enum Argument: Sendable, Equatable {
        case string(String)
        case bool(Bool)
        case number(UInt32)
        /// The one descriptor that comes with the message.
        case descriptor

        var code: Character {
            switch self {
            case .string: "s"
            case .bool: "b"
            case .number: "u"
            case .descriptor: "h"
            }
        }
    }

    var kind: Kind
    var serial: UInt32 = 0
    var path: String?
    var interface: String?
    var member: String?
    var destination: String?
    var sender: String?
    var failure: String?
    var answersTo: UInt32?
    var arguments: [Argument] = []

    static let bytesMax = 1 << 20
    /// What precedes the fields of the header.
    static let prefixBytes = 16

    // MARK: - Writing

    func bytes() -> [UInt8] {
        var body = Writer()
        for argument in arguments {
            switch argument {
            case .string(let text): body.put(text)
            case .bool(let isTrue): body.put(isTrue ? 1 : 0)
            case .number(let number): body.put(number)
            case .descriptor: body.put(0)
            }
        }
        var fields = Writer()
        let texts: [(UInt8, Character, String?)] = [
            (1, "o", path), (2, "s", interface), (3, "s", member), (4, "s", failure), (6, "s", destination),
        ]
        for (code, type, text) in texts {
            guard let text else { continue }
            fields.begin(code, type)
            fields.put(text)
        }
        if let answersTo {
            fields.begin(5, "u")
            fields.put(answersTo)
        }
        if !arguments.isEmpty {
            fields.begin(8, "g")
            fields.put(signature: String(arguments.map(\.code)))
        }
        if arguments.contains(.descriptor) {
            fields.begin(9, "u")
            fields.put(1)
        }
        var message = Writer()
        message.bytes = [UInt8(ascii: "l"), kind.rawValue, 0, 1]
        message.put(UInt32(body.bytes.count))
        message.put(serial)
        message.put(UInt32(fields.bytes.count))
        message.bytes += fields.bytes
        message.align(8)
        return message.bytes + body.bytes
    }

    private struct Writer {
        var bytes: [UInt8] = []

        mutating func align(_ size: Int) {
            while bytes.count % size != 0 { bytes.append(0) }
        }

        mutating func put(_ number: UInt32) {
            align(4)
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }

        mutating func put(_ text: String) {
            put(UInt32(text.utf8.count))
            bytes += Array(text.utf8) + [0]
        }

        mutating func put(signature: String) {
            bytes.append(UInt8(truncatingIfNeeded: signature.utf8.count))
            bytes += Array(signature.utf8) + [0]
        }

        /// A field of the header: its number and the type of its value. Header fields begin at multiples of eight, and
        /// so does their array.
        mutating func begin(_ code: UInt8, _ type: Character) {
            align(8)
            bytes.append(code)
            put(signature: String(type))
        }
    }

    // MARK: - Reading

    /// The length of the whole message by its first 16 bytes; `nil` for what is no message that can be read.
    static func length(prefix: [UInt8]) -> Int? {
        guard prefix.count >= prefixBytes, prefix[0] == UInt8(ascii: "l"), prefix[3] == 1 else { return nil }
        var reader = Reader(bytes: prefix, offset: 4)
        guard let body = reader.number(), reader.number() != nil, let fields = reader.number() else { return nil }
        let length = (prefixBytes + Int(fields) + 7) / 8 * 8 + Int(body)
        return length <= bytesMax ? length : nil
    }

    /// `nil` for a message that cannot be read. Arguments are read as far as their types are known.
    init?(bytes: [UInt8]) {
        guard let length = Self.length(prefix: bytes), bytes.count == length, let kind = Kind(rawValue: bytes[1]) else {
            return nil
        }
        self.kind = kind
        var reader = Reader(bytes: bytes, offset: 8)
        guard let serial = reader.number(), let size = reader.number() else { return nil }
        self.serial = serial
        let end = reader.offset + Int(size)
        var signature = ""
        while reader.offset < end {
            reader.align(8)
            guard let code = reader.byte(), let type = reader.signature() else { return nil }
            switch type {
            case "s", "o":
                guard let text = reader.text() else { return nil }
                switch code {
                case 1: path = text
                case 2: interface = text
                case 3: member = text
                case 4: failure = text
                case 6: destination = text
                case 7: sender = text
                default: break
                }
            case "u":
                guard let number = reader.number() else { return nil }
                if code == 5 { answersTo = number }
            case "g":
                guard let text = reader.signature() else { return nil }
                if code == 8 { signature = text }
            default: return nil
            }
        }
        reader.align(8)
        for type in signature {
            switch type {
            case "s", "o":
                guard let text = reader.text() else { return nil }
                arguments.append(.string(text))
            case "b":
                guard let number = reader.number() else { return nil }
                arguments.append(.bool(number != 0))
            case "u":
                guard let number = reader.number() else { return nil }
                arguments.append(.number(number))
            case "h":
                guard reader.number() != nil else { return nil }
                arguments.append(.descriptor)
            default: return
            }
        }
    }

    init(_ kind: Kind) { self.kind = kind }

    private struct Reader {
        let bytes: [UInt8]
        var offset: Int

        mutating func align(_ size: Int) { offset = (offset + size - 1) / size * size }

        mutating func byte() -> UInt8? {
            guard offset < bytes.count else { return nil }
            defer { offset += 1 }
            return bytes[offset]
        }

        mutating func number() -> UInt32? {
            align(4)
            guard offset + 4 <= bytes.count else { return nil }
            defer { offset += 4 }
            return (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
        }

        mutating func text() -> String? {
            guard let length = number() else { return nil }
            return take(Int(length))
        }

        mutating func signature() -> String? {
            guard let length = byte() else { return nil }
            return take(Int(length))
        }

        private mutating func take(_ length: Int) -> String? {
            guard offset + length < bytes.count else { return nil }
            defer { offset += length + 1 }
            return String(decoding: bytes[offset..<offset + length], as: UTF8.self)
        }
    }
}

extension DNSQuery {
    /// Bytes of the header.
    static let headerCount = 12
    private static let nameBytesMax = 255
    private static let labelBytesMax = 63

    /// Reads a query. Takes exactly one question; records other than OPT in it are passed over.
    init(reading bytes: [UInt8]) throws(Refusal) {
        guard bytes.count >= Self.headerCount, bytes[2] & 0x80 == 0 else { throw .silence }
        func number(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
        id = number(0)
        guard bytes[2] & 0x78 == 0 else { throw .code(id: id, .notImplemented) }
        guard number(4) == 1 else { throw .code(id: id, .formatError) }
        isRecursionDesired = bytes[2] & 0x01 != 0
        isCheckingDisabled = bytes[3] & 0x10 != 0
        var reader = Reader(bytes: bytes, offset: Self.headerCount)
        guard let labels = reader.labels(), let type = reader.number(), let queryClass = reader.number() else {
            throw .code(id: id, .formatError)
        }
        name = DNSName(labels: labels)
        self.type = DNSType(rawValue: type)
        self.queryClass = queryClass
        question = Array(bytes[Self.headerCount..<reader.offset])
        let (answers, authorities, extras) = (number(6), number(8), number(10))
        for index in 0..<(Int(answers) + Int(authorities) + Int(extras)) {
            guard let record = reader.record() else { throw .code(id: id, .formatError) }
            guard record.type == DNSType.opt.rawValue, index >= Int(answers) + Int(authorities) else { continue }
            guard extended == nil else { throw .code(id: id, .formatError) }
            extended = Extension(
                payloadBytesMax: record.recordClass, version: UInt8(record.ttl >> 16 & 0xFF),
                isDNSSECWanted: record.ttl & 0x8000 != 0)
        }
    }

    /// Walks over a message. Every step checks what is left, so no input is read beyond its end.
    struct Reader {
        let bytes: [UInt8]
        var offset: Int

        /// A name without compression, in lower case.
        mutating func labels() -> [String]? {
            var labels: [String] = []
            var total = 1
            while offset < bytes.count {
                let count = Int(bytes[offset])
                offset += 1
                if count == 0 { return labels }
                total += count + 1
                guard count <= DNSQuery.labelBytesMax, total <= DNSQuery.nameBytesMax, offset + count <= bytes.count
                else { return nil }
                labels.append(Self.text(bytes[offset..<offset + count]))
                offset += count
            }
            return nil
        }

        /// A label in lower case. Bytes that are no ASCII become a character each, so that different labels stay so.
        private static func text(_ label: ArraySlice<UInt8>) -> String {
            if label.allSatisfy({ $0 < 0x80 }) {
                return String(decoding: label.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
            }
            var text = String.UnicodeScalarView()
            for byte in label { text.append(Unicode.Scalar(0x41...0x5A ~= byte ? byte | 0x20 : byte)) }
            return String(text)
        }

        mutating func number() -> UInt16? {
            guard offset + 2 <= bytes.count else { return nil }
            defer { offset += 2 }
            return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
        }

        mutating func longNumber() -> UInt32? {
            guard let high = number(), let low = number() else { return nil }
            return UInt32(high) << 16 | UInt32(low)
        }

        /// Steps over a name, which may end in a pointer.
        mutating func skipName() -> Bool {
            while offset < bytes.count {
                let count = Int(bytes[offset])
                offset += 1
                if count == 0 { return true }
                if count & 0xC0 == 0xC0 {
                    offset += 1
                    return offset <= bytes.count
                }
                guard count <= DNSQuery.labelBytesMax else { return false }
                offset += count
            }
            return false
        }

        /// Steps over a record. Returns what is read of it, and where its time to live is.
        mutating func record() -> (type: UInt16, recordClass: UInt16, ttl: UInt32, ttlOffset: Int)? {
            guard skipName(), let type = number(), let recordClass = number() else { return nil }
            let ttlOffset = offset
            guard let ttl = longNumber(), let count = number(), offset + Int(count) <= bytes.count else { return nil }
            offset += Int(count)
            return (type, recordClass, ttl, ttlOffset)
        }
    }
}

/// An answer, and how it is written.
struct DNSReply: Sendable, Equatable {
    var code: DNSResponseCode
    var isAuthoritative = true
    var answers: [DNSRecord] = []
    var authorities: [DNSRecord] = []
    var extras: [DNSRecord] = []

    /// A reply larger than this is asked for again over TCP where the client said nothing else (RFC 1035, 2.3.4).
    static let plainBytesMax = 512
    /// What we say we take over UDP, and send at most: fits an Ethernet frame (DNS Flag Day 2020).
    static let payloadBytesMax = 1232

    /// How many bytes an answer to `query` may have over UDP.
    static func bytesMax(_ query: DNSQuery) -> Int {
        guard let offered = query.extended?.payloadBytesMax else { return plainBytesMax }
        return min(max(Int(offered), plainBytesMax), payloadBytesMax)
    }

    /// The message. Beyond `bytesMax`, it is cut and says so: clients then ask over TCP.
    func bytes(answering query: DNSQuery, bytesMax: Int) -> [UInt8] {
        var writer = DNSWriter(query)
        var counts = (answers: 0, authorities: 0, extras: 0)
        let reserve = query.extended == nil ? 0 : DNSWriter.extensionCount
        var isTruncated = false
        func put(_ records: [DNSRecord], _ count: inout Int, _ writer: inout DNSWriter) -> Bool {
            for record in records {
                let mark = writer.bytes.count
                writer.write(record)
                if writer.bytes.count + reserve > bytesMax || writer.bytes.count > 0xFFFF {
                    writer.bytes.removeSubrange(mark...)
                    return false
                }
                count += 1
            }
            return true
        }
        isTruncated = !put(answers, &counts.answers, &writer)
        if !isTruncated { isTruncated = !put(authorities, &counts.authorities, &writer) }
        // What is only helpful may be left out (RFC 2181, 9).
        if !isTruncated { _ = put(extras, &counts.extras, &writer) }
        if let extended = query.extended { writer.writeExtension(code, isDNSSECWanted: extended.isDNSSECWanted) }
        writer.writeHeader(
            query, code, isAuthoritative: isAuthoritative, isTruncated: isTruncated,
            counts: (counts.answers, counts.authorities, counts.extras + (query.extended == nil ? 0 : 1)))
        return writer.bytes
    }

    /// An answer to what could not be read: a header alone.
    static func refusal(id: UInt16, _ code: DNSResponseCode) -> [UInt8] {
        [UInt8(id >> 8), UInt8(id & 0xFF), 0x80, code.rawValue & 0x0F, 0, 0, 0, 0, 0, 0, 0, 0]
    }
}

/// Writes a message, its names compressed against the question and each other (RFC 1035, 4.1.4).
struct DNSWriter {
    static let extensionCount = 11

    var bytes: [UInt8]
    /// Where a name, or the end of one, has been written.
    private var offsets: [ArraySlice<String>: Int] = [:]

    init(_ query: DNSQuery) {
        bytes = [UInt8](repeating: 0, count: DNSQuery.headerCount)
        bytes.reserveCapacity(256)
        // By the lengths in the question itself: a label's text may have another one than its bytes.
        var offset = 0
        var rest = query.name.labels[...]
        while !rest.isEmpty, offset < query.question.count {
            offsets[rest] = bytes.count + offset
            offset += Int(query.question[offset]) + 1
            rest = rest.dropFirst()
        }
        bytes += query.question
    }

    mutating func write(_ record: DNSRecord) {
        write(record.name)
        number(record.type.rawValue)
        number(1)
        longNumber(record.ttl)
        let start = bytes.count
        number(0)
        switch record.data {
        case .address(let address): bytes += address
        case .name(let name): write(name)
        case .text(let strings):
            for text in strings {
                let utf8 = Array(text.utf8.prefix(255))
                bytes.append(UInt8(utf8.count))
                bytes += utf8
            }
        case .service(let priority, let weight, let port, let target):
            for value in [priority, weight, port] { number(value) }
            // Never compressed (RFC 2782).
            write(target, isCompressed: false)
        case .authority(let primary, let mailbox, let serial, let minimum):
            write(primary)
            write(mailbox)
            for value in [serial, 7200, 1800, 86400, minimum] { longNumber(value) }
        }
        let count = bytes.count - start - 2
        bytes[start] = UInt8(count >> 8 & 0xFF)
        bytes[start + 1] = UInt8(count & 0xFF)
    }

    private mutating func write(_ name: DNSName, isCompressed: Bool = true) {
        var rest = name.labels[...]
        while let label = rest.first {
            if isCompressed, let known = offsets[rest] {
                number(0xC000 | UInt16(known))
                return
            }
            if bytes.count < 0x4000, offsets[rest] == nil { offsets[rest] = bytes.count }
            let utf8 = Array(label.utf8.prefix(63))
            bytes.append(UInt8(utf8.count))
            bytes += utf8
            rest = rest.dropFirst()
        }
        bytes.append(0)
    }

    mutating func writeExtension(_ code: DNSResponseCode, isDNSSECWanted: Bool) {
        bytes.append(0)
        number(DNSType.opt.rawValue)
        number(UInt16(DNSReply.payloadBytesMax))
        longNumber(UInt32(code.rawValue >> 4) << 24 | (isDNSSECWanted ? 0x8000 : 0))
        number(0)
    }

    mutating func writeHeader(
        _ query: DNSQuery, _ code: DNSResponseCode, isAuthoritative: Bool, isTruncated: Bool,
        counts: (answers: Int, authorities: Int, extras: Int)
    ) {
        var flags: UInt16 = 0x8080 | UInt16(code.rawValue & 0x0F)
        if isAuthoritative { flags |= 0x0400 }
        if isTruncated { flags |= 0x0200 }
        if query.isRecursionDesired { flags |= 0x0100 }
        if query.isCheckingDisabled { flags |= 0x0010 }
        let values = [query.id, flags, 1, UInt16(counts.answers), UInt16(counts.authorities), UInt16(counts.extras)]
        for (index, value) in values.enumerated() {
            bytes[index * 2] = UInt8(value >> 8)
            bytes[index * 2 + 1] = UInt8(value & 0xFF)
        }
    }

    private mutating func number(_ value: UInt16) {
        bytes.append(UInt8(value >> 8))
        bytes.append(UInt8(value & 0xFF))
    }

    private mutating func longNumber(_ value: UInt32) {
        number(UInt16(value >> 16))
        number(UInt16(value & 0xFFFF))
    }
}

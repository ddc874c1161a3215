/// Answers of others, for as long as they say but half a minute at most. Bounded.
struct DNSCache {
    struct Key: Hashable {
        let name: DNSName
        let type: DNSType
        let isExtended: Bool
        let isDNSSECWanted: Bool
        let isCheckingDisabled: Bool

        init(_ query: DNSQuery) {
            name = query.name
            type = query.type
            isExtended = query.extended != nil
            isDNSSECWanted = query.extended?.isDNSSECWanted ?? false
            isCheckingDisabled = query.isCheckingDisabled
        }
    }

    private struct Entry {
        let message: [UInt8]
        let ttlOffsets: [Int]
        let keptAt: ContinuousClock.Instant
        let until: ContinuousClock.Instant
    }

    private static let ttlMax: UInt32 = 30
    /// For "no" without a word on how long.
    private static let negativeTTL: UInt32 = 5
    private let entriesMax: Int
    private var entries: [Key: Entry] = [:]

    init(entriesMax: Int = 4096) { self.entriesMax = entriesMax }

    var count: Int { entries.count }

    /// The answer with what is left of its times.
    func find(_ key: Key, now: ContinuousClock.Instant) -> [UInt8]? {
        guard let entry = entries[key], entry.until > now else { return nil }
        let age = UInt32(clamping: (now - entry.keptAt).components.seconds)
        guard age > 0 else { return entry.message }
        var message = entry.message
        for offset in entry.ttlOffsets {
            let ttl = message[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let left = ttl > age ? ttl - age : 0
            for index in 0..<4 { message[offset + index] = UInt8(left >> UInt32(24 - 8 * index) & 0xFF) }
        }
        return message
    }

    mutating func keep(_ message: [UInt8], _ key: Key, now: ContinuousClock.Instant) {
        guard message.count >= DNSQuery.headerCount else { return }
        let code = message[3] & 0x0F
        guard code == DNSResponseCode.noError.rawValue || code == DNSResponseCode.nameError.rawValue else { return }
        var reader = DNSQuery.Reader(bytes: message, offset: DNSQuery.headerCount)
        guard reader.skipName(), reader.number() != nil, reader.number() != nil else { return }
        var ttl: UInt32?
        var offsets: [Int] = []
        let counts = stride(from: 6, to: 12, by: 2).map { Int(message[$0]) << 8 | Int(message[$0 + 1]) }
        for _ in 0..<counts.reduce(0, +) {
            guard let record = reader.record() else { return }
            guard record.type != DNSType.opt.rawValue else { continue }
            offsets.append(record.ttlOffset)
            ttl = min(ttl ?? .max, record.ttl)
            // "No" holds for as long as the zone says in its last field (RFC 2308, 5).
            if record.type == DNSType.soa.rawValue, counts[0] == 0, reader.offset - record.ttlOffset > 6 + 20 {
                var field = DNSQuery.Reader(bytes: message, offset: reader.offset - 4)
                ttl = min(ttl ?? .max, field.longNumber() ?? 0)
            }
        }
        let seconds = min(ttl ?? Self.negativeTTL, Self.ttlMax)
        guard seconds > 0 else { return }
        if entries.count >= entriesMax { makeRoom(now) }
        entries[key] = Entry(message: message, ttlOffsets: offsets, keptAt: now, until: now + .seconds(Int64(seconds)))
    }

    /// What is over goes first, then what comes to hand.
    private mutating func makeRoom(_ now: ContinuousClock.Instant) {
        entries = entries.filter { $0.value.until > now }
        while entries.count > entriesMax * 3 / 4, let any = entries.keys.first { entries[any] = nil }
    }
}

/// Reads addresses out of an answer.
enum DNSAnswerReader {
    /// The records of the type, whatever aliases lead to them: given under the name that was asked for.
    static func addresses(_ message: [UInt8], of name: DNSName, type: DNSType) -> [DNSRecord] {
        guard message.count >= DNSQuery.headerCount else { return [] }
        var reader = DNSQuery.Reader(bytes: message, offset: DNSQuery.headerCount)
        guard reader.skipName(), reader.number() != nil, reader.number() != nil else { return [] }
        var found: [DNSRecord] = []
        for _ in 0..<(Int(message[6]) << 8 | Int(message[7])) {
            guard let record = reader.record() else { return found }
            let count = type == .a ? 4 : 16
            guard record.type == type.rawValue, reader.offset - record.ttlOffset == 6 + count else { continue }
            found.append(
                DNSRecord(
                    name: name, type: type, ttl: record.ttl,
                    data: .address(Array(message[reader.offset - count..<reader.offset]))))
        }
        return found
    }
}

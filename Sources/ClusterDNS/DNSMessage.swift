/// A domain name as its labels in lower case, most specific first, without the root's empty one (RFC 1034, 3.1).
struct DNSName: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    var labels: [String]

    init(labels: [String]) { self.labels = labels }

    /// `a.b.c` or `a.b.c.`.
    init(_ text: some StringProtocol) {
        labels = text.lowercased().split(separator: ".").map(String.init)
    }

    init(stringLiteral text: String) { self.init(text) }

    var description: String { labels.isEmpty ? "." : labels.joined(separator: ".") + "." }

    /// The labels before `zone`, or `nil` if the name is not in it.
    func prefix(in zone: DNSName) -> ArraySlice<String>? {
        guard labels.count >= zone.labels.count, labels.suffix(zone.labels.count).elementsEqual(zone.labels) else {
            return nil
        }
        return labels.dropLast(zone.labels.count)
    }

    static func + (labels: [String], zone: DNSName) -> DNSName { DNSName(labels: labels + zone.labels) }
}

/// Types of records that are asked for or answered here (RFC 1035 3.2.2, 3596, 2782, 6891). Others are kept as numbers.
struct DNSType: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt16

    static let a = DNSType(rawValue: 1)
    static let ns = DNSType(rawValue: 2)
    static let cname = DNSType(rawValue: 5)
    static let soa = DNSType(rawValue: 6)
    static let ptr = DNSType(rawValue: 12)
    static let txt = DNSType(rawValue: 16)
    static let aaaa = DNSType(rawValue: 28)
    static let srv = DNSType(rawValue: 33)
    static let opt = DNSType(rawValue: 41)
    static let any = DNSType(rawValue: 255)
}

/// The outcome of a query (RFC 1035, 4.1.1).
enum DNSResponseCode: UInt8, Sendable {
    case noError = 0
    case formatError = 1
    case serverFailure = 2
    case nameError = 3
    case notImplemented = 4
    case refused = 5
    /// Extended: the OPT record has a version that is not known (RFC 6891, 6.1.3).
    case badVersion = 16
}

struct DNSRecord: Sendable, Equatable {
    enum Data: Sendable, Equatable {
        case address([UInt8])
        case name(DNSName)
        case text([String])
        case service(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName)
        case authority(primary: DNSName, mailbox: DNSName, serial: UInt32, minimum: UInt32)
    }

    var name: DNSName
    var type: DNSType
    /// Seconds.
    var ttl: UInt32
    var data: Data
}

/// What a client asks, as far as it is understood.
struct DNSQuery: Sendable, Equatable {
    var id: UInt16
    var isRecursionDesired: Bool
    var isCheckingDisabled: Bool
    var name: DNSName
    var type: DNSType
    /// 1 for the Internet, 255 for any.
    var queryClass: UInt16
    /// The question's bytes as they came: names are answered in the case they were asked in (RFC 4343).
    var question: [UInt8]
    /// `nil` without EDNS.
    var extended: Extension?

    /// EDNS(0), RFC 6891.
    struct Extension: Sendable, Equatable {
        var payloadBytesMax: UInt16
        var version: UInt8
        var isDNSSECWanted: Bool
    }

    /// Reasons to answer without an answer.
    enum Refusal: Error, Equatable {
        /// Not even a header, or an answer: anything sent back might be answered in turn.
        case silence
        case code(id: UInt16, DNSResponseCode)
    }
}

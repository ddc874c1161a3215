internal import APIMachinery
internal import Logging

/// Asks the node's own resolvers for what is not of the cluster, and keeps their answers for a while.
actor DNSForwarder {
    /// Questions that wait for an answer, at most; those beyond are refused.
    private static let waitingMax = 512
    /// What one resolver gets before the next one is asked.
    private static let timeout = Duration.seconds(2)
    /// A resolver that was silent is asked last for so long.
    private static let restingTime = Duration.seconds(10)

    private let upstreams: @Sendable () -> [DNSUpstream]
    private let logger: Logger
    private var cache = DNSCache()
    private var waiting: [DNSCache.Key: [CheckedContinuation<[UInt8]?, Never>]] = [:]
    private var silentUntil: [DNSUpstream: ContinuousClock.Instant] = [:]

    /// `upstreams`: the resolvers, best first; asked for anew now and then, as a laptop's change.
    init(logger: Logger, upstreams: @escaping @Sendable () -> [DNSUpstream]) {
        self.logger = logger
        self.upstreams = upstreams
    }

    /// The answer to a query, with its id, in at most `bytesMax` bytes. A resolver's silence is a server failure.
    func answer(_ query: DNSQuery, bytesMax: Int) async -> [UInt8] {
        let key = DNSCache.Key(query)
        guard var message = await message(key, query) else {
            return DNSReply(code: .serverFailure, isAuthoritative: false).bytes(answering: query, bytesMax: bytesMax)
        }
        guard message.count <= bytesMax else {
            // The header and the question say enough: ask over TCP.
            var reply = DNSReply(code: .noError, isAuthoritative: false).bytes(answering: query, bytesMax: bytesMax)
            reply[2] |= 0x02
            return reply
        }
        message[0] = UInt8(query.id >> 8)
        message[1] = UInt8(query.id & 0xFF)
        // The client's own spelling of the name.
        message.replaceSubrange(
            DNSQuery.headerCount..<DNSQuery.headerCount + query.question.count, with: query.question)
        return message
    }

    /// Addresses behind a name, with their real names; empty where nobody knows any.
    func addresses(of name: DNSName, type: DNSType) async -> [DNSRecord] {
        guard type == .a || type == .aaaa else { return [] }
        let query = DNSQuery(asking: name, type)
        guard let message = await message(DNSCache.Key(query), query) else { return [] }
        return DNSAnswerReader.addresses(message, of: name, type: type)
    }

    private func message(_ key: DNSCache.Key, _ query: DNSQuery) async -> [UInt8]? {
        if let known = cache.find(key, now: .now) { return known }
        if waiting[key] != nil {
            return await withCheckedContinuation { waiting[key, default: []].append($0) }
        }
        guard waiting.count < Self.waitingMax else { return nil }
        waiting[key] = []
        let found = await ask(query)
        if let found { cache.keep(found, key, now: .now) }
        for other in waiting.removeValue(forKey: key) ?? [] { other.resume(returning: found) }
        return found
    }

    private func ask(_ query: DNSQuery) async -> [UInt8]? {
        let now = ContinuousClock.now
        silentUntil = silentUntil.filter { $0.value > now }
        let all = upstreams()
        let ordered = all.filter { silentUntil[$0] == nil } + all.filter { silentUntil[$0] != nil }
        var refusal: [UInt8]?
        for upstream in ordered {
            do {
                let answer = try await DNSExchange(query: query, upstream: upstream, timeout: Self.timeout).run()
                let code = answer[3] & 0x0F
                let isAnswer = code == DNSResponseCode.noError.rawValue || code == DNSResponseCode.nameError.rawValue
                if isAnswer { return answer }
                // It cannot, or does not want to: perhaps the next one.
                refusal = refusal ?? answer
            } catch {
                silentUntil[upstream] = .now + Self.restingTime
                logger.debug("resolver \(upstream): \(error)")
            }
        }
        return refusal
    }
}

/// A resolver of the node.
package struct DNSUpstream: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int = 53) {
        self.host = host
        self.port = port
    }

    package var description: String { "\(host):\(port)" }
}

extension DNSQuery {
    /// A question of our own.
    init(asking name: DNSName, _ type: DNSType) {
        var question: [UInt8] = []
        for label in name.labels {
            let utf8 = Array(label.utf8.prefix(63))
            question.append(UInt8(utf8.count))
            question += utf8
        }
        question += [0, UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, 1]
        self.init(
            id: 0, isRecursionDesired: true, isCheckingDisabled: false, name: name, type: type, queryClass: 1,
            question: question, extended: nil)
    }

    /// The query as it goes to a resolver.
    func message(id: UInt16) -> [UInt8] {
        let flags: UInt16 = 0x0100 | (isCheckingDisabled ? 0x0010 : 0)
        var bytes: [UInt8] = []
        for value in [id, flags, 1, 0, 0, extended == nil ? 0 : 1] {
            bytes.append(UInt8(value >> 8))
            bytes.append(UInt8(value & 0xFF))
        }
        bytes += question
        if let extended {
            let size = UInt16(DNSReply.payloadBytesMax)
            bytes += [
                0, 0, 41, UInt8(size >> 8), UInt8(size & 0xFF), 0, 0, extended.isDNSSECWanted ? 0x80 : 0, 0, 0, 0,
            ]
        }
        return bytes
    }
}

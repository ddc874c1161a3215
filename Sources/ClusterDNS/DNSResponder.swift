/// Answers queries: names of the cluster at once, others through the forwarder.
struct DNSResponder: Sendable {
    /// Names that lead to names, followed at most.
    private static let aliasesMax = 8

    let zone: ClusterZone
    let forwarder: DNSForwarder
    /// To be told of every change that the zone sees.
    let packets = PacketCache()

    init(zone: ClusterZone, forwarder: DNSForwarder) {
        self.zone = zone
        self.forwarder = forwarder
    }

    /// What to do about a message.
    enum Outcome {
        case silence
        case reply([UInt8])
        /// The answer comes from elsewhere, later.
        case forward(DNSQuery)
        /// As `forward`, behind a name of ours that leads there.
        case alias(DNSQuery, DNSRecord, target: DNSName)
    }

    /// Decides without waiting. `bytesMax`: of the answer; `nil` where the transport has no limit of its own.
    func outcome(_ message: [UInt8], isDatagram: Bool) -> Outcome {
        if let known = packets.find(message, isDatagram: isDatagram) { return .reply(known) }
        let generation = packets.generation
        let outcome = newOutcome(message, isDatagram: isDatagram)
        if case .reply(let packet) = outcome {
            packets.keep(packet, answering: message, isDatagram: isDatagram, generation: generation)
        }
        return outcome
    }

    private func newOutcome(_ message: [UInt8], isDatagram: Bool) -> Outcome {
        let query: DNSQuery
        do throws(DNSQuery.Refusal) {
            query = try DNSQuery(reading: message)
        } catch {
            switch error {
            case .silence: return .silence
            case .code(let id, let code): return .reply(DNSReply.refusal(id: id, code))
            }
        }
        let limit = isDatagram ? DNSReply.bytesMax(query) : 0xFFFF
        func reply(_ reply: DNSReply) -> Outcome { .reply(reply.bytes(answering: query, bytesMax: limit)) }
        if let extended = query.extended, extended.version > 0 { return reply(DNSReply(code: .badVersion)) }
        guard query.queryClass == 1 || query.queryClass == 255 else {
            return reply(DNSReply(code: .refused, isAuthoritative: false))
        }
        let type = query.type == .any ? DNSType.a : query.type
        switch zone.answer(query.name, type) {
        case .elsewhere:
            return .forward(query)
        case .noSuchName:
            return reply(DNSReply(code: .nameError, authorities: [zone.authority()]))
        case .records(let answers, let extras):
            let authorities = answers.isEmpty ? [zone.authority()] : []
            return reply(DNSReply(code: .noError, answers: answers, authorities: authorities, extras: extras))
        case .alias(let record, let target):
            if query.type == .cname { return reply(DNSReply(code: .noError, answers: [record])) }
            return follow(query, record, target, type, limit)
        }
    }

    /// An alias within the cluster is answered whole; one that leads out of it is asked for there.
    private func follow(
        _ query: DNSQuery, _ first: DNSRecord, _ target: DNSName, _ type: DNSType, _ limit: Int
    ) -> Outcome {
        var chain = [first]
        var target = target
        while chain.count < Self.aliasesMax {
            switch zone.answer(target, type) {
            case .elsewhere:
                return chain.count == 1
                    ? .alias(query, first, target: target)
                    : .reply(DNSReply(code: .noError, answers: chain).bytes(answering: query, bytesMax: limit))
            case .alias(let record, let next):
                chain.append(record)
                target = next
            case .noSuchName:
                return .reply(DNSReply(code: .noError, answers: chain).bytes(answering: query, bytesMax: limit))
            case .records(let records, let extras):
                let reply = DNSReply(code: .noError, answers: chain + records, extras: extras)
                return .reply(reply.bytes(answering: query, bytesMax: limit))
            }
        }
        return .reply(DNSReply(code: .serverFailure).bytes(answering: query, bytesMax: limit))
    }

    /// The whole answer, however long it takes. `nil`: none.
    func answer(_ message: [UInt8], isDatagram: Bool) async -> [UInt8]? {
        await finish(outcome(message, isDatagram: isDatagram), isDatagram: isDatagram)
    }

    /// Waits for what an outcome needs from elsewhere.
    func finish(_ outcome: Outcome, isDatagram: Bool) async -> [UInt8]? {
        switch outcome {
        case .silence: return nil
        case .reply(let bytes): return bytes
        case .forward(let query):
            let limit = isDatagram ? DNSReply.bytesMax(query) : 0xFFFF
            return await forwarder.answer(query, bytesMax: limit)
        case .alias(let query, let record, let target):
            let limit = isDatagram ? DNSReply.bytesMax(query) : 0xFFFF
            let addresses = await forwarder.addresses(of: target, type: query.type)
            return DNSReply(code: .noError, answers: [record] + addresses).bytes(answering: query, bytesMax: limit)
        }
    }
}

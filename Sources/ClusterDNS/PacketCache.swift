internal import Synchronization

/// Answers about the cluster as they were sent, by the bytes of the question: most clients ask the same few names over
/// and over. Bounded, and forgotten whole whenever something changes that an answer may tell of.
final class PacketCache: Sendable {
    private struct Key: Hashable {
        /// The query without its id: flags, question, EDNS.
        let message: ArraySlice<UInt8>
        let isDatagram: Bool
    }

    private struct State {
        var generation: UInt64 = 0
        var packets: [Key: [UInt8]] = [:]
    }

    /// Longer queries than this are rare enough to be thought about each time.
    private static let queryBytesMax = 320
    private let packetsMax: Int
    private let state = Mutex(State())

    init(packetsMax: Int = 2048) { self.packetsMax = packetsMax }

    var count: Int { state.withLock { $0.packets.count } }

    /// To be read before an answer is made, and given when it is kept.
    var generation: UInt64 { state.withLock { $0.generation } }

    /// Answers made until now hold no longer.
    func forget() {
        state.withLock { state in
            state.generation += 1
            state.packets.removeAll(keepingCapacity: true)
        }
    }

    /// The answer to this very query, with its id.
    func find(_ message: [UInt8], isDatagram: Bool) -> [UInt8]? {
        guard message.count > DNSQuery.headerCount, message.count <= Self.queryBytesMax else { return nil }
        let key = Key(message: message[2...], isDatagram: isDatagram)
        guard var packet = state.withLock({ $0.packets[key] }) else { return nil }
        packet[0] = message[0]
        packet[1] = message[1]
        return packet
    }

    /// Keeps an answer unless something has changed since `generation`. Several records are not kept: their order is
    /// to differ from answer to answer. What is refused is not worth the room.
    func keep(_ packet: [UInt8], answering message: [UInt8], isDatagram: Bool, generation: UInt64) {
        guard message.count > DNSQuery.headerCount, message.count <= Self.queryBytesMax, packet[6] == 0, packet[7] <= 1,
            packet[3] & 0x0F == DNSResponseCode.noError.rawValue
                || packet[3] & 0x0F == DNSResponseCode.nameError.rawValue
        else { return }
        let key = Key(message: message[2...], isDatagram: isDatagram)
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.packets.count >= packetsMax { state.packets.removeAll(keepingCapacity: true) }
            state.packets[key] = packet
        }
    }
}

internal import Glibc

/// Asks one server over UDP. Blocks: it is all that its thread does.
struct DNSClient: ~Copyable {
    /// Answers in the order they came, and what never came.
    struct Load {
        var latencies: [Duration] = []
        var lost = 0
        var duration = Duration.zero
    }

    private static let headerBytes = 12
    /// An answer that takes longer is lost.
    private static let patience = Duration.seconds(1)

    private let descriptor: Int32

    init(server: String) throws {
        descriptor = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = UInt16(53).bigEndian
        inet_pton(AF_INET, server, &peer.sin_addr)
        let isConnected = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard descriptor >= 0, isConnected else {
            throw BenchmarkError(description: "no socket to \(server): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// The first address of a name; `nil` where there is none, or no answer.
    func address(of name: String) throws -> String? {
        try send(Self.query(name), id: 1)
        guard let answer = receive(waiting: Self.patience), answer.count > 4, answer[7] > 0 else { return nil }
        return answer.suffix(4).map { String($0) }.joined(separator: ".")
    }

    /// Asks for the names in turn: `rate` times a second, or as soon as fewer than `outstanding` wait for an answer.
    func ask(_ names: [String], for duration: Duration, outstanding: Int, rate: Int?) throws -> Load {
        let queries = names.map { Self.query($0) }
        var load = Load()
        var sent = [ContinuousClock.Instant?](repeating: nil, count: 1 << 16)
        var waiting = 0
        var count = 0
        let began = ContinuousClock.now
        let end = began + duration
        while true {
            let now = ContinuousClock.now
            guard now < end else { break }
            let due = rate.map { Int((now - began).seconds * Double($0)) - count } ?? outstanding - waiting
            for _ in 0..<max(0, min(due, outstanding)) {
                let id = UInt16(truncatingIfNeeded: count)
                if sent[Int(id)] != nil {
                    load.lost += 1
                    waiting -= 1
                }
                sent[Int(id)] = .now
                try send(queries[count % queries.count], id: id)
                waiting += 1
                count += 1
            }
            // One is waited for where there is nothing else to do; whatever else has come is taken along.
            var answer = receive(waiting: waiting > 0 ? .milliseconds(1) : .zero)
            while let bytes = answer {
                let id = Int(bytes[0]) << 8 | Int(bytes[1])
                if let asked = sent[id] {
                    load.latencies.append(ContinuousClock.now - asked)
                    sent[id] = nil
                    waiting -= 1
                }
                answer = receive(waiting: .zero)
            }
        }
        load.duration = ContinuousClock.now - began
        while waiting > 0, let bytes = receive(waiting: .milliseconds(100)) {
            if sent[Int(bytes[0]) << 8 | Int(bytes[1])] != nil { waiting -= 1 }
        }
        load.lost += waiting
        return load
    }

    /// A query for the addresses of a name, as resolvers of the C library send it.
    private static func query(_ name: String) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.split(separator: ".") {
            bytes.append(UInt8(label.utf8.count))
            bytes += label.utf8
        }
        return bytes + [0, 0, 1, 0, 1]
    }

    private func send(_ query: [UInt8], id: UInt16) throws {
        var query = query
        query[0] = UInt8(id >> 8)
        query[1] = UInt8(id & 0xFF)
        guard Glibc.send(descriptor, query, query.count, 0) == query.count else {
            throw BenchmarkError(description: "send: \(String(cString: strerror(errno)))")
        }
    }

    private func receive(waiting: Duration) -> [UInt8]? {
        if waiting > .zero {
            var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&interest, 1, Int32(waiting.milliseconds)) > 0 else { return nil }
        }
        var buffer = [UInt8](repeating: 0, count: 1500)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count >= Self.headerBytes ? Array(buffer[..<count]) : nil
    }
}

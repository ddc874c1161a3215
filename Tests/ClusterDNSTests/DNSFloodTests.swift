import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import ClusterDNS

/// Clients that mean no good, over real sockets. `SKIFF_DNS_FUZZ_SECONDS` makes it long.
@Suite(.serialized, .timeLimit(.minutes(15))) struct `DNS under attack` {
    private static let seconds = Int(ProcessInfo.processInfo.environment["SKIFF_DNS_FUZZ_SECONDS"] ?? "") ?? 3

    private func fixture() -> Fixture {
        let fixture = Fixture()
        fixture.add("web", ip: "10.96.1.2")
        fixture.add("db", ip: "None")
        fixture.addSlice("db", (1...100).map { ("10.244.2.\($0)", "h\($0)", true) })
        return fixture
    }

    private static func residentKiB() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]))
    }

    /// Noise, random names, changed and cut queries.
    private static func packet(_ round: Int) -> [UInt8] {
        switch round % 4 {
        case 0: return (0..<Int.random(in: 0...1500)).map { _ in .random(in: .min ... .max) }
        case 1:
            return message(
                "n\(UInt64.random(in: 0 ... .max)).default.svc.cluster.local", .a, id: UInt16.random(in: 0...9))
        case 2: return message("n\(UInt64.random(in: 0 ... .max)).example", .a)
        default:
            var bytes = message("db.default.svc.cluster.local", round % 8 == 3 ? .srv : .a, payload: 4096)
            for _ in 0..<Int.random(in: 1...6) { bytes[.random(in: bytes.indices)] = .random(in: .min ... .max) }
            if round % 5 == 0 { bytes.removeLast(.random(in: 0...bytes.count)) }
            return bytes
        }
    }

    private func send(_ socket: Int32, _ bytes: [UInt8]) {
        _ = Glibc.send(socket, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }

    private func connected(_ kind: __socket_type, _ port: Int) -> Int32 {
        let socket = socket(AF_INET, Int32(kind.rawValue), 0)
        var remote = sockaddr_in()
        remote.sin_family = sa_family_t(AF_INET)
        remote.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &remote.sin_addr)
        _ = withUnsafePointer(to: &remote) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return socket
    }

    private func isAnswering(_ port: Int) async throws -> Bool {
        let query = try DNSQuery(reading: message("web.default.svc.cluster.local", .a))
        let upstream = DNSUpstream(host: "127.0.0.1", port: port)
        for _ in 0..<5 {
            if let reply = try? await DNSExchange(query: query, upstream: upstream, timeout: .seconds(2)).run() {
                return Header(reply).answers == 1
            }
        }
        return false
    }

    @Test func `noise over UDP and TCP neither ends it nor makes it grow`() async throws {
        let listeners = try await DNSServer(responder: fixture().responder()).start(host: "127.0.0.1", port: 0)
        let datagrams = connected(SOCK_DGRAM, listeners.port)
        defer { close(datagrams) }
        let end = ContinuousClock.now + .seconds(Self.seconds)
        var early: Int?
        var (packets, connections, answers, bytesSent, bytesReceived) = (0, 0, 0, 0, 0)
        var buffer = [UInt8](repeating: 0, count: 65536)
        while ContinuousClock.now < end {
            for round in 0..<2000 {
                let packet = Self.packet(round)
                send(datagrams, packet)
                packets += 1
                bytesSent += packet.count
                while true {
                    let count = recv(datagrams, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                    guard count > 0 else { break }
                    #expect(count <= DNSReply.payloadBytesMax)
                    answers += 1
                    bytesReceived += count
                }
            }
            let stream = connected(SOCK_STREAM, listeners.port)
            connections += 1
            // A length that is never filled, a length of nothing, one of all and then noise.
            send(
                stream,
                [[0xFF, 0xFF, 1, 2, 3], [0, 0, 0, 0], [0xFF, 0xFF] + buffer.prefix(65535)].randomElement() ?? [])
            close(stream)
            try await Task.sleep(for: .milliseconds(1))
            // The pools of the sockets and of both caches fill first.
            if early == nil, packets >= 20_000 { early = try Self.residentKiB() }
        }
        #expect(try await isAnswering(listeners.port))
        let grown = try Self.residentKiB() - (early ?? 0)
        print(
            "\(packets) packets of \(bytesSent) bytes, \(connections) connections: \(answers) answers of "
                + "\(bytesReceived) bytes; grown by \(grown) KiB")
        #expect(grown < 32 << 10, "grown by \(grown) KiB")
        await listeners.close()
    }

    @Test func `one client holds no more than its share of connections, and others get theirs`() async throws {
        let listeners = try await DNSServer(responder: fixture().responder()).start(host: "127.0.0.1", port: 0)
        let held = (0..<80).map { _ in connected(SOCK_STREAM, listeners.port) }
        defer { for socket in held { close(socket) } }
        var buffer = [UInt8](repeating: 0, count: 16)
        var closed = 0
        for socket in held {
            var limit = timeval(tv_sec: 0, tv_usec: 20_000)
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            if recv(socket, &buffer, buffer.count, 0) == 0 { closed += 1 }
        }
        #expect(closed == 16, "64 may stay")
        #expect(try await isAnswering(listeners.port), "over UDP")
        await listeners.close()
    }

    @Test func `shares are given back`() {
        let shares = ClientShares(max: 5, maxEach: 3)
        #expect((0..<4).map { _ in shares.take("a") } == [true, true, true, false])
        #expect((0..<3).map { _ in shares.take("b") } == [true, true, false], "five in all")
        shares.giveBack("a")
        #expect(shares.take("b"))
        for client in ["a", "a", "b", "b", "b"] { shares.giveBack(client) }
        #expect(shares.isEmpty)
    }

    @Test func `kept packets are few, carry the asker's id and go with the next change`() {
        let fixture = fixture()
        let responder = fixture.responder()
        func address(_ id: UInt16) -> [UInt8]? {
            let asked = message("web.default.svc.cluster.local", .a, id: id)
            guard case .reply(let reply) = responder.outcome(asked, isDatagram: true) else { return nil }
            #expect(Array(reply[0..<2]) == [UInt8(id >> 8), UInt8(id & 0xFF)])
            return reply.suffix(4)
        }
        #expect(address(7) == [10, 96, 1, 2] && responder.packets.count == 1)
        fixture.add("web", ip: "10.96.1.9")
        #expect(address(0x1234) == [10, 96, 1, 2], "kept")
        responder.packets.forget()
        #expect(address(9) == [10, 96, 1, 9])
        let late = responder.packets.generation
        responder.packets.forget()
        let asked = message("web.default.svc.cluster.local", .a)
        responder.packets.keep(asked, answering: asked, isDatagram: true, generation: late)
        #expect(responder.packets.count == 0, "made before the change")
        for number in 0..<5000 { _ = responder.outcome(message("n\(number).cluster.local", .a), isDatagram: true) }
        #expect((1...2048).contains(responder.packets.count))
        // Several addresses come in another order each time.
        responder.packets.forget()
        _ = responder.outcome(message("db.default.svc.cluster.local", .a), isDatagram: false)
        #expect(responder.packets.count == 0)
    }
}

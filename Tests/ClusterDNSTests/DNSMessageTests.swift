import Testing

@testable import ClusterDNS

@Suite struct `DNS messages` {
    private func answer(_ fixture: Fixture, _ bytes: [UInt8], isDatagram: Bool = true) -> [UInt8]? {
        guard case .reply(let reply) = fixture.responder().outcome(bytes, isDatagram: isDatagram) else { return nil }
        return reply
    }

    @Test func `an answer repeats id and question as they came`() throws {
        let fixture = Fixture()
        fixture.add("web", ip: "10.96.1.2")
        var asked = message("web.default.svc.cluster.local", .a, id: 0xBEEF)
        asked[13] = UInt8(ascii: "W")
        let reply = try #require(answer(fixture, asked))
        #expect(reply[0..<2] == [0xBE, 0xEF])
        #expect(Array(reply[12..<asked.count]) == Array(asked[12...]))
        let header = Header(reply)
        #expect(header.code == 0 && header.isAuthoritative && header.answers == 1 && !header.isTruncated)
        // The answer's name points to the question's.
        #expect(Array(reply[asked.count..<asked.count + 2]) == [0xC0, 0x0C])
        #expect(reply.suffix(4) == [10, 96, 1, 2])
    }

    @Test func `no comes with the zone's authority`() throws {
        let header = Header(try #require(answer(Fixture(), message("x.default.svc.cluster.local", .a))))
        #expect(header.code == 3 && header.authorities == 1 && header.answers == 0)
    }

    @Test func `labels that are no text stay apart and do not shift what follows`() throws {
        var asked = message("xy.default.svc.cluster.local", .a)
        asked[13] = 0xFF
        asked[14] = 0xC3
        let reply = try #require(answer(Fixture(), asked))
        #expect(Header(reply).code == 3 && Header(reply).authorities == 1)
        // The authority's name points to `cluster.local` in the question.
        let pointer = Int(reply[asked.count] & 0x3F) << 8 | Int(reply[asked.count + 1])
        #expect(Array(reply[pointer..<pointer + 8]) == [7] + Array("cluster".utf8))
        var other = asked
        other[13] = 0xFE
        #expect(try DNSQuery(reading: asked).name != DNSQuery(reading: other).name)
    }

    @Test func `what does not fit is cut, and whole over TCP`() throws {
        let fixture = Fixture()
        fixture.add("many", ip: "None")
        fixture.addSlice("many", (1...90).map { ("10.244.1.\($0)", nil, true) })
        let name = "many.default.svc.cluster.local"
        let plain = try #require(answer(fixture, message(name, .a)))
        #expect(plain.count <= 512 && Header(plain).isTruncated && Header(plain).answers > 20)
        let extended = try #require(answer(fixture, message(name, .a, payload: 4096)))
        #expect(extended.count <= 1232 && extended.count > 1000 && Header(extended).isTruncated)
        #expect(Header(extended).extras == 1)
        let stream = try #require(answer(fixture, message(name, .a), isDatagram: false))
        #expect(!Header(stream).isTruncated && Header(stream).answers == 90)
    }

    @Test func `bad messages are refused or passed over in silence`() {
        let fixture = Fixture()
        func code(_ bytes: [UInt8]) -> UInt8? { answer(fixture, bytes).map { $0[3] & 0x0F } }
        func changed(_ bytes: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
            var bytes = bytes
            change(&bytes)
            return bytes
        }
        let good = message("web.default.svc.cluster.local", .a)
        #expect(code([]) == nil)
        #expect(code(Array(good.prefix(11))) == nil)
        #expect(code(changed(good) { $0[2] |= 0x80 }) == nil, "an answer is never answered")
        #expect(code(Array(good.dropLast(3))) == 1)
        #expect(code(changed(good) { $0[2] |= 0x28 }) == 4, "an update")
        #expect(code(changed(good) { $0[5] = 2 }) == 1, "two questions")
        #expect(code(Array(good.prefix(12)) + [0xC0, 0x0C, 0, 1, 0, 1]) == 1, "a name that points to itself")
        #expect(code(changed(good) { $0[$0.count - 1] = 3 }) == 5, "another class")
        let version = changed(message("web.default.svc.cluster.local", .a, payload: 1232)) { $0[$0.count - 5] = 1 }
        #expect(answer(fixture, version).map { $0[$0.count - 6] } == 1, "BADVERS is told in the OPT record")
    }

    @Test func `noise neither crashes nor makes an answer beyond its limit`() {
        let fixture = Fixture()
        fixture.add("web", ip: "10.96.1.2")
        fixture.add("db", ip: "None")
        fixture.addSlice("db", (1...200).map { ("10.244.2.\($0)", "h\($0)", true) })
        let responder = fixture.responder()
        let good = [
            message("db.default.svc.cluster.local", .srv, payload: 4096),
            message("web.default.svc.cluster.local", .any),
            message("_http._tcp.web.default.svc.cluster.local", .srv), message("2.1.96.10.in-addr.arpa", .ptr),
        ]
        for round in 0..<20_000 {
            var bytes: [UInt8]
            if round % 3 == 0 {
                bytes = (0..<Int.random(in: 0...600)).map { _ in .random(in: .min ... .max) }
            } else {
                bytes = good[round % good.count]
                for _ in 0..<Int.random(in: 1...6) { bytes[.random(in: bytes.indices)] = .random(in: .min ... .max) }
                if round % 5 == 0 { bytes.removeLast(.random(in: 0...bytes.count)) }
            }
            if case .reply(let reply) = responder.outcome(bytes, isDatagram: true) {
                #expect(reply.count >= 12 && reply.count <= DNSReply.payloadBytesMax)
            }
        }
    }
}

import Logging
import NIOCore
import NIOPosix
import Testing

@testable import ClusterDNS

/// Real sockets; the resolver that is asked is one of our own, with a zone of its own.
@Suite(.timeLimit(.minutes(1))) struct `DNS server` {
    /// Asks over UDP, and again over TCP if told to.
    private func ask(_ message: [UInt8], _ port: Int) async throws -> [UInt8] {
        try await DNSExchange(
            query: try DNSQuery(reading: message), upstream: DNSUpstream(host: "127.0.0.1", port: port),
            timeout: .seconds(5)
        ).run()
    }

    private func serve(_ responder: DNSResponder, _ body: (DNSServer.Listeners) async throws -> Void) async throws {
        let listeners = try await DNSServer(responder: responder).start(host: "127.0.0.1", port: 0)
        do {
            try await body(listeners)
        } catch {
            await listeners.close()
            throw error
        }
        await listeners.close()
    }

    /// A resolver that knows `web.default.svc.other.example`.
    private func other() -> DNSResponder {
        let fixture = Fixture(domain: "other.example")
        fixture.add("web", ip: "10.96.7.7")
        return fixture.responder()
    }

    @Test func `answers over UDP, and over TCP what was cut`() async throws {
        let fixture = Fixture()
        fixture.add("many", ip: "None")
        fixture.addSlice("many", (1...90).map { ("10.244.1.\($0)", nil, true) })
        try await serve(fixture.responder()) { listeners in
            let reply = try await ask(message("many.default.svc.cluster.local", .a), listeners.port)
            #expect(Header(reply).answers == 90)
        }
    }

    @Test func `forwards, and keeps the answer`() async throws {
        try await serve(other()) { resolver in
            let responder = Fixture().responder(upstreams: [DNSUpstream(host: "127.0.0.1", port: resolver.port)])
            try await serve(responder) { listeners in
                let first = try await ask(message("web.default.svc.other.example", .a), listeners.port)
                #expect(Header(first).answers == 1 && first.suffix(4) == [10, 96, 7, 7])
                await resolver.close()
                let again = try await ask(message("WEB.default.svc.other.example", .a), listeners.port)
                #expect(Header(again).answers == 1, "from the cache, with nobody to ask")
                let fresh = try await ask(message("absent.default.svc.other.example", .a), listeners.port)
                #expect(Header(fresh).code == DNSResponseCode.serverFailure.rawValue)
            }
        }
    }

    @Test func `an external name brings the addresses behind it`() async throws {
        try await serve(other()) { resolver in
            let fixture = Fixture()
            fixture.add("away", type: "ExternalName", external: "web.default.svc.other.example")
            let responder = fixture.responder(upstreams: [DNSUpstream(host: "127.0.0.1", port: resolver.port)])
            try await serve(responder) { listeners in
                let reply = try await ask(message("away.default.svc.cluster.local", .a), listeners.port)
                #expect(Header(reply).answers == 2 && reply.suffix(4) == [10, 96, 7, 7])
            }
        }
    }

    @Test func `a silent resolver is passed over`() async throws {
        // Takes everything, says nothing.
        let silent = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        try await serve(other()) { resolver in
            let forwarder = DNSForwarder(logger: Logger(label: "test")) {
                [DNSUpstream(host: "127.0.0.1", port: port), DNSUpstream(host: "127.0.0.1", port: resolver.port)]
            }
            let begin = ContinuousClock.now
            let query = DNSQuery(asking: "web.default.svc.other.example", .a)
            #expect(Header(await forwarder.answer(query, bytesMax: 512)).answers == 1)
            #expect(ContinuousClock.now - begin > .seconds(1))
            let next = ContinuousClock.now
            _ = await forwarder.answer(DNSQuery(asking: "web.default.svc.other.example", .aaaa), bytesMax: 512)
            #expect(ContinuousClock.now - next < .seconds(1), "it is known to be silent")
        }
        try await silent.close()
    }

    @Test func `a resolver that fails is passed over, and its failure told if all do`() async throws {
        /// Says server failure to everything.
        final class Failing: ChannelInboundHandler {
            typealias InboundIn = AddressedEnvelope<ByteBuffer>
            typealias OutboundOut = AddressedEnvelope<ByteBuffer>
            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                var envelope = unwrapInboundIn(data)
                envelope.data.setInteger(UInt16(0x8182), at: envelope.data.readerIndex + 2)
                context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
            }
        }
        let failing = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Failing()) }
            }.bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(failing.localAddress?.port)
        try await serve(other()) { resolver in
            let both = [port, resolver.port].map { DNSUpstream(host: "127.0.0.1", port: $0) }
            let query = DNSQuery(asking: "web.default.svc.other.example", .a)
            let forwarder = DNSForwarder(logger: Logger(label: "test")) { both }
            #expect(Header(await forwarder.answer(query, bytesMax: 512)).answers == 1)
            let alone = DNSForwarder(logger: Logger(label: "test")) { [both[0]] }
            #expect(Header(await alone.answer(query, bytesMax: 512)).code == DNSResponseCode.serverFailure.rawValue)
        }
        try await failing.close()
    }

    @Test func `"no" is kept for as long as the zone's authority says`() {
        var cache = DNSCache()
        let now = ContinuousClock.now
        let query = DNSQuery(asking: "absent.example", .a)
        let authority = DNSRecord(
            name: "example", type: .soa, ttl: 25,
            data: .authority(primary: "ns.example", mailbox: "root.example", serial: 1, minimum: 10))
        let reply = DNSReply(code: .nameError, authorities: [authority]).bytes(answering: query, bytesMax: 512)
        cache.keep(reply, DNSCache.Key(query), now: now)
        #expect(cache.find(DNSCache.Key(query), now: now + .seconds(9)) != nil)
        #expect(cache.find(DNSCache.Key(query), now: now + .seconds(11)) == nil)
    }

    @Test func `the cache is bounded, counts down and forgets`() {
        var cache = DNSCache(entriesMax: 100)
        let now = ContinuousClock.now
        for index in 0..<1000 {
            let query = DNSQuery(asking: DNSName("n\(index).example"), .a)
            let record = DNSRecord(name: query.name, type: .a, ttl: 20, data: .address([1, 2, 3, 4]))
            let reply = DNSReply(code: .noError, answers: [record])
            cache.keep(reply.bytes(answering: query, bytesMax: 512), DNSCache.Key(query), now: now)
            #expect(cache.count <= 100)
        }
        let last = DNSCache.Key(DNSQuery(asking: "n999.example", .a))
        #expect(cache.find(last, now: now) != nil)
        let later = cache.find(last, now: now + .seconds(15))
        #expect(later.map { $0[$0.count - 7] } == 5, "what is left of 20 seconds")
        #expect(cache.find(last, now: now + .seconds(21)) == nil)
    }
}

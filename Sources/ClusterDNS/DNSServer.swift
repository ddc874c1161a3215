internal import Logging
internal import NIOCore
internal import NIOPosix

/// Listens on UDP and TCP. Names of the cluster are answered on the event loop, without a task.
final class DNSServer: Sendable {
    /// A connection that says nothing for so long is closed.
    fileprivate static let idleTime = TimeAmount.seconds(10)
    /// Datagrams that are read, and answered, with one system call.
    private static let datagramsAtOnce = 16
    /// What is read of one; a query has no reason to be longer.
    private static let datagramBytesMax = 2048

    private let responder: DNSResponder
    /// Questions that wait for a resolver: those beyond are dropped, and clients ask again.
    private let forwards = ClientShares(max: 1024, maxEach: 256)
    /// Open TCP connections.
    fileprivate let connections = ClientShares(max: 256, maxEach: 64)

    init(responder: DNSResponder) { self.responder = responder }

    struct Listeners {
        let datagrams: any Channel
        let streams: any Channel
        var port: Int { datagrams.localAddress?.port ?? 0 }

        /// Serves until the task is cancelled.
        func waitUntilClosed() async {
            await withTaskCancellationHandler {
                try? await datagrams.closeFuture.get()
            } onCancel: {
                datagrams.close(promise: nil)
            }
            await close()
        }

        func close() async {
            try? await datagrams.close().get()
            try? await streams.close().get()
        }
    }

    /// Binds both. Port 0 takes any that is free.
    func start(host: String, port: Int) async throws -> Listeners {
        let group = MultiThreadedEventLoopGroup.singleton
        let datagrams = try await DatagramBootstrap(group: group)
            .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
            .channelOption(.datagramVectorReadMessageCount, value: Self.datagramsAtOnce)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: Self.datagramsAtOnce * Self.datagramBytesMax)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(self))
                }
            }
            .bind(host: host, port: port).get()
        do {
            let streams = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.backlog, value: 128)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            ByteToMessageHandler(DNSFrameDecoder()), StreamHandler(self))
                    }
                }
                .bind(host: host, port: datagrams.localAddress?.port ?? port).get()
            return Listeners(datagrams: datagrams, streams: streams)
        } catch {
            try? await datagrams.close().get()
            throw error
        }
    }

    /// The answer where it is known; otherwise calls `later` with it, or not at all where there is none.
    fileprivate func serve(
        _ message: [UInt8], isDatagram: Bool, from client: SocketAddress?,
        later: @escaping @Sendable ([UInt8]) -> Void
    ) -> [UInt8]? {
        switch responder.outcome(message, isDatagram: isDatagram) {
        case .silence: return nil
        case .reply(let bytes): return bytes
        case let outcome:
            let client = client?.ipAddress ?? ""
            guard forwards.take(client) else { return nil }
            Task {
                if let bytes = await responder.finish(outcome, isDatagram: isDatagram) { later(bytes) }
                forwards.giveBack(client)
            }
            return nil
        }
    }
}

private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let server: DNSServer

    init(_ server: DNSServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let channel = context.channel
        let remote = envelope.remoteAddress
        let message = Array(envelope.data.readableBytesView)
        let reply = server.serve(message, isDatagram: true, from: remote) { bytes in
            let buffer = channel.allocator.buffer(bytes: bytes)
            channel.writeAndFlush(AddressedEnvelope(remoteAddress: remote, data: buffer), promise: nil)
        }
        // What the kernel does not take now is as good as lost on the way: clients ask again.
        guard let reply, channel.isWritable else { return }
        let buffer = channel.allocator.buffer(bytes: reply)
        context.write(wrapOutboundOut(AddressedEnvelope(remoteAddress: remote, data: buffer)), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    /// A client that has gone is told so by ICMP; that is no fault of the socket.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = [UInt8]

    private let server: DNSServer
    /// Whose connection it is, once it counts as one.
    private var client: String?
    private var idle: Scheduled<Void>?

    init(_ server: DNSServer) { self.server = server }

    func channelActive(context: ChannelHandlerContext) {
        let client = context.remoteAddress?.ipAddress ?? ""
        guard server.connections.take(client) else { return context.close(promise: nil) }
        self.client = client
        expectMore(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        idle?.cancel()
        if let client { server.connections.giveBack(client) }
        client = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        expectMore(context)
        let channel = context.channel
        // A client that does not read what it asked for gets no more.
        guard channel.isWritable else { return context.close(promise: nil) }
        let message = unwrapInboundIn(data)
        let reply = server.serve(message, isDatagram: false, from: context.remoteAddress) { bytes in
            channel.writeAndFlush(DNSFrame.buffer(bytes, channel.allocator), promise: nil)
        }
        if let reply { channel.writeAndFlush(DNSFrame.buffer(reply, channel.allocator), promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func expectMore(_ context: ChannelHandlerContext) {
        idle?.cancel()
        let channel = context.channel
        idle = context.eventLoop.scheduleTask(in: DNSServer.idleTime) { channel.close(promise: nil) }
    }
}

internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Listens on UDP and TCP. Names of the cluster are answered on the event loop, without a task.
final class DNSServer: Sendable {
    /// Questions that wait for a resolver, at most: those beyond are dropped, and clients ask again.
    private static let forwardsMax = 1024
    /// Open TCP connections, at most.
    private static let connectionsMax = 256
    /// A connection that says nothing for so long is closed.
    fileprivate static let idleTime = TimeAmount.seconds(10)

    private let responder: DNSResponder
    private let forwards = Mutex(0)
    private let connections = Mutex(0)

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

    fileprivate func mayConnect() -> Bool {
        connections.withLock { count in
            guard count < Self.connectionsMax else { return false }
            count += 1
            return true
        }
    }

    fileprivate func disconnected() { connections.withLock { $0 -= 1 } }

    /// Calls `send` with the answer, at once or later; not at all where there is none.
    fileprivate func serve(_ message: [UInt8], isDatagram: Bool, _ send: @escaping @Sendable ([UInt8]) -> Void) {
        switch responder.outcome(message, isDatagram: isDatagram) {
        case .silence: return
        case .reply(let bytes): send(bytes)
        case let later:
            let isTaken = forwards.withLock { count in
                guard count < Self.forwardsMax else { return false }
                count += 1
                return true
            }
            guard isTaken else { return }
            Task {
                if let bytes = await responder.finish(later, isDatagram: isDatagram) { send(bytes) }
                forwards.withLock { $0 -= 1 }
            }
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
        server.serve(Array(envelope.data.readableBytesView), isDatagram: true) { bytes in
            let buffer = channel.allocator.buffer(bytes: bytes)
            channel.writeAndFlush(AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: buffer), promise: nil)
        }
    }

    /// A client that has gone is told so by ICMP; that is no fault of the socket.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = [UInt8]

    private let server: DNSServer
    private var isCounted = false
    private var idle: Scheduled<Void>?

    init(_ server: DNSServer) { self.server = server }

    func channelActive(context: ChannelHandlerContext) {
        guard server.mayConnect() else { return context.close(promise: nil) }
        isCounted = true
        expectMore(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        idle?.cancel()
        if isCounted { server.disconnected() }
        isCounted = false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        expectMore(context)
        let channel = context.channel
        // A client that does not read what it asked for gets no more.
        guard channel.isWritable else { return context.close(promise: nil) }
        server.serve(unwrapInboundIn(data), isDatagram: false) { bytes in
            channel.writeAndFlush(DNSFrame.buffer(bytes, channel.allocator), promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func expectMore(_ context: ChannelHandlerContext) {
        idle?.cancel()
        let channel = context.channel
        idle = context.eventLoop.scheduleTask(in: DNSServer.idleTime) { channel.close(promise: nil) }
    }
}

internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOTLS

/// The end of a client connection's pipeline: turns what arrives into calls of its `HTTPClientConnection`.
/// Used on its event loop only.
final class HTTPClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    var connection: HTTPClientConnection?
    /// Set until the TLS handshake is over.
    var ready: EventLoopPromise<HTTPClientConnection>?
    private let encoder: HTTPRequestEncoder
    private let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    private var context: ChannelHandlerContext?
    private var queuedBytes = 0
    private var isReadHeld = false
    private var idleTimer: Scheduled<Void>?
    private var failure: String?

    init(_ encoder: HTTPRequestEncoder, _ decoder: ByteToMessageHandler<HTTPResponseDecoder>) {
        self.encoder = encoder
        self.decoder = decoder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connection = nil
        idleTimer?.cancel()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        idleTimer?.cancel()
        context.write(data, promise: promise)
    }

    func read(context: ChannelHandlerContext) {
        guard queuedBytes < HTTPClientConnection.bufferBytesMax else {
            isReadHeld = true
            return
        }
        context.read()
    }

    func bodyTaken(_ count: Int) {
        queuedBytes = max(0, queuedBytes - count)
        if isReadHeld, queuedBytes < HTTPClientConnection.bufferBytesMax {
            isReadHeld = false
            context?.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            queuedBytes = 0
            connection?.received(head)
        case .body(let buffer):
            queuedBytes += buffer.readableBytes
            _ = connection?.received(Array(buffer.readableBytesView))
        case .end: connection?.completed()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent, let connection {
            ready?.succeed(connection)
            ready = nil
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if failure == nil { failure = "\(error)" }
        ready?.fail(error)
        ready = nil
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ready?.fail(ChannelError.eof)
        ready = nil
        connection?.ended(failure ?? "the peer closed the connection")
        connection = nil
        idleTimer?.cancel()
    }

    func closeIfIdle(after timeout: Duration) {
        idleTimer?.cancel()
        idleTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: .init(timeout)) { [self] in
            if connection?.isPooled == true { context?.close(promise: nil) }
        }
    }

    func takeOver(_ stream: ChannelByteStream) throws {
        guard let context else { throw ChannelError.ioOnClosedChannel }
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(stream.makeHandler())
        pipeline.removeHandler(self, promise: nil)
        pipeline.removeHandler(encoder, promise: nil)
        pipeline.removeHandler(decoder, promise: nil)
    }
}

internal import NIOCore
internal import NIOHTTP1
package import NIOPosix
internal import NIOSSL

/// Single requests and connection attempts, each on a connection of its own that is closed at once.
///
/// Everything from the wait for its turn to the answer happens on one event loop, so that a probe that comes round
/// every few seconds wakes one thread, and its caller once: `HTTPClient` would cost three times as much.
package struct OneShotClient: Sendable {
    /// Where to, and for how long.
    package struct Target: Sendable {
        package var host: String
        package var port: Int
        package var tls: TLSClientContext?
        /// From the start of the connection to the end of the answer.
        package var timeout: Duration

        package init(host: String, port: Int, tls: TLSClientContext? = nil, timeout: Duration) {
            self.host = host
            self.port = port
            self.tls = tls
            self.timeout = timeout
        }

        var address: HTTPAddress { .tcp(host: host, port: port) }
    }

    private let loop: any EventLoop

    /// Works on one of the process's shared event loops.
    package init(_ group: MultiThreadedEventLoopGroup = .singleton) {
        loop = group.next()
    }

    /// Sends a request at `due` (`nil` is now) and takes the answer, of its body no more than `bodyBytesMax`.
    /// - Throws: `HTTPClientError`, or `CancellationError` if the task ended while it waited for its turn.
    package func send(
        _ request: HTTPClientRequest, to target: Target, bodyBytesMax: Int, at due: ContinuousClock.Instant? = nil
    ) async throws -> HTTPReply {
        try await begin(target, at: due) { channel, promise in
            let pipeline = channel.pipeline.syncOperations
            if let tls = target.tls { try pipeline.addHandler(Self.handler(tls, host: target.host)) }
            try pipeline.addHTTPClientHandlers()
            try pipeline.addHandler(
                OneShotHandler(request, target: target, bodyBytesMax: bodyBytesMax, answer: promise))
        }
    }

    /// Opens a connection and closes it again.
    package func connect(to target: Target, at due: ContinuousClock.Instant? = nil) async throws {
        _ = try await begin(target, at: due) { channel, promise in
            try channel.pipeline.syncOperations.addHandler(ConnectedHandler(promise))
        }
    }

    private func begin(
        _ target: Target, at due: ContinuousClock.Instant?,
        _ configure: @escaping @Sendable (any Channel, EventLoopPromise<HTTPReply>) throws -> Void
    ) async throws -> HTTPReply {
        let promise = loop.makePromise(of: HTTPReply.self)
        let open: @Sendable () -> Void = { self.open(target, promise, configure) }
        guard let due else {
            loop.execute(open)
            return try await promise.futureResult.get()
        }
        let wait = NIODeadline.now() + TimeAmount(max(due - .now, .zero))
        let turn = loop.scheduleTask(deadline: wait, open)
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            turn.cancel()
            // Whoever is first: an answer that is there already stands.
            loop.execute { promise.fail(CancellationError()) }
        }
    }

    private func open(
        _ target: Target, _ promise: EventLoopPromise<HTTPReply>,
        _ configure: @escaping @Sendable (any Channel, EventLoopPromise<HTTPReply>) throws -> Void
    ) {
        let limit = loop.scheduleTask(in: .init(target.timeout)) {
            promise.fail(HTTPClientError.timeout(target.address, after: target.timeout))
        }
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.init(target.timeout))
            .channelInitializer { channel in
                // Whatever ends the exchange ends the connection.
                promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                return channel.eventLoop.makeCompletedFuture { try configure(channel, promise) }
            }
        let connection =
            if let address = try? SocketAddress(ipAddress: target.host, port: target.port) {
                bootstrap.connect(to: address)
            } else {
                bootstrap.connect(host: target.host, port: target.port)
            }
        connection.whenFailure {
            promise.fail(HTTPClientError.cannotConnect(target.address, reason: "\($0)"))
        }
        promise.futureResult.whenComplete { _ in limit.cancel() }
    }

    private static func handler(_ tls: TLSClientContext, host: String) throws -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: tls.context, serverHostname: isAddress ? nil : host)
    }
}

/// Succeeds as soon as there is a connection.
private final class ConnectedHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<HTTPReply>

    init(_ answer: EventLoopPromise<HTTPReply>) {
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        answer.succeed(HTTPReply(status: 0))
    }
}

/// Sends the request when the connection is up, and collects the answer.
private final class OneShotHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: HTTPClientRequest
    private let target: OneShotClient.Target
    private let bodyBytesMax: Int
    private let answer: EventLoopPromise<HTTPReply>
    private var reply: HTTPReply?

    init(
        _ request: HTTPClientRequest, target: OneShotClient.Target, bodyBytesMax: Int,
        answer: EventLoopPromise<HTTPReply>
    ) {
        self.request = request
        self.target = target
        self.bodyBytesMax = bodyBytesMax
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        var headers = HTTPHeaders()
        if request.headers["Host"] == nil { headers.add(name: "Host", value: "\(target.address)") }
        for (name, value) in request.headers.entries { headers.add(name: name, value: value) }
        headers.replaceOrAdd(name: "Connection", value: "close")
        if !request.body.isEmpty { headers.replaceOrAdd(name: "Content-Length", value: "\(request.body.count)") }
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !request.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: request.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            var fields = HTTPFields()
            for (name, value) in head.headers { fields.add(name, value) }
            reply = HTTPReply(status: Int(head.status.code), headers: fields)
        case .body(let bytes):
            let room = bodyBytesMax - (reply?.body.count ?? 0)
            reply?.body += bytes.readableBytesView.prefix(room)
            if bytes.readableBytes >= room { finish() }
        case .end: finish()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(HTTPClientError.connectionClosed(target.address, reason: "EOF"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(HTTPClientError.connectionClosed(target.address, reason: "\(error)"))
    }

    private func finish() {
        if let reply { answer.succeed(reply) }
    }
}

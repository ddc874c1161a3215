internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// The head of an answer.
struct HTTPReplyHead: Sendable {
    var status: Int
    var headers: HTTPFields
}

/// One HTTP/1.1 client connection, used by one request at a time.
final class HTTPClientConnection: Sendable {
    /// The socket is not read while this much of a body waits to be taken.
    static let bufferBytesMax = 256 << 10

    private struct State {
        var head: CheckedContinuation<HTTPReplyHead, any Error>?
        var isExchanging = false
        var isKeptAlive = true
        var isClosed = false
        var isPooled = false
    }

    private let channel: any Channel
    private let address: HTTPAddress
    private let handler: NIOLoopBound<HTTPClientHandler>
    /// The body of the present answer.
    private let body: Mutex<MemoryPipe>
    private let state = Mutex(State())

    private init(_ channel: any Channel, _ address: HTTPAddress, _ handler: NIOLoopBound<HTTPClientHandler>) {
        self.channel = channel
        self.address = address
        self.handler = handler
        body = Mutex(MemoryPipe(bytesMax: Self.bufferBytesMax))
    }

    static func open(
        _ address: HTTPAddress, tls: TLSClientContext?, serverName: String, timeout: Duration,
        group: MultiThreadedEventLoopGroup
    ) async throws -> HTTPClientConnection {
        let ready = group.next().makePromise(of: HTTPClientConnection.self)
        let bootstrap = ClientBootstrap(group: ready.futureResult.eventLoop)
            .connectTimeout(.init(timeout))
            .channelOption(.socketOption(.tcp_nodelay), value: address.isTCP ? 1 : 0)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        // An address cannot be sent as a server name; it is verified against the certificate all the same.
                        let isAddress = (try? SocketAddress(ipAddress: serverName, port: 0)) != nil
                        try pipeline.addHandler(
                            NIOSSLClientHandler(
                                context: tls.context, serverHostname: isAddress ? nil : serverName
                            )
                        )
                    }
                    let decoder = ByteToMessageHandler(
                        HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)
                    )
                    let encoder = HTTPRequestEncoder()
                    let handler = HTTPClientHandler(encoder, decoder)
                    let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
                    let connection = HTTPClientConnection(channel, address, bound)
                    handler.connection = connection
                    handler.ready = tls == nil ? nil : ready
                    try pipeline.addHandlers(encoder, decoder, handler)
                    if tls == nil { ready.succeed(connection) }
                }
            }
        do {
            switch address {
            case .tcp(let host, let port): _ = try await bootstrap.connect(host: host, port: port).get()
            case .unix(let path): _ = try await bootstrap.connect(unixDomainSocketPath: path).get()
            }
        } catch {
            ready.fail(error)
            throw HTTPClientError.cannotConnect(address, reason: "\(error)")
        }
        do {
            return try await ready.futureResult.get()
        } catch {
            throw HTTPClientError.cannotConnect(address, reason: "\(error)")
        }
    }

    // MARK: Pool

    var isReusable: Bool {
        channel.isActive && state.withLock { $0.isKeptAlive && !$0.isClosed && !$0.isExchanging }
    }

    func putIntoPool(for idleTimeout: Duration) {
        state.withLock { $0.isPooled = true }
        let handler = handler
        channel.eventLoop.execute { handler.value.closeIfIdle(after: idleTimeout) }
    }

    /// False if the connection has been closed in the meantime.
    func takeFromPool() -> Bool {
        state.withLock { state in
            state.isPooled = false
            return !state.isClosed
        } && channel.isActive
    }

    var isPooled: Bool { state.withLock { $0.isPooled } }

    func close() {
        channel.close(promise: nil)
    }

    // MARK: Exchange

    func send(_ request: HTTPClientRequest, host: (name: String, header: String)) async throws -> HTTPReplyHead {
        let head = Self.head(of: request, host: host.header)
        let fresh = MemoryPipe(bytesMax: Self.bufferBytesMax)
        body.withLock { $0 = fresh }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isClosed = state.withLock { state in
                    guard !state.isClosed else { return true }
                    state.head = continuation
                    state.isExchanging = true
                    return false
                }
                guard !isClosed else { return continuation.resume(throwing: closed("the connection is closed")) }
                channel.write(HTTPClientRequestPart.head(head), promise: nil)
                if !request.body.isEmpty {
                    channel.write(
                        HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: request.body))), promise: nil)
                }
                channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            }
        } onCancel: {
            close()
        }
    }

    private static func head(of request: HTTPClientRequest, host: String) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        if request.headers["Host"] == nil { headers.add(name: "Host", value: host) }
        for (name, value) in request.headers.entries { headers.add(name: name, value: value) }
        if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
            headers.replaceOrAdd(name: "Content-Length", value: "\(request.body.count)")
        }
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target, headers: headers
        )
    }

    /// Next bytes of the answer's body; `nil` at its end.
    func readBody() async throws -> [UInt8]? {
        let pipe = body.withLock { $0 }
        let chunk = try await pipe.read()
        let handler = handler
        channel.eventLoop.execute { handler.value.bodyTaken(chunk?.count ?? 0) }
        return chunk
    }

    /// After a `101`: the raw connection.
    func takeOver() async throws -> any ByteStream {
        let handler = handler
        let stream = ChannelByteStream(channel)
        try await channel.eventLoop.submit { try handler.value.takeOver(stream) }.get()
        return stream
    }

    // MARK: Events, from the handler

    func received(_ head: HTTPResponseHead) {
        let continuation = state.withLock { state in
            state.isKeptAlive = head.isKeepAlive && head.status != .switchingProtocols
            defer { state.head = nil }
            return state.head
        }
        continuation?.resume(
            returning: HTTPReplyHead(
                status: Int(head.status.code),
                headers: HTTPFields(head.headers.map { (name: $0.name, value: $0.value) })
            )
        )
    }

    /// Returns the bytes queued beyond the bound: the socket is then left unread.
    func received(_ bytes: [UInt8]) -> Bool {
        (try? body.withLock { $0 }.put(bytes)) ?? false
    }

    func completed() {
        state.withLock { $0.isExchanging = false }
        body.withLock { $0 }.close()
    }

    func ended(_ reason: String) {
        let (continuation, wasExchanging) = state.withLock { state in
            state.isClosed = true
            defer {
                state.head = nil
                state.isExchanging = false
            }
            return (state.head, state.isExchanging)
        }
        continuation?.resume(throwing: closed(reason))
        if wasExchanging { body.withLock { $0 }.close(closed(reason)) }
    }

    private func closed(_ reason: String) -> HTTPClientError {
        .connectionClosed(address, reason: reason)
    }
}

/// The body of one answer, for one consumer. The connection goes back to its pool after the last byte, and is closed
/// if the body is let go of before.
final class HTTPClientBodyReader: Sendable {
    private let connection: HTTPClientConnection
    private let whenDone: @Sendable () -> Void
    private let isDone = Atomic(false)

    init(_ connection: HTTPClientConnection, whenDone: @escaping @Sendable () -> Void) {
        self.connection = connection
        self.whenDone = whenDone
    }

    deinit {
        if !isDone.load(ordering: .relaxed) { connection.close() }
    }

    func next() async throws -> [UInt8]? {
        guard !isDone.load(ordering: .relaxed) else { return nil }
        guard let chunk = try await connection.readBody() else {
            isDone.store(true, ordering: .relaxed)
            whenDone()
            return nil
        }
        return chunk
    }
}

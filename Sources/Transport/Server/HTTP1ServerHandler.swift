internal import NIOCore
internal import NIOHTTP1

/// One HTTP/1.1 connection: takes one request at a time, hands it to the handler with its whole body, sends the answer.
///
/// State: `idle` -> (head) `receiving` -> (end) `answering` -> (answer complete) `idle`; `discarding` after a refusal,
/// until the peer closes; `upgraded` and `closed` are final.
///
/// Unchecked: used on its event loop only.
final class HTTP1ServerHandler: ChannelDuplexHandler, RemovableChannelHandler, ServerExchange, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private enum State {
        case idle, receiving, answering, discarding, upgraded, closed
    }

    private let shared: ServerShared
    private let connection: HTTPConnection
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let channel: any Channel
    private var context: ChannelHandlerContext?
    private var state = State.idle
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var pump: BodyPump?
    /// The number of the present request.
    private var exchangeID: UInt64 = 0
    private var isKeptAlive = true
    private var isUpgradeOffered = false
    private var isChunked = false
    /// Parts that came while an answer was under way (pipelining): at most one read's worth, reads then wait.
    private var queued = CircularBuffer<HTTPServerRequestPart>()
    private var isReadHeld = false
    private var isDrainingQueue = false
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?

    init(
        _ shared: ServerShared, _ connection: HTTPConnection, _ decoder: ByteToMessageHandler<HTTPRequestDecoder>,
        _ channel: any Channel
    ) {
        self.shared = shared
        self.connection = connection
        self.decoder = decoder
        self.channel = channel
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        expect(within: shared.configuration.requestTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if state != .upgraded { state = .closed }
        timer?.cancel()
        pump?.cancel()
        pump = nil
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump?.pump()
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        // A client that pipelines waits for its turn in its own socket buffer.
        guard queued.isEmpty else {
            isReadHeld = true
            return
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard queued.isEmpty, state != .answering else {
            queued.append(part)
            return
        }
        take(part)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isKeptAlive = false
            switch state {
            case .idle: context.close(promise: nil)
            default: pump?.endEarly()
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (state, error) {
        case (.idle, HTTPParserError.invalidMethod): refuse(.unknownMethod)
        case (.idle, is HTTPParserError), (.receiving, is HTTPParserError): refuse(.malformed)
        default: context.close(promise: nil)
        }
    }

    // MARK: Requests

    private func take(_ part: HTTPServerRequestPart) {
        switch (part, state) {
        case (.head(let head), .idle): begin(head)
        case (.body(let buffer), .receiving):
            guard body.count + buffer.readableBytes <= shared.configuration.bodyBytesMax else {
                return refuse(.bodyTooLarge(limit: shared.configuration.bodyBytesMax))
            }
            body.append(contentsOf: buffer.readableBytesView)
        case (.end, .receiving): dispatch()
        default: break  // What follows a refusal.
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        state = .receiving
        // After CONNECT the parser takes what follows for a tunnel.
        isKeptAlive = isKeptAlive && head.isKeepAlive && head.method != .CONNECT
        isUpgradeOffered = head.headers.contains(name: "upgrade")
        let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        self.head = head
        guard length <= shared.configuration.bodyBytesMax else {
            return refuse(.bodyTooLarge(limit: shared.configuration.bodyBytesMax))
        }
        if length > 0 { body.reserveCapacity(length) }
        expect(within: shared.configuration.requestTimeout)
        if head.version.minor > 0, head.headers.first(name: "expect")?.lowercased() == "100-continue" {
            context?.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
    }

    private func dispatch() {
        guard let head else { return }
        state = .answering
        deadline = nil
        exchangeID += 1
        var target = Substring(head.uri)
        if !target.utf8.starts(with: "/".utf8), let scheme = target.range(ofASCII: "://") {
            // The absolute form that proxies send.
            let rest = target[scheme...]
            target = rest.utf8.firstIndex(of: UInt8(ascii: "/")).map { rest[$0...] } ?? "/"
        }
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        let request = HTTPRequest(
            method: head.method.rawValue, path: String(target[..<(mark ?? target.endIndex)]),
            query: mark.map { String(target[target.utf8.index(after: $0)...]) },
            headers: HTTPFields(head.headers.map { (name: $0.name, value: $0.value) }), body: body,
            connection: connection
        )
        body = []
        shared.configuration.handler.handle(request, ServerResponder(channel.eventLoop, self, id: exchangeID))
    }

    /// The answer is out: the next request may come.
    private func next() {
        pump = nil
        head = nil
        // After an offered upgrade that was not taken up, the parser has stopped for good.
        guard isKeptAlive, !isUpgradeOffered, state == .answering else { return closeAfterFlush() }
        state = .idle
        expect(within: shared.configuration.idleTimeout)
        guard !isDrainingQueue else { return }
        isDrainingQueue = true
        while state != .answering, let part = queued.popFirst() { take(part) }
        isDrainingQueue = false
        if queued.isEmpty, isReadHeld {
            isReadHeld = false
            context?.read()
        }
    }

    private func closeAfterFlush() {
        guard state != .closed else { return }
        state = .discarding
        context?.flush()
        context?.close(promise: nil)
    }

    /// Answers with a fault and closes, after letting the peer read the answer: closing at once with bytes of its
    /// body unread would reset the connection and lose it.
    private func refuse(_ fault: HTTPFault) {
        guard state == .idle || state == .receiving, let context else { return }
        let (headers, body) = shared.configuration.faultAnswer(fault)
        isKeptAlive = false
        state = .discarding
        self.body = []
        var buffer = ByteBufferAllocator().buffer(capacity: body.count + 256)
        writeHead(to: &buffer, fault.status, headers, length: body.count)
        buffer.writeBytes(body)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        expect(within: .seconds(2))
    }

    // MARK: Deadlines

    /// One timer a connection, moved lazily, instead of one a request.
    private func expect(within duration: Duration) {
        let deadline = NIODeadline.now() + TimeAmount(duration)
        self.deadline = deadline
        if timer == nil {
            schedule(deadline)
        } else if state == .discarding {
            timer?.cancel()
            schedule(deadline)
        }
    }

    private func schedule(_ deadline: NIODeadline) {
        timer = channel.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            guard let deadline = self.deadline else { return }
            guard NIODeadline.now() >= deadline else { return schedule(deadline) }
            if state == .receiving {
                refuse(.timeout)
            } else {
                context?.close(promise: nil)
            }
        }
    }

    // MARK: Answers

    func answer(_ id: UInt64, status: Int, headers: HTTPFields, body: HTTPBody) {
        guard id == exchangeID, state == .answering, let context else { return }
        let length = body.count
        let isBodySent = isBodyAllowed(status) && length > 0
        let isSmall = isBodySent && length <= BodyPump.chunkBytes
        var buffer = ByteBufferAllocator().buffer(capacity: 512 + (isSmall ? length : 0))
        writeHead(to: &buffer, status, headers, length: length)
        guard isBodySent, !isSmall else {
            if isSmall {
                switch body {
                case .bytes(let bytes): buffer.writeBytes(bytes)
                case .pieces(let pieces): for piece in pieces { buffer.writeBytes(piece) }
                }
            }
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            return next()
        }
        isChunked = false
        context.write(wrapOutboundOut(buffer), promise: nil)
        startPump(BodyPump(self, channel.eventLoop, body: body))
    }

    func answer(_ id: UInt64, status: Int, headers: HTTPFields, stream: any HTTPBodyStream) {
        guard id == exchangeID, state == .answering, let context else { return stream.cancel() }
        var buffer = ByteBufferAllocator().buffer(capacity: 512)
        let isLengthKnown = headers["Content-Length"] != nil
        isChunked = head?.version.minor != 0 && !isLengthKnown
        if !isChunked, !isLengthKnown { isKeptAlive = false }
        writeHead(to: &buffer, status, headers, length: nil)
        // The client is told at once that its watch stands, before there is anything to send.
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        guard isBodyAllowed(status) else {
            stream.cancel()
            return next()
        }
        startPump(BodyPump(self, channel.eventLoop, stream: stream))
    }

    private func startPump(_ pump: BodyPump) {
        self.pump = pump
        pump.pump()
    }

    private func isBodyAllowed(_ status: Int) -> Bool {
        head?.method != .HEAD && status != 204 && status != 304 && status >= 200
    }

    func abandoned(_ id: UInt64) {
        let (headers, body) = shared.configuration.faultAnswer(.unanswered)
        answer(id, status: HTTPFault.unanswered.status, headers: headers, body: .bytes(body))
    }

    /// `length` is `nil` for a streamed body.
    private func writeHead(to buffer: inout ByteBuffer, _ status: Int, _ headers: HTTPFields, length: Int?) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString("\(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n")
        for (name, value) in headers.entries {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("Date: ")
        buffer.writeString(shared.date.text)
        buffer.writeStaticString("\r\n")
        if let length {
            if status != 204, status != 304, status >= 200 { buffer.writeString("Content-Length: \(length)\r\n") }
        } else if isChunked {
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        if status != 101 {
            if !isKeptAlive || isUpgradeOffered {
                buffer.writeStaticString("Connection: close\r\n")
            } else if head?.version.minor == 0 {
                buffer.writeStaticString("Connection: keep-alive\r\n")
            }
        }
        buffer.writeStaticString("\r\n")
    }

    // MARK: Upgrade

    func upgrade(_ id: UInt64, headers: HTTPFields) throws -> any ByteStream {
        guard id == exchangeID, state == .answering, let context, channel.isActive else {
            throw HTTPUpgradeError.connectionClosed
        }
        guard isUpgradeOffered else { throw HTTPUpgradeError.notSupported }
        state = .upgraded
        timer?.cancel()
        var headers = headers
        if headers["Connection"] == nil { headers.add("Connection", "Upgrade") }
        var buffer = ByteBufferAllocator().buffer(capacity: 512)
        writeHead(to: &buffer, 101, headers, length: nil)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        let stream = ChannelByteStream(channel)
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(stream.makeHandler())
        pipeline.removeHandler(self, promise: nil)
        // Bytes that came right behind the request are forwarded to the stream as the decoder leaves.
        pipeline.removeHandler(decoder, promise: nil)
        return stream
    }
}

extension HTTP1ServerHandler: ResponseSink {
    var isWritable: Bool { channel.isWritable }

    func beginChunk(_ buffer: inout ByteBuffer, count: Int) {
        guard isChunked else { return }
        buffer.writeString(String(count, radix: 16))
        buffer.writeStaticString("\r\n")
    }

    func endChunk(_ buffer: inout ByteBuffer) {
        if isChunked { buffer.writeStaticString("\r\n") }
    }

    func writeChunk(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>) {
        guard let context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        context.write(wrapOutboundOut(buffer), promise: promise)
    }

    func flushChunks() {
        context?.flush()
    }

    func breakOff() {
        guard let context, state == .answering else { return }
        state = .discarding
        // What was written goes out first; the end that is missing tells the peer.
        context.flush()
        context.close(promise: nil)
    }

    func finish() {
        if isChunked {
            context?.write(wrapOutboundOut(ByteBuffer(string: "0\r\n\r\n")), promise: nil)
        }
        context?.flush()
        next()
    }
}

extension Substring {
    /// The index after the first occurrence of `text`.
    fileprivate func range(ofASCII text: StaticString) -> Index? {
        let wanted = text.withUTF8Buffer { Array($0) }
        var index = startIndex
        while index != endIndex {
            if self[index...].utf8.starts(with: wanted) { return utf8.index(index, offsetBy: wanted.count) }
            index = utf8.index(after: index)
        }
        return nil
    }
}

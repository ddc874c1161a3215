internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// The streams of one HTTP/2 connection that send an answer without an end, to be ended when the server stops.
///
/// Unchecked: used on the connection's event loop only.
final class HTTP2ActiveStreams: @unchecked Sendable {
    fileprivate var pumps: [ObjectIdentifier: BodyPump] = [:]

    func endAll() {
        for pump in pumps.values { pump.endEarly() }
    }
}

/// Ends the connection's endless answers when the server stops; GOAWAY is sent by NIO's handler before this one.
final class HTTP2QuiesceHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    private let streams: HTTP2ActiveStreams

    init(_ streams: HTTP2ActiveStreams) {
        self.streams = streams
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { streams.endAll() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // NIO has sent GOAWAY or RST_STREAM where the protocol asks for it; stream errors concern one stream.
        if error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }
}

/// One HTTP/2 stream: one request and its answer.
///
/// Unchecked: used on its event loop only.
final class HTTP2StreamHandler: ChannelInboundHandler, ServerExchange, @unchecked Sendable {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// `receiving` -> (end of stream) `answering` -> (answer complete, refusal or reset) `done`.
    private enum State {
        case receiving, answering, done
    }

    private let shared: ServerShared
    private let connection: HTTPConnection
    private let streams: HTTP2ActiveStreams
    private let channel: any Channel
    private var context: ChannelHandlerContext?
    private var state = State.receiving
    private var request: HTTPRequest?
    private var pump: BodyPump?
    private var timer: Scheduled<Void>?

    init(
        _ shared: ServerShared, _ connection: HTTPConnection, _ streams: HTTP2ActiveStreams, _ channel: any Channel
    ) {
        self.shared = shared
        self.connection = connection
        self.streams = streams
        self.channel = channel
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// The stream is over, however it came to that.
    private func end() {
        state = .done
        timer?.cancel()
        timer = nil
        guard let pump else { return }
        self.pump = nil
        streams.pumps[ObjectIdentifier(self)] = nil
        pump.cancel()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump?.pump()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end()
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let payload):
            if state == .receiving, request == nil { begin(payload.headers, isComplete: payload.endStream) }
            if payload.endStream { dispatch() }
        case .data(let payload):
            guard state == .receiving, request != nil else { return }
            if case .byteBuffer(let buffer) = payload.data, !append(buffer) { return }
            if payload.endStream { dispatch() }
        case .rstStream: end()
        default: break
        }
    }

    private func begin(_ headers: HPACKHeaders, isComplete: Bool) {
        var request = HTTPRequest(method: "", path: "", connection: connection)
        request.headers.entries.reserveCapacity(headers.count)
        for (name, value, _) in headers {
            switch name {
            case ":method": request.method = value
            case ":path":
                let mark = value.utf8.firstIndex(of: UInt8(ascii: "?"))
                request.path = mark.map { String(value[..<$0]) } ?? value
                request.query = mark.map { String(value[value.utf8.index(after: $0)...]) }
            case ":authority": request.headers.add("host", value)
            case ":scheme": break
            default: request.headers.add(name, value)
            }
        }
        self.request = request
        guard !isComplete else { return }
        let length = headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard length <= shared.configuration.bodyBytesMax else {
            return refuse(.bodyTooLarge(limit: shared.configuration.bodyBytesMax))
        }
        self.request?.body.reserveCapacity(length)
        if headers.first(name: "expect")?.lowercased() == "100-continue" {
            write(.headers(.init(headers: [":status": "100"])))
            context?.flush()
        }
        timer = channel.eventLoop.assumeIsolated().scheduleTask(in: .init(shared.configuration.requestTimeout)) {
            [self] in refuse(.timeout)
        }
    }

    private func append(_ buffer: ByteBuffer) -> Bool {
        guard (request?.body.count ?? 0) + buffer.readableBytes <= shared.configuration.bodyBytesMax else {
            refuse(.bodyTooLarge(limit: shared.configuration.bodyBytesMax))
            return false
        }
        request?.body.append(contentsOf: buffer.readableBytesView)
        return true
    }

    private func dispatch() {
        guard state == .receiving, let request else { return }
        state = .answering
        timer?.cancel()
        timer = nil
        self.request?.body = []
        guard !request.method.isEmpty, request.path.utf8.first == UInt8(ascii: "/") else {
            let (headers, body) = shared.configuration.faultAnswer(.malformed)
            return answer(0, status: HTTPFault.malformed.status, headers: headers, body: .bytes(body))
        }
        shared.configuration.handler.handle(request, ServerResponder(channel.eventLoop, self, id: 0))
    }

    /// Answers while the peer still sends, then resets the stream: the body is not wanted.
    private func refuse(_ fault: HTTPFault) {
        guard state == .receiving else { return }
        state = .answering
        let (headers, body) = shared.configuration.faultAnswer(fault)
        writeHead(fault.status, headers, length: body.count, isLast: false)
        // A reset overtakes what is still queued, so it waits for the answer to be out.
        let answered = channel.eventLoop.makePromise(of: Void.self)
        answered.futureResult.assumeIsolated().whenSuccess { [self] in
            write(.rstStream(.noError))
            context?.flush()
        }
        context?.write(
            wrapOutboundOut(.data(.init(data: .byteBuffer(ByteBuffer(bytes: body)), endStream: true))),
            promise: answered
        )
        finished()
    }

    // MARK: Answers

    func answer(_: UInt64, status: Int, headers: HTTPFields, body: HTTPBody) {
        guard state == .answering, context != nil else { return }
        let length = body.count
        let isBodySent = isBodyAllowed(status) && length > 0
        writeHead(status, headers, length: length, isLast: !isBodySent)
        guard isBodySent else { return finished() }
        guard length <= BodyPump.chunkBytes else {
            return startPump(BodyPump(self, channel.eventLoop, body: body))
        }
        var buffer = ByteBufferAllocator().buffer(capacity: length)
        switch body {
        case .bytes(let bytes): buffer.writeBytes(bytes)
        case .pieces(let pieces): for piece in pieces { buffer.writeBytes(piece) }
        }
        write(.data(.init(data: .byteBuffer(buffer), endStream: true)))
        finished()
    }

    func answer(_: UInt64, status: Int, headers: HTTPFields, stream: any HTTPBodyStream) {
        guard state == .answering, context != nil else { return stream.cancel() }
        guard isBodyAllowed(status) else {
            stream.cancel()
            writeHead(status, headers, length: nil, isLast: true)
            return finished()
        }
        writeHead(status, headers, length: nil, isLast: false)
        context?.flush()
        let pump = BodyPump(self, channel.eventLoop, stream: stream)
        streams.pumps[ObjectIdentifier(self)] = pump
        startPump(pump)
    }

    private func startPump(_ pump: BodyPump) {
        self.pump = pump
        pump.pump()
    }

    private func isBodyAllowed(_ status: Int) -> Bool {
        request?.method != "HEAD" && status != 204 && status != 304
    }

    func upgrade(_: UInt64, headers: HTTPFields) throws -> any ByteStream {
        throw HTTPUpgradeError.notSupported
    }

    func abandoned(_ id: UInt64) {
        let (headers, body) = shared.configuration.faultAnswer(.unanswered)
        answer(id, status: HTTPFault.unanswered.status, headers: headers, body: .bytes(body))
    }

    private func writeHead(_ status: Int, _ headers: HTTPFields, length: Int?, isLast: Bool) {
        var fields = HPACKHeaders()
        fields.reserveCapacity(headers.entries.count + 3)
        fields.add(name: ":status", value: status == 200 ? "200" : "\(status)")
        for (name, value) in headers.entries where !name.isConnectionSpecific {
            fields.add(name: name.asciiLowercased, value: value)
        }
        fields.add(name: "date", value: shared.date.text)
        if let length, status != 204, status != 304 { fields.add(name: "content-length", value: "\(length)") }
        write(.headers(.init(headers: fields, endStream: isLast)))
    }

    private func write(_ payload: HTTP2Frame.FramePayload) {
        context?.write(wrapOutboundOut(payload), promise: nil)
    }

    private func finished() {
        context?.flush()
        end()
    }
}

extension HTTP2StreamHandler: ResponseSink {
    var isWritable: Bool { channel.isWritable }

    func beginChunk(_ buffer: inout ByteBuffer, count: Int) {}

    func endChunk(_ buffer: inout ByteBuffer) {}

    func writeChunk(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>) {
        guard let context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(buffer)))), promise: promise)
    }

    func flushChunks() {
        context?.flush()
    }

    func breakOff() {
        write(.rstStream(.internalError))
        finished()
    }

    func finish() {
        write(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)))
        finished()
    }
}

extension String {
    /// HTTP/2 wants names in lower case.
    fileprivate var asciiLowercased: String {
        utf8.contains { (0x41...0x5a).contains($0) } ? lowercased() : self
    }

    /// Headers that HTTP/2 forbids (RFC 9113 section 8.2.2).
    fileprivate var isConnectionSpecific: Bool {
        guard let first = utf8.first.map({ $0 | 0x20 }) else { return true }
        guard first == 0x63 || first == 0x74 || first == 0x6b || first == 0x75 else { return false }
        let name = asciiLowercased
        return name == "connection" || name == "transfer-encoding" || name == "keep-alive" || name == "upgrade"
    }
}

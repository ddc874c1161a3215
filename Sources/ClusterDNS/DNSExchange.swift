internal import NIOCore
internal import NIOPosix

/// One question to one resolver: over UDP from a port of its own, and again over TCP if the answer was cut.
struct DNSExchange {
    let query: DNSQuery
    let upstream: DNSUpstream
    let timeout: Duration

    enum Failure: Error {
        case silence
        case closed
    }

    func run() async throws -> [UInt8] {
        let answer = try await datagram()
        guard answer[2] & 0x02 != 0 else { return answer }
        return try await stream()
    }

    private func datagram() async throws -> [UInt8] {
        let id = UInt16.random(in: .min ... .max)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: [UInt8].self)
        let remote = try SocketAddress(ipAddress: upstream.host, port: upstream.port)
        let question = query.question
        let channel = try await DatagramBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        DatagramAnswer(id: id, question: question, remote: remote, answer: answer))
                }
            }
            .bind(host: remote.protocol == .inet6 ? "::" : "0.0.0.0", port: 0).get()
        let limit = loop.scheduleTask(in: .init(timeout)) { answer.fail(Failure.silence) }
        answer.futureResult.whenComplete { _ in
            limit.cancel()
            channel.close(promise: nil)
        }
        let message = channel.allocator.buffer(bytes: query.message(id: id))
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: remote, data: message), promise: nil)
        return try await answer.futureResult.get()
    }

    private func stream() async throws -> [UInt8] {
        let id = UInt16.random(in: .min ... .max)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: [UInt8].self)
        let question = query.question
        let limit = loop.scheduleTask(in: .init(timeout)) { answer.fail(Failure.silence) }
        let message = query.message(id: id)
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(.init(timeout)).channelInitializer { channel in
            answer.futureResult.whenComplete { _ in
                limit.cancel()
                channel.close(promise: nil)
            }
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers(
                    ByteToMessageHandler(DNSFrameDecoder()), StreamAnswer(id: id, question: question, answer: answer))
            }
        }
        let address = try SocketAddress(ipAddress: upstream.host, port: upstream.port)
        bootstrap.connect(to: address).whenComplete { result in
            switch result {
            case .success(let channel): channel.writeAndFlush(DNSFrame.buffer(message, channel.allocator), promise: nil)
            case .failure(let error): answer.fail(error)
            }
        }
        return try await answer.futureResult.get()
    }

    /// Only an answer to this very question counts: anybody may send us a datagram.
    fileprivate static func isAnswer(_ bytes: [UInt8], id: UInt16, question: [UInt8]) -> Bool {
        guard bytes.count >= DNSQuery.headerCount + question.count, bytes[2] & 0x80 != 0,
            UInt16(bytes[0]) << 8 | UInt16(bytes[1]) == id, bytes[4] == 0, bytes[5] == 1
        else { return false }
        return zip(bytes[DNSQuery.headerCount...], question).allSatisfy { left, right in
            (0x41...0x5A ~= left ? left | 0x20 : left) == (0x41...0x5A ~= right ? right | 0x20 : right)
        }
    }
}

private final class DatagramAnswer: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let id: UInt16
    private let question: [UInt8]
    private let remote: SocketAddress
    private let answer: EventLoopPromise<[UInt8]>

    init(id: UInt16, question: [UInt8], remote: SocketAddress, answer: EventLoopPromise<[UInt8]>) {
        self.id = id
        self.question = question
        self.remote = remote
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let bytes = Array(envelope.data.readableBytesView)
        guard envelope.remoteAddress == remote, DNSExchange.isAnswer(bytes, id: id, question: question) else { return }
        answer.succeed(bytes)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
}

private final class StreamAnswer: ChannelInboundHandler {
    typealias InboundIn = [UInt8]

    private let id: UInt16
    private let question: [UInt8]
    private let answer: EventLoopPromise<[UInt8]>

    init(id: UInt16, question: [UInt8], answer: EventLoopPromise<[UInt8]>) {
        self.id = id
        self.question = question
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if DNSExchange.isAnswer(bytes, id: id, question: question) { answer.succeed(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) { answer.fail(DNSExchange.Failure.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
}

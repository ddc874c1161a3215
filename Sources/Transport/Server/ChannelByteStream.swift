internal import NIOCore
internal import Synchronization

/// A socket (with its TLS, if any) as a stream of bytes, both for upgraded server connections and for clients.
///
/// Reading pulls: the socket is read only while less than `bufferBytesMax` wait to be taken.
final class ChannelByteStream: HalfClosingByteStream {
    static let bufferBytesMax = 64 << 10

    private struct State {
        var chunks: [[UInt8]] = []
        var bytes = 0
        var isEnded = false
        var failure: (any Error)?
        var reader: CheckedContinuation<[UInt8]?, any Error>?
        var isReadRequested = false

        /// What a reader gets now; `nil` if it has to wait.
        mutating func take() -> Result<[UInt8]?, any Error>? {
            if !chunks.isEmpty {
                let chunk = chunks.removeFirst()
                bytes -= chunk.count
                return .success(chunk)
            }
            if let failure { return .failure(failure) }
            return isEnded ? .success(nil) : nil
        }
    }

    private let channel: any Channel
    private let state = Mutex(State())

    init(_ channel: any Channel) {
        self.channel = channel
    }

    /// To be added to the channel's pipeline, once, on its event loop.
    func makeHandler() -> any ChannelHandler {
        // Half-close is the peer's way of saying that it has sent everything.
        try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        return Handler(self)
    }

    func read() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (result, isSocketWanted) = state.withLock { state in
                    let result =
                        Task.isCancelled ? .failure(CancellationError()) : state.take()
                    if result == nil {
                        precondition(state.reader == nil, "one reader at a time")
                        state.reader = continuation
                    }
                    let isWanted = !state.isReadRequested && state.bytes < Self.bufferBytesMax && !state.isEnded
                    if isWanted { state.isReadRequested = true }
                    return (result, isWanted)
                }
                if isSocketWanted { channel.read() }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let reader = state.withLock { state in
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(throwing: CancellationError())
        }
    }

    func write(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func finish() async {
        try? await channel.close(mode: .output).get()
    }

    func close() async {
        try? await channel.close().get()
    }

    fileprivate func received(_ buffer: ByteBuffer) {
        let chunk = Array(buffer.readableBytesView)
        guard !chunk.isEmpty else { return }
        let reader = state.withLock { state in
            guard let reader = state.reader else {
                state.chunks.append(chunk)
                state.bytes += chunk.count
                return CheckedContinuation<[UInt8]?, any Error>?.none
            }
            state.reader = nil
            return reader
        }
        reader?.resume(returning: chunk)
    }

    /// The socket has been read once; more is wanted if somebody waits or there is room.
    fileprivate func readCompleted() {
        let isMoreWanted = state.withLock { state in
            state.isReadRequested = state.reader != nil && !state.isEnded
            return state.isReadRequested
        }
        if isMoreWanted { channel.read() }
    }

    fileprivate func ended(_ failure: (any Error)?) {
        let reader = state.withLock { state in
            state.isEnded = true
            if state.failure == nil { state.failure = failure }
            defer { state.reader = nil }
            return state.reader
        }
        if let failure {
            reader?.resume(throwing: failure)
        } else {
            reader?.resume(returning: nil)
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let stream: ChannelByteStream

        init(_ stream: ChannelByteStream) {
            self.stream = stream
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            stream.received(unwrapInboundIn(data))
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            stream.readCompleted()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            switch event {
            case ChannelEvent.inputClosed: stream.ended(nil)
            // The server stops: a session cannot outlive it.
            case is ChannelShouldQuiesceEvent: context.close(promise: nil)
            default: context.fireUserInboundEventTriggered(event)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            stream.ended(nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            stream.ended(error)
            context.close(promise: nil)
        }
    }
}

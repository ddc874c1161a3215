internal import Synchronization

/// A streamed answer fed by a task: `write` waits while the peer is slow.
package final class HTTPBodyPipe: HTTPBodyStream {
    /// A writer waits while this much has not been taken.
    package static let bufferBytesMax = 128 << 10

    private struct State {
        var chunks: [[UInt8]] = []
        var bytes = 0
        var isFinished = false
        var isBroken = false
        var isCancelled = false
        var wake: (@Sendable () -> Void)?
        var writer: CheckedContinuation<Void, any Error>?
        var whenCancelled: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())

    package init() {}

    /// Calls `body` when the peer has gone, at once if it has already.
    package func onCancel(_ body: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            if !state.isCancelled { state.whenCancelled = body }
            return state.isCancelled
        }
        if isCancelled { body() }
    }

    /// Queues the bytes, then waits while the queue is over its bound. One writer at a time.
    /// - Throws: `CancellationError` once the peer has gone.
    package func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try await withCheckedThrowingContinuation { continuation in
            let (wake, result) = state.withLock { state -> ((@Sendable () -> Void)?, Result<Void, any Error>?) in
                guard !state.isCancelled else { return (nil, .failure(CancellationError())) }
                state.chunks.append(bytes)
                state.bytes += bytes.count
                guard state.bytes >= Self.bufferBytesMax else { return (state.wake, .success(())) }
                state.writer = continuation
                return (state.wake, nil)
            }
            wake?()
            if let result { continuation.resume(with: result) }
        }
    }

    /// The body is complete.
    package func finish() {
        let wake = state.withLock { state in
            state.isFinished = true
            return state.wake
        }
        wake?()
    }

    /// What was written is sent, and then the peer is cut off: the rest cannot be had.
    package func breakOff() {
        let wake = state.withLock { state in
            state.isBroken = true
            return state.wake
        }
        wake?()
    }

    package func setWaker(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.wake = wake }
    }

    package func read() -> HTTPBodyPart {
        let (part, writer) = state.withLock { state -> (HTTPBodyPart, CheckedContinuation<Void, any Error>?) in
            guard !state.chunks.isEmpty else {
                if state.isBroken { return (.broken, nil) }
                return (state.isFinished ? .end : .wait, nil)
            }
            let chunks = state.chunks
            state.chunks = []
            state.bytes = 0
            defer { state.writer = nil }
            return (.bytes(chunks), state.writer)
        }
        writer?.resume()
        return part
    }

    package func cancel() {
        let (writer, whenCancelled) = state.withLock { state in
            state.isCancelled = true
            state.chunks = []
            defer {
                state.writer = nil
                state.whenCancelled = nil
                state.wake = nil
            }
            return (state.writer, state.whenCancelled)
        }
        writer?.resume(throwing: CancellationError())
        whenCancelled?()
    }
}

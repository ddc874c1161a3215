internal import Synchronization

/// One end of a two-way stream of bytes within this process.
package final class MemoryByteStream: ByteStream {
    /// A writer waits while this much has not been read by the other side.
    static let bufferBytesMax = 256 << 10

    private let incoming: MemoryPipe
    private let outgoing: MemoryPipe

    private init(incoming: MemoryPipe, outgoing: MemoryPipe) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    deinit {
        incoming.close()
        outgoing.close()
    }

    /// Two ends: what one writes the other reads.
    package static func pair() -> (MemoryByteStream, MemoryByteStream) {
        let (left, right) = (MemoryPipe(), MemoryPipe())
        return (
            MemoryByteStream(incoming: left, outgoing: right), MemoryByteStream(incoming: right, outgoing: left)
        )
    }

    package func read() async throws -> [UInt8]? {
        try await incoming.read()
    }

    package func write(_ bytes: [UInt8]) async throws {
        try await outgoing.write(bytes)
    }

    package func close() async {
        incoming.close()
        outgoing.close()
    }

    /// Lets the other side read an end, and goes on reading.
    package func closeWrite() {
        outgoing.close()
    }
}

/// A bounded queue of bytes with one reader.
final class MemoryPipe: Sendable {
    private struct State {
        var chunks: [[UInt8]] = []
        var bytes = 0
        var isClosed = false
        var failure: (any Error)?
        var reader: CheckedContinuation<[UInt8]?, any Error>?
        var writers: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
        var lastWriter: UInt64 = 0
    }
    private let state = Mutex(State())
    private let bytesMax: Int

    init(bytesMax: Int = MemoryByteStream.bufferBytesMax) {
        self.bytesMax = bytesMax
    }

    func read() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (result, writers) = state.withLock { state in
                    Self.take(&state, continuation, bytesMax)
                }
                for writer in writers { writer.resume() }
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

    private static func take(
        _ state: inout State, _ continuation: CheckedContinuation<[UInt8]?, any Error>, _ bytesMax: Int
    ) -> (Result<[UInt8]?, any Error>?, [CheckedContinuation<Void, any Error>]) {
        if Task.isCancelled { return (.failure(CancellationError()), []) }
        if !state.chunks.isEmpty {
            let chunk = state.chunks.removeFirst()
            state.bytes -= chunk.count
            guard state.bytes < bytesMax else { return (.success(chunk), []) }
            let writers = state.writers.map(\.continuation)
            state.writers = []
            return (.success(chunk), writers)
        }
        if let failure = state.failure { return (.failure(failure), []) }
        if state.isClosed { return (.success(nil), []) }
        precondition(state.reader == nil, "one reader at a time")
        state.reader = continuation
        return (nil, [])
    }

    /// Queues the bytes, then waits while the queue is over its bound.
    /// - Throws: `HTTPUpgradeError.connectionClosed` once either side has closed.
    func write(_ bytes: [UInt8]) async throws {
        guard try put(bytes) else { return }
        let id = state.withLock { state in
            state.lastWriter += 1
            return state.lastWriter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isDone = state.withLock { state in
                    guard state.bytes >= bytesMax, !state.isClosed, !Task.isCancelled else { return true }
                    state.writers.append((id, continuation))
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let writer = state.withLock { state in
                state.writers.firstIndex { $0.id == id }.map { state.writers.remove(at: $0).continuation }
            }
            writer?.resume(throwing: CancellationError())
        }
    }

    /// Queues without waiting. Returns whether the queue is over its bound: the writer should wait, or stop reading
    /// what it gets its bytes from.
    @discardableResult
    func put(_ bytes: [UInt8]) throws -> Bool {
        let (reader, isFull) = try state.withLock { state in
            guard !state.isClosed else { throw HTTPUpgradeError.connectionClosed }
            guard !bytes.isEmpty else { return (CheckedContinuation<[UInt8]?, any Error>?.none, false) }
            if let reader = state.reader {
                state.reader = nil
                return (reader, false)
            }
            state.chunks.append(bytes)
            state.bytes += bytes.count
            return (nil, state.bytes >= bytesMax)
        }
        reader?.resume(returning: bytes)
        return isFull
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The reader gets what is queued, then the end (or `failure`). Idempotent.
    func close(_ failure: (any Error)? = nil) {
        let (reader, writers) = state.withLock { state in
            guard !state.isClosed else {
                return (CheckedContinuation<[UInt8]?, any Error>?.none, [CheckedContinuation<Void, any Error>]())
            }
            state.isClosed = true
            state.failure = failure
            defer {
                state.reader = nil
                state.writers = []
            }
            return (state.reader, state.writers.map(\.continuation))
        }
        for writer in writers { writer.resume(throwing: HTTPUpgradeError.connectionClosed) }
        if let failure {
            reader?.resume(throwing: failure)
        } else {
            reader?.resume(returning: nil)
        }
    }
}

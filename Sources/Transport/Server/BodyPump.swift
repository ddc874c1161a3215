internal import NIOCore
internal import Synchronization

/// Where an answer goes: one HTTP/1.1 exchange or one HTTP/2 stream. Used on its event loop only.
protocol ResponseSink: AnyObject {
    var isWritable: Bool { get }
    /// Called before `count` bytes of body are put into `buffer`, and after: room for framing.
    func beginChunk(_ buffer: inout ByteBuffer, count: Int)
    func endChunk(_ buffer: inout ByteBuffer)
    func writeChunk(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>)
    func flushChunks()
    /// The body is complete.
    func finish()
    /// The body will never be complete: cuts the peer off.
    func breakOff()
}

/// Sends a body in step with its peer: at most `inFlightBytesMax` are between us and the socket at any time, however
/// large a window the peer offers. Event-loop bound, except for the waker.
final class BodyPump: @unchecked Sendable {
    static let chunkBytes = 64 << 10
    static let inFlightBytesMax = 256 << 10
    /// A stream that was woken wakes again no sooner: what comes in a burst shares a write, a TLS record and a system
    /// call. The first of a burst goes out at once.
    static let gatherTime = TimeAmount.milliseconds(2)

    private let eventLoop: any EventLoop
    private var sink: (any ResponseSink)?
    private var stream: (any HTTPBodyStream)?
    private var pending: [[UInt8]]
    private var pendingBytes: Int
    private var pieceIndex = 0
    private var pieceOffset = 0
    private var inFlight = 0
    private var isPumping = false
    private var isPumpWanted = false
    private let isWakeQueued = Atomic(false)
    private var earliestWake = NIODeadline.uptimeNanoseconds(0)

    /// A complete body.
    init(_ sink: any ResponseSink, _ eventLoop: any EventLoop, body: HTTPBody) {
        self.sink = sink
        self.eventLoop = eventLoop
        pending =
            switch body {
            case .bytes(let bytes): [bytes]
            case .pieces(let pieces): pieces
            }
        pendingBytes = body.count
    }

    init(_ sink: any ResponseSink, _ eventLoop: any EventLoop, stream: any HTTPBodyStream) {
        self.sink = sink
        self.eventLoop = eventLoop
        self.stream = stream
        pending = []
        pendingBytes = 0
        stream.setWaker { [weak self] in self?.wake() }
    }

    private func wake() {
        guard !isWakeQueued.exchange(true, ordering: .acquiringAndReleasing) else { return }
        eventLoop.execute {
            let now = NIODeadline.now()
            if now >= self.earliestWake {
                self.pumpAfterWake(at: now)
            } else {
                self.eventLoop.assumeIsolated().scheduleTask(deadline: self.earliestWake) {
                    self.pumpAfterWake(at: self.earliestWake)
                }
            }
        }
    }

    private func pumpAfterWake(at time: NIODeadline) {
        earliestWake = time + Self.gatherTime
        isWakeQueued.store(false, ordering: .releasing)
        pump()
    }

    /// The peer is gone: nothing more is sent.
    func cancel() {
        let stream = self.stream
        self.stream = nil
        sink = nil
        pending = []
        stream?.cancel()
    }

    /// Ends a streamed body early but properly, so that the peer sees an end and not a failure.
    func endEarly() {
        guard let stream, let sink else { return }
        cancel()
        _ = stream
        sink.finish()
    }

    /// Sends what may be sent now.
    func pump() {
        // A flush may complete writes, or change the writability, before it returns: then there is another round.
        isPumpWanted = true
        guard !isPumping else { return }
        isPumping = true
        while isPumpWanted {
            isPumpWanted = false
            pumpOnce()
        }
        isPumping = false
    }

    private func pumpOnce() {
        guard let sink else { return }
        var isFlushNeeded = false
        var isEnded = false
        while self.sink != nil, sink.isWritable, inFlight < Self.inFlightBytesMax {
            if pendingBytes == 0 {
                guard refill(&isEnded) else { break }
                continue
            }
            write(to: sink)
            isFlushNeeded = true
        }
        if isEnded, self.sink != nil {
            self.sink = nil
            stream = nil
            sink.finish()
        } else if isFlushNeeded {
            sink.flushChunks()
        }
    }

    /// False when there is nothing to send now.
    private func refill(_ isEnded: inout Bool) -> Bool {
        guard let stream else {
            isEnded = true
            return false
        }
        switch stream.read() {
        case .bytes(let buffers):
            pending = buffers
            pieceIndex = 0
            pieceOffset = 0
            pendingBytes = buffers.reduce(0) { $0 + $1.count }
            return true
        case .wait: return false
        case .end:
            isEnded = true
            return false
        case .broken:
            let sink = self.sink
            self.sink = nil
            self.stream = nil
            sink?.breakOff()
            return false
        }
    }

    private func write(to sink: any ResponseSink) {
        let count = min(pendingBytes, Self.chunkBytes)
        var buffer = ByteBufferAllocator().buffer(capacity: count + 16)
        sink.beginChunk(&buffer, count: count)
        var room = count
        while room > 0 {
            let piece = pending[pieceIndex]
            let taken = min(piece.count - pieceOffset, room)
            buffer.writeBytes(piece[pieceOffset..<pieceOffset + taken])
            room -= taken
            pieceOffset += taken
            if pieceOffset == piece.count {
                pending[pieceIndex] = []  // Lets go of the memory as it is sent.
                pieceIndex += 1
                pieceOffset = 0
            }
        }
        pendingBytes -= count
        sink.endChunk(&buffer)
        inFlight += count
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] result in
            guard case .success = result else { return cancel() }
            let wasFull = inFlight >= Self.inFlightBytesMax
            inFlight -= count
            if wasFull { pump() }
        }
        sink.writeChunk(buffer, promise)
    }
}

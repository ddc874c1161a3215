internal import Synchronization

/// A whole answer.
package struct HTTPReply: Sendable {
    package var status: Int
    package var headers: HTTPFields
    package var body: [UInt8]

    package init(status: Int, headers: HTTPFields = HTTPFields(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// An answer whose body is still coming. Iterating `body` pulls it; letting go of it ends the request.
package struct HTTPStreamingReply: Sendable {
    package var status: Int
    package var headers: HTTPFields
    /// For one consumer. Bounded: the producer is only asked for more as this is iterated.
    package var body: AsyncThrowingStream<[UInt8], any Error>

    package init(status: Int, headers: HTTPFields, body: AsyncThrowingStream<[UInt8], any Error>) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Reads the rest; fails beyond `bytesMax`.
    package func collect(bytesMax: Int = .max) async throws -> HTTPReply {
        var reply = HTTPReply(status: status, headers: headers)
        for try await chunk in body {
            guard reply.body.count + chunk.count <= bytesMax else {
                throw HTTPClientError.bodyTooLarge(limit: bytesMax)
            }
            if reply.body.isEmpty { reply.body = chunk } else { reply.body += chunk }
        }
        return reply
    }
}

/// What a request for an upgrade led to.
package enum HTTPUpgradeReply: Sendable {
    case upgraded(headers: HTTPFields, stream: any ByteStream)
    /// An ordinary answer instead of `101`.
    case refused(HTTPReply)
}

/// Calls an `HTTPHandler` of this process: no socket, no framing, the body's arrays handed over as they are.
package enum InProcessHTTP {
    /// The whole answer. A streamed one is read to its end.
    package static func send(_ handler: any HTTPHandler, _ request: HTTPRequest) async -> HTTPReply {
        switch await call(handler, request) {
        case .complete(let status, let headers, let body):
            return HTTPReply(status: status, headers: headers, body: body.joined)
        case .streaming(let status, let headers, let stream):
            let reader = BodyStreamReader(stream)
            var reply = HTTPReply(status: status, headers: headers)
            while let chunk = try? await reader.next() { reply.body += chunk }
            return reply
        case .upgraded(_, let stream):
            await stream.close()
            return HTTPReply(status: 101)
        }
    }

    /// The answer's head as soon as it is there, its body as it comes.
    package static func stream(_ handler: any HTTPHandler, _ request: HTTPRequest) async -> HTTPStreamingReply {
        switch await call(handler, request) {
        case .complete(let status, let headers, let body):
            return HTTPStreamingReply(
                status: status, headers: headers,
                body: AsyncThrowingStream { continuation in
                    if body.count > 0 { continuation.yield(body.joined) }
                    continuation.finish()
                }
            )
        case .streaming(let status, let headers, let stream):
            let reader = BodyStreamReader(stream)
            return HTTPStreamingReply(
                status: status, headers: headers, body: AsyncThrowingStream { try await reader.next() }
            )
        case .upgraded(let headers, let stream):
            await stream.close()
            return HTTPStreamingReply(status: 101, headers: headers, body: AsyncThrowingStream { $0.finish() })
        }
    }

    /// Asks for an upgrade; the caller's end of an in-memory duplex stream is returned.
    package static func upgrade(_ handler: any HTTPHandler, _ request: HTTPRequest) async -> HTTPUpgradeReply {
        switch await call(handler, request) {
        case .complete(let status, let headers, let body):
            return .refused(HTTPReply(status: status, headers: headers, body: body.joined))
        case .streaming(let status, let headers, let stream):
            stream.cancel()
            return .refused(HTTPReply(status: status, headers: headers))
        case .upgraded(let headers, let stream):
            return .upgraded(headers: headers, stream: stream)
        }
    }

    private static func call(_ handler: any HTTPHandler, _ request: HTTPRequest) async -> InProcessAnswer {
        await withCheckedContinuation { continuation in
            handler.handle(request, InProcessResponder(continuation))
        }
    }
}

extension HTTPBody {
    var joined: [UInt8] {
        switch self {
        case .bytes(let bytes): bytes
        case .pieces(let pieces) where pieces.count == 1: pieces[0]
        case .pieces(let pieces):
            [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                for piece in pieces {
                    initialized += buffer[initialized...].initialize(fromContentsOf: piece) - initialized
                }
            }
        }
    }
}

private enum InProcessAnswer: Sendable {
    case complete(status: Int, headers: HTTPFields, body: HTTPBody)
    case streaming(status: Int, headers: HTTPFields, stream: any HTTPBodyStream)
    case upgraded(headers: HTTPFields, stream: any ByteStream)
}

private final class InProcessResponder: HTTPResponder {
    private let continuation: Mutex<CheckedContinuation<InProcessAnswer, Never>?>

    init(_ continuation: CheckedContinuation<InProcessAnswer, Never>) {
        self.continuation = Mutex(continuation)
    }

    deinit {
        let fault = HTTPFault.unanswered
        take()?.resume(
            returning: .complete(status: fault.status, headers: [:], body: .bytes(Array(fault.message.utf8)))
        )
    }

    private func take() -> CheckedContinuation<InProcessAnswer, Never>? {
        continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
    }

    private func answer(_ answer: InProcessAnswer) {
        guard let continuation = take() else { return assertionFailure("a request was answered twice") }
        continuation.resume(returning: answer)
    }

    func respond(status: Int, headers: HTTPFields, body: HTTPBody) {
        answer(.complete(status: status, headers: headers, body: body))
    }

    func respond(status: Int, headers: HTTPFields, stream: any HTTPBodyStream) {
        answer(.streaming(status: status, headers: headers, stream: stream))
    }

    func upgrade(headers: HTTPFields) async throws -> any ByteStream {
        let (ours, theirs) = MemoryByteStream.pair()
        answer(.upgraded(headers: headers, stream: theirs))
        return ours
    }
}

/// Pulls an `HTTPBodyStream` from a task. One consumer. Cancels the stream when it is let go of.
final class BodyStreamReader: Sendable {
    private struct State {
        /// Read but not yet taken, last first.
        var ready: [[UInt8]] = []
        var isAwake = false
        var isEnded = false
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let stream: any HTTPBodyStream
    private let state = Mutex(State())

    init(_ stream: any HTTPBodyStream) {
        self.stream = stream
        stream.setWaker { [weak self] in self?.wake() }
    }

    deinit {
        if !state.withLock({ $0.isEnded }) { stream.cancel() }
    }

    private func wake() {
        let waiter = state.withLock { state in
            state.isAwake = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// - Throws: `CancellationError` when the task is cancelled; the stream is cancelled then.
    func next() async throws -> [UInt8]? {
        while true {
            if let chunk = state.withLock({ $0.ready.popLast() }) { return chunk }
            if state.withLock({ $0.isEnded }) { return nil }
            if Task.isCancelled {
                cancel()
                throw CancellationError()
            }
            state.withLock { $0.isAwake = false }
            switch stream.read() {
            case .bytes(let buffers): state.withLock { $0.ready = buffers.reversed() }
            case .end: state.withLock { $0.isEnded = true }
            case .wait: await wait()
            case .broken:
                state.withLock { $0.isEnded = true }
                throw HTTPUpgradeError.connectionClosed
            }
        }
    }

    private func cancel() {
        let wasEnded = state.withLock { state in
            defer { state.isEnded = true }
            return state.isEnded
        }
        if !wasEnded { stream.cancel() }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isAwake = state.withLock { state in
                    guard !state.isAwake, !Task.isCancelled else { return true }
                    state.waiter = continuation
                    return false
                }
                if isAwake { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
    }
}

internal import NIOCore
internal import Synchronization

/// One exchange as its responder sees it. Called on the event loop, at most one of these, once.
protocol ServerExchange: AnyObject, Sendable {
    /// `id` tells an answer to an earlier request of the same connection from one to the present.
    func answer(_ id: UInt64, status: Int, headers: HTTPFields, body: HTTPBody)
    func answer(_ id: UInt64, status: Int, headers: HTTPFields, stream: any HTTPBodyStream)
    func upgrade(_ id: UInt64, headers: HTTPFields) throws -> any ByteStream
    func abandoned(_ id: UInt64)
}

/// Carries an answer from any thread to the connection's event loop.
final class ServerResponder: HTTPResponder {
    private let eventLoop: any EventLoop
    private let exchange: any ServerExchange
    private let id: UInt64
    private let isUsed = Atomic(false)

    init(_ eventLoop: any EventLoop, _ exchange: any ServerExchange, id: UInt64) {
        self.eventLoop = eventLoop
        self.exchange = exchange
        self.id = id
    }

    deinit {
        guard !isUsed.load(ordering: .relaxed) else { return }
        let (exchange, id) = (exchange, id)
        eventLoop.execute { exchange.abandoned(id) }
    }

    /// False if there was an answer before.
    private func use() -> Bool {
        let isFirst = !isUsed.exchange(true, ordering: .acquiringAndReleasing)
        assert(isFirst, "a request was answered twice")
        return isFirst
    }

    func respond(status: Int, headers: HTTPFields, body: HTTPBody) {
        guard use() else { return }
        if eventLoop.inEventLoop {
            exchange.answer(id, status: status, headers: headers, body: body)
        } else {
            eventLoop.execute { [exchange, id] in
                exchange.answer(id, status: status, headers: headers, body: body)
            }
        }
    }

    func respond(status: Int, headers: HTTPFields, stream: any HTTPBodyStream) {
        guard use() else { return stream.cancel() }
        if eventLoop.inEventLoop {
            exchange.answer(id, status: status, headers: headers, stream: stream)
        } else {
            eventLoop.execute { [exchange, id] in
                exchange.answer(id, status: status, headers: headers, stream: stream)
            }
        }
    }

    func upgrade(headers: HTTPFields) async throws -> any ByteStream {
        let promise = eventLoop.makePromise(of: (any ByteStream).self)
        eventLoop.execute { [self] in
            promise.completeWith(Result { try exchange.upgrade(id, headers: headers) })
        }
        let stream = try await promise.futureResult.get()
        // Only a granted upgrade is the answer; after a refused one the handler still answers.
        _ = use()
        return stream
    }
}

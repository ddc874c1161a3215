internal import Synchronization

/// One stream of a SPDY connection. One reader and one writer at a time.
package final class SPDYStream: Sendable {
    /// Largest data frame sent.
    static let frameBytesMax = 64 << 10

    private struct State {
        var isFinished = false
        var isReset = false
        var reply: Result<Void, SPDYError>?
        var waiters: [CheckedContinuation<Void, any Error>] = []
    }

    package let id: UInt32
    /// Of the SYN_STREAM, names in lower case.
    package let headers: SPDYHeaders
    let incoming = MemoryPipe()
    private let connection: SPDYConnection
    private let state = Mutex(State())

    init(id: UInt32, headers: SPDYHeaders, connection: SPDYConnection) {
        self.id = id
        self.headers = headers
        self.connection = connection
    }

    /// The first value of the header `name`.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name.lowercased() }?.value
    }

    /// Next bytes; `nil` once the peer has finished its side.
    package func read() async throws -> [UInt8]? {
        try await incoming.read()
    }

    package func write(_ bytes: [UInt8]) async throws {
        guard !state.withLock({ $0.isFinished || $0.isReset }) else { throw SPDYError.connectionClosed }
        var rest = bytes[...]
        while !rest.isEmpty {
            try await connection.send(SPDYFrame.data(id: id, flags: 0, Array(rest.prefix(Self.frameBytesMax))))
            rest = rest.dropFirst(Self.frameBytesMax)
        }
    }

    /// Half-close: the peer reads an end, and may still send. Idempotent.
    package func finish() async throws {
        let isFirst = state.withLock { state in
            defer { state.isFinished = true }
            return !state.isFinished && !state.isReset
        }
        guard isFirst else { return }
        try await connection.send(SPDYFrame.data(id: id, flags: SPDYFrame.flagFin, []))
        connection.sideEnded(self)
    }

    /// Ends both directions at once.
    package func reset() async {
        let isFirst = state.withLock { state in
            defer { state.isReset = true }
            return !state.isReset
        }
        guard isFirst else { return }
        incoming.close()
        connection.forget(id)
        // Status 5, CANCEL.
        try? await connection.send(
            SPDYFrame.control(SPDYFrame.Kind.reset, SPDYFrame.word(id) + SPDYFrame.word(5))
        )
    }

    /// Accepts a stream that the peer opened.
    package func acknowledge(_ headers: SPDYHeaders = []) async throws {
        try await connection.sendHeaders(SPDYFrame.Kind.synReply, id: id, headers, isLast: false)
    }

    /// Waits until the peer has accepted the stream that this side opened.
    package func waitForReply() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let reply = state.withLock { state in
                if state.reply == nil { state.waiters.append(continuation) }
                return state.reply
            }
            if let reply { continuation.resume(with: reply.mapError { $0 }) }
        }
    }

    // MARK: From the connection

    /// Both sides have ended.
    var isOver: Bool { state.withLock { $0.isFinished } && incoming.isClosed }

    func replied(_ result: Result<Void, SPDYError>) {
        let waiters = state.withLock { state in
            if state.reply == nil { state.reply = result }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(with: result.mapError { $0 }) }
    }

    func ended(_ failure: SPDYError?) {
        if failure != nil { state.withLock { $0.isReset = true } }
        replied(.failure(failure ?? .connectionClosed))
        incoming.close(failure)
    }
}

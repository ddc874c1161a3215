internal import Synchronization

/// SPDY/3.1 over a stream of bytes, as Kubernetes uses it for exec, attach and port-forward: like the Go library on
/// the other side, it neither sends nor heeds WINDOW_UPDATE. A stream that nobody reads holds up the connection.
package final class SPDYConnection: Sendable {
    /// Streams that the peer may have open, or opened without being taken.
    static let streamsMax = 512

    package enum Role: Sendable {
        case client
        case server
    }

    private struct State {
        var streams: [UInt32: SPDYStream] = [:]
        var nextID: UInt32
        var isClosed = false
    }

    private struct Codec: ~Copyable {
        var encoder = SPDYHeaderEncoder()
    }

    /// Streams that the peer opens; ends with the connection. For one consumer.
    package let incoming: AsyncStream<SPDYStream>
    private let arrivals: AsyncStream<SPDYStream>.Continuation
    private let stream: any ByteStream
    private let role: Role
    private let state: Mutex<State>
    private let codec = Mutex(Codec())
    private let writing = AsyncLock()

    package init(_ stream: any ByteStream, role: Role) {
        self.stream = stream
        self.role = role
        state = Mutex(State(nextID: role == .client ? 1 : 2))
        (incoming, arrivals) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.streamsMax))
    }

    /// Reads frames until the peer closes. Nothing arrives anywhere unless this runs.
    package func run() async throws {
        var failure: (any Error)?
        var decoder = SPDYFrameDecoder()
        do {
            while let bytes = try await stream.read() {
                decoder.append(bytes)
                while let frame = try decoder.next() { try await take(frame) }
            }
        } catch {
            failure = error
        }
        end()
        await stream.close()
        if let failure { throw failure }
    }

    /// Opens a stream. It may be written to at once; `waitForReply` tells whether the peer took it.
    package func open(_ headers: SPDYHeaders) async throws -> SPDYStream {
        // Identifiers must reach the peer in order, so the number is taken while writing is locked.
        try await writing.withLock {
            let made: SPDYStream? = self.state.withLock { state in
                guard !state.isClosed else { return nil }
                let made = SPDYStream(id: state.nextID, headers: headers, connection: self)
                state.streams[state.nextID] = made
                state.nextID += 2
                return made
            }
            guard let made else { throw SPDYError.connectionClosed }
            let block = self.codec.withLock { $0.encoder.encode(headers) }
            let payload = SPDYFrame.word(made.id) + SPDYFrame.word(0) + [0, 0] + block
            try await self.stream.write(SPDYFrame.control(SPDYFrame.Kind.synStream, payload))
            return made
        }
    }

    /// Says good-bye and closes the stream beneath. Idempotent.
    package func close() async {
        let wasClosed = state.withLock { $0.isClosed }
        if !wasClosed {
            try? await send(SPDYFrame.control(SPDYFrame.Kind.goAway, SPDYFrame.word(0) + SPDYFrame.word(0)))
        }
        end()
        await stream.close()
    }

    private func end() {
        let streams = state.withLock { state in
            state.isClosed = true
            defer { state.streams = [:] }
            return Array(state.streams.values)
        }
        for stream in streams { stream.ended(.connectionClosed) }
        arrivals.finish()
    }

    // MARK: Sending

    func send(_ frame: [UInt8]) async throws {
        try await writing.withLock { try await self.stream.write(frame) }
    }

    func sendHeaders(_ kind: UInt16, id: UInt32, _ headers: SPDYHeaders, isLast: Bool) async throws {
        try await writing.withLock {
            let block = self.codec.withLock { $0.encoder.encode(headers) }
            let flags = isLast ? SPDYFrame.flagFin : 0
            try await self.stream.write(SPDYFrame.control(kind, flags: flags, SPDYFrame.word(id) + block))
        }
    }

    // MARK: Streams

    func forget(_ id: UInt32) {
        state.withLock { $0.streams[id] = nil }
    }

    /// Forgets a stream once both sides have ended it.
    func sideEnded(_ stream: SPDYStream) {
        if stream.isOver { forget(stream.id) }
    }

    private func take(_ frame: SPDYFrame) async throws {
        switch frame {
        case .synStream(let id, let headers, let isLast): try await opened(id, headers, isLast)
        case .synReply(let id, _, let isLast):
            self[id]?.replied(.success(()))
            if isLast { finished(id) }
        case .headers(let id, _, let isLast):
            if isLast { finished(id) }
        case .reset(let id, let status):
            self[id]?.ended(.streamReset(status: status))
            forget(id)
        case .data(let id, let bytes, let isLast):
            // What arrives for a stream that was reset meanwhile is dropped.
            if !bytes.isEmpty, let stream = self[id] { try? await stream.incoming.write(bytes) }
            if isLast { finished(id) }
        case .ping(let id):
            // The peer's pings have its parity; an answer to ours would have our own.
            if (id & 1 == 1) == (role == .server) {
                try await send(SPDYFrame.control(SPDYFrame.Kind.ping, SPDYFrame.word(id)))
            }
        case .goAway, .ignored: break
        }
    }

    private subscript(id: UInt32) -> SPDYStream? {
        state.withLock { $0.streams[id] }
    }

    private func finished(_ id: UInt32) {
        guard let stream = self[id] else { return }
        stream.incoming.close()
        sideEnded(stream)
    }

    private func opened(_ id: UInt32, _ headers: SPDYHeaders, _ isLast: Bool) async throws {
        let made = SPDYStream(id: id, headers: headers, connection: self)
        let isTaken = state.withLock { state in
            guard state.streams.count < Self.streamsMax, state.streams[id] == nil else { return false }
            state.streams[id] = made
            return true
        }
        guard isTaken, case .enqueued = arrivals.yield(made) else {
            // Status 3, REFUSED_STREAM.
            forget(id)
            return try await send(
                SPDYFrame.control(SPDYFrame.Kind.reset, SPDYFrame.word(id) + SPDYFrame.word(3))
            )
        }
        if isLast { made.incoming.close() }
    }
}

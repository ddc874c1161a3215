internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import GRPCProtobuf
internal import SwiftProtobuf
internal import Synchronization

/// A typed client for one container runtime over its unix socket.
///
/// `run()` keeps the connections; they re-connect by themselves after the runtime was away.
///
/// Go's gRPC server sends a PING for nearly every request, and swift-nio-http2 takes more than 200 of them in 30 s for
/// an attack and cuts the connection. A busy node makes more calls than that, so a connection serves a limited number
/// and is then replaced.
package final class CRIClient: Sendable {
    typealias Connection = GRPCClient<HTTP2ClientTransport.Posix>

    private struct Entry {
        let client: Connection
        var calls = 0
        var running = 0
    }

    private struct State {
        /// The newest takes calls; older ones only end theirs.
        var entries: [Int: Entry]
        var newest = 0
        var isShutDown = false
    }

    /// Where the runtime listens.
    package let socketPath: String
    private static let messageBytesMax = 16 << 20
    private static let callsPerConnectionMax = 100
    private let state: Mutex<State>
    /// Connections that `run` has to drive.
    private let opened = AsyncStream<Connection>.makeStream()

    /// - Throws: if the socket path cannot be used as a target.
    package init(socketPath: String) throws {
        self.socketPath = socketPath
        let client = try Self.open(socketPath)
        state = Mutex(State(entries: [0: Entry(client: client)]))
        opened.continuation.yield(client)
    }

    private static func open(_ socketPath: String) throws -> Connection {
        let configuration = HTTP2ClientTransport.Posix.Config.defaults { config in
            // Go's gRPC server refuses the percent-encoded path that a unix socket would otherwise give.
            config.http2.authority = "localhost"
            config.backoff.initial = .milliseconds(20)
            config.backoff.max = .seconds(1)
            config.connection.maxIdleTime = nil
        }
        let transport = try HTTP2ClientTransport.Posix(
            target: .unixDomainSocket(path: socketPath), transportSecurity: .plaintext, config: configuration
        )
        return GRPCClient(transport: transport)
    }

    /// Holds the connections until the task is cancelled or `shutDown` was called and the last call has ended.
    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for await client in opened.stream {
                group.addTask { try await client.runConnections() }
            }
        }
    }

    /// Lets running calls end and refuses new ones.
    package func shutDown() {
        let clients = state.withLock { state in
            state.isShutDown = true
            return state.entries.values.map(\.client)
        }
        for client in clients { client.beginGracefulShutdown() }
        opened.continuation.finish()
    }

    /// Runs `body` on a connection that is not used up.
    func withConnection<Result>(_ body: (Connection) async throws -> Result) async throws -> Result {
        let (number, client) = take()
        defer { giveBack(number) }
        return try await body(client)
    }

    private func take() -> (number: Int, client: Connection) {
        let (taken, fresh, idle) = state.withLock { state -> ((Int, Connection), Connection?, Connection?) in
            var fresh: Connection?
            var idle: Connection?
            if let newest = state.entries[state.newest], newest.calls >= Self.callsPerConnectionMax, !state.isShutDown,
                let client = try? Self.open(socketPath)
            {
                if newest.running == 0 { idle = state.entries.removeValue(forKey: state.newest)?.client }
                state.newest += 1
                state.entries[state.newest] = Entry(client: client)
                fresh = client
            }
            guard var entry = state.entries[state.newest] else { preconditionFailure("the newest connection is kept") }
            entry.calls += 1
            entry.running += 1
            state.entries[state.newest] = entry
            return ((state.newest, entry.client), fresh, idle)
        }
        idle?.beginGracefulShutdown()
        if let fresh { opened.continuation.yield(fresh) }
        return taken
    }

    private func giveBack(_ number: Int) {
        let idle = state.withLock { state -> Connection? in
            state.entries[number]?.running -= 1
            guard number != state.newest, state.entries[number]?.running == 0 else { return nil }
            return state.entries.removeValue(forKey: number)?.client
        }
        idle?.beginGracefulShutdown()
    }

    /// One call with one answer.
    /// A `timeout` of `nil` waits for as long as the runtime takes. `namespace`: for containerd's own services.
    func call<Request: Message, Response: Message>(
        _ method: String, _ request: Request, service: String = "runtime.v1.RuntimeService",
        namespace: String? = nil, timeout: Duration? = .seconds(120), returning _: Response.Type = Response.self
    ) async throws(CRIError) -> Response {
        var options = CallOptions.defaults
        options.timeout = timeout
        options.waitForReady = true
        options.maxResponseMessageBytes = Self.messageBytesMax
        let descriptor = MethodDescriptor(
            service: ServiceDescriptor(fullyQualifiedService: service), method: method, type: .unary
        )
        let metadata: Metadata = namespace.map { ["containerd-namespace": "\($0)"] } ?? [:]
        do {
            return try await withConnection { client in
                try await client.unary(
                    request: ClientRequest(message: request, metadata: metadata), descriptor: descriptor,
                    serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Response>(),
                    options: options, onResponse: { try $0.message }
                )
            }
        } catch {
            throw CRIError(method: method, underlying: error)
        }
    }

    /// One call answered by a stream; `body` gets each message and returns when the stream ends.
    func stream<Request: Message, Response: Message>(
        _ method: String, _ request: Request, service: String, of _: Response.Type,
        _ body: @escaping @Sendable (Response) async -> Void
    ) async throws(CRIError) {
        var options = CallOptions.defaults
        options.waitForReady = true
        let descriptor = MethodDescriptor(
            service: ServiceDescriptor(fullyQualifiedService: service), method: method, type: .serverStreaming
        )
        do {
            try await withConnection { client in
                try await client.serverStreaming(
                    request: ClientRequest(message: request), descriptor: descriptor,
                    serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Response>(),
                    options: options,
                    onResponse: { response in
                        for try await message in response.messages { await body(message) }
                    }
                )
            }
        } catch {
            throw CRIError(method: method, underlying: error)
        }
    }
}

extension CRIError {
    init(method: String, underlying error: any Error) {
        switch error {
        case let error as RPCError: self.init(method: method, code: error.code, message: error.message)
        case is CancellationError: self.init(method: method, code: .cancelled, message: "context canceled")
        default: self.init(method: method, code: .unavailable, message: String(describing: error))
        }
    }
}

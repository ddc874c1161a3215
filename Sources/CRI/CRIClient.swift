internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import GRPCProtobuf
internal import SwiftProtobuf

/// A typed client for one container runtime over its unix socket.
///
/// `run()` keeps the connection; it re-connects by itself after the runtime was away.
package final class CRIClient: Sendable {
    /// Where the runtime listens.
    package let socketPath: String
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private static let messageBytesMax = 16 << 20

    /// - Throws: if the socket path cannot be used as a target.
    package init(socketPath: String) throws {
        self.socketPath = socketPath
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
        client = GRPCClient(transport: transport)
    }

    /// Holds the connection until the task is cancelled or `shutDown` was called and the last call has ended.
    package func run() async throws {
        try await client.runConnections()
    }

    /// Lets running calls end and refuses new ones.
    package func shutDown() {
        client.beginGracefulShutdown()
    }

    /// One call with one answer.
    /// A `timeout` of `nil` waits for as long as the runtime takes.
    func call<Request: Message, Response: Message>(
        _ method: String, _ request: Request, service: String = "runtime.v1.RuntimeService",
        timeout: Duration? = .seconds(120), returning _: Response.Type = Response.self
    ) async throws(CRIError) -> Response {
        var options = CallOptions.defaults
        options.timeout = timeout
        options.waitForReady = true
        options.maxResponseMessageBytes = Self.messageBytesMax
        let descriptor = MethodDescriptor(
            service: ServiceDescriptor(fullyQualifiedService: service), method: method, type: .unary
        )
        do {
            return try await client.unary(
                request: ClientRequest(message: request), descriptor: descriptor,
                serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Response>(),
                options: options, onResponse: { try $0.message }
            )
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
            try await client.serverStreaming(
                request: ClientRequest(message: request), descriptor: descriptor,
                serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Response>(),
                options: options,
                onResponse: { response in
                    for try await message in response.messages { await body(message) }
                }
            )
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

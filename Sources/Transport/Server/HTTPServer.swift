internal import NIOCore
package import NIOPosix
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// Why the server did not start.
package enum HTTPServerError: Error, Equatable, CustomStringConvertible {
    /// Somebody else listens there.
    case addressInUse(HTTPAddress)
    case permissionDenied(HTTPAddress)
    case cannotListen(HTTPAddress, reason: String)

    package var description: String {
        switch self {
        case .addressInUse(let address): "listen on \(address): the address is in use by another process"
        case .permissionDenied(let address): "listen on \(address): permission denied"
        case .cannotListen(let address, let reason): "listen on \(address): \(reason)"
        }
    }
}

/// What the transport itself refuses, before any handler sees the request.
package enum HTTPFault: Sendable, Equatable {
    /// The head or the framing is not HTTP: 400.
    case malformed
    /// A method that HTTP/1.1's parser does not know: 405.
    case unknownMethod
    /// The body is longer than `limit` bytes: 413.
    case bodyTooLarge(limit: Int)
    /// Head or body did not arrive in time: 408.
    case timeout
    /// The handler let go of its responder without an answer (a bug of ours): 500.
    case unanswered

    package var status: Int {
        switch self {
        case .malformed: 400
        case .unknownMethod: 405
        case .bodyTooLarge: 413
        case .timeout: 408
        case .unanswered: 500
        }
    }

    package var message: String {
        switch self {
        case .malformed: "the request is malformed"
        case .unknownMethod: "the server does not allow this method on the requested resource"
        case .bodyTooLarge(let limit): "Request entity too large: limit is \(limit)"
        case .timeout: "the request did not arrive in time"
        case .unanswered: "the request was not answered"
        }
    }
}

/// Serves one `HTTPHandler` over HTTP/1.1 and HTTP/2 on one address.
package final class HTTPServer: Sendable {
    package struct Configuration: Sendable {
        package var address: HTTPAddress
        /// `nil` serves HTTP/1.1 in the clear.
        package var tls: TLSServerContext?
        package var handler: any HTTPHandler
        /// Longest request body taken.
        package var bodyBytesMax = 3 << 20
        /// Longest request head taken.
        package var headBytesMax = 128 << 10
        /// More connections than this are closed as they come.
        package var connectionsMax = 8192
        /// An HTTP/1.1 connection without a (complete) request for so long is closed.
        package var idleTimeout: Duration = .seconds(90)
        /// Handshake and first head, and each body, must arrive within this.
        package var requestTimeout: Duration = .seconds(32)
        /// How long `run` waits for connections to end once it is cancelled.
        package var shutdownGrace: Duration = .seconds(3)
        /// The answer to what the transport refuses; by default the message as plain text.
        package var faultAnswer: @Sendable (HTTPFault) -> (headers: HTTPFields, body: [UInt8]) = { fault in
            (["Content-Type": "text/plain; charset=utf-8"], Array((fault.message + "\n").utf8))
        }
        /// Where connections live; the process's shared event loops by default.
        package var eventLoopGroup: MultiThreadedEventLoopGroup = .singleton

        package init(address: HTTPAddress, tls: TLSServerContext? = nil, handler: any HTTPHandler) {
            self.address = address
            self.tls = tls
            self.handler = handler
        }

        package init(host: String, port: Int, tls: TLSServerContext? = nil, handler: any HTTPHandler) {
            self.init(address: .tcp(host: host, port: port), tls: tls, handler: handler)
        }
    }

    private let configuration: Configuration
    private let listener = Mutex<(any Channel)?>(nil)
    private let connections = ConnectionRegistry()

    package init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    /// The port in use; `nil` before `start` and for unix sockets.
    package var boundPort: Int? { listener.withLock { $0?.localAddress?.port } }

    /// Starts to listen. Connections are served from now on, whether or not `run` is called.
    package func start() async throws(HTTPServerError) {
        let shared = ServerShared(configuration: configuration, connections: connections)
        let bootstrap = ServerBootstrap(group: configuration.eventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: configuration.address.isTCP ? 1 : 0)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try shared.configure(channel) }
            }
        let channel: any Channel
        do {
            channel =
                switch configuration.address {
                case .tcp(let host, let port): try await bootstrap.bind(host: host, port: port).get()
                case .unix(let path):
                    try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
                }
        } catch {
            throw Self.refusal(error, configuration.address)
        }
        listener.withLock { $0 = channel }
    }

    /// Serves until the task is cancelled, then ends gracefully (`shutdown`). Listens first unless `start` did.
    package func run() async throws {
        if listener.withLock({ $0 == nil }) { try await start() }
        guard let channel = listener.withLock({ $0 }) else { return }
        await withTaskCancellationHandler {
            try? await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        await shutdown()
    }

    /// Stops accepting, says so to HTTP/2 peers, ends streamed answers, and waits up to `shutdownGrace` for the rest.
    package func shutdown() async {
        if let channel = listener.withLock({ $0 }) { try? await channel.close().get() }
        let open = connections.close()
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        let deadline = configuration.eventLoopGroup.next().scheduleTask(in: .init(configuration.shutdownGrace)) {
            for channel in open { channel.close(promise: nil) }
        }
        for channel in open { try? await channel.closeFuture.get() }
        deadline.cancel()
    }

    private static func refusal(_ error: any Error, _ address: HTTPAddress) -> HTTPServerError {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: .addressInUse(address)
        case EACCES, EPERM: .permissionDenied(address)
        case let code?: .cannotListen(address, reason: String(cString: strerror(code)))
        case nil: .cannotListen(address, reason: "\(error)")
        }
    }
}

extension HTTPAddress {
    var isTCP: Bool {
        if case .tcp = self { true } else { false }
    }
}

/// The open connections of one server.
final class ConnectionRegistry: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }
    private let state = Mutex(State())

    /// False if the server is full or ending; the connection must then be closed.
    func add(_ channel: any Channel, max: Int) -> Bool {
        let id = ObjectIdentifier(channel)
        let added = state.withLock { state in
            guard !state.isClosed, state.channels.count < max else { return false }
            state.channels[id] = channel
            return true
        }
        if added { channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[id] = nil } } }
        return added
    }

    /// Refuses connections from now on, and returns those that are open.
    func close() -> [any Channel] {
        state.withLock { state in
            state.isClosed = true
            return Array(state.channels.values)
        }
    }
}

internal import NIOCore
package import NIOPosix
internal import Synchronization

/// Why a request got no answer.
package enum HTTPClientError: Error, Equatable, CustomStringConvertible {
    case cannotConnect(HTTPAddress, reason: String)
    /// The peer closed, or the connection broke, before the answer was complete.
    case connectionClosed(HTTPAddress, reason: String)
    case timeout(HTTPAddress, after: Duration)
    case bodyTooLarge(limit: Int)

    package var description: String {
        switch self {
        case .cannotConnect(let address, let reason): "connect to \(address): \(reason)"
        case .connectionClosed(let address, let reason): "request to \(address): \(reason)"
        case .timeout(let address, let duration): "request to \(address): no answer within \(duration)"
        case .bodyTooLarge(let limit): "answer is longer than \(limit) bytes"
        }
    }
}

/// A request to be sent by `HTTPClient`.
package struct HTTPClientRequest: Sendable {
    package var method: String
    /// Path with query, percent-encoded.
    package var target: String
    /// `Host` and `Content-Length` are added.
    package var headers: HTTPFields
    package var body: [UInt8]

    package init(method: String = "GET", target: String, headers: HTTPFields = HTTPFields(), body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }
}

/// Requests to one address over HTTP/1.1, on connections that are kept and used again.
package final class HTTPClient: Sendable {
    package struct Configuration: Sendable {
        package var address: HTTPAddress
        /// `nil` for plain HTTP.
        package var tls: TLSClientContext?
        /// The name to verify the server's certificate against and to send as `Host`, if not the address's host.
        package var serverName: String?
        package var connectTimeout: Duration = .seconds(10)
        /// From the request to the answer's head, and for `send` to the end of its body. `nil` waits for ever.
        package var responseTimeout: Duration? = .seconds(60)
        /// How long a connection is kept without a request.
        package var idleTimeout: Duration = .seconds(60)
        /// Idle connections kept; those beyond are closed after use.
        package var idleConnectionsMax = 8
        package var eventLoopGroup: MultiThreadedEventLoopGroup = .singleton

        package init(address: HTTPAddress, tls: TLSClientContext? = nil) {
            self.address = address
            self.tls = tls
        }
    }

    private struct Pool {
        /// Most recently used last.
        var idle: [HTTPClientConnection] = []
        var isClosed = false
    }

    private let configuration: Configuration
    private let pool = Mutex(Pool())

    package init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    deinit {
        for connection in pool.withLock({ $0.idle }) { connection.close() }
    }

    /// Closes idle connections; those in use close when their request is over.
    package func shutdown() {
        let idle = pool.withLock { pool in
            pool.isClosed = true
            defer { pool.idle = [] }
            return pool.idle
        }
        for connection in idle { connection.close() }
    }

    /// One whole answer. One with a body longer than `bodyBytesMax` is an error.
    package func send(_ request: HTTPClientRequest, bodyBytesMax: Int = 64 << 20) async throws -> HTTPReply {
        try await withTimeout {
            try await self.exchange(request).collect(bytesMax: bodyBytesMax)
        }
    }

    /// The answer's head, and its body as it comes. Letting go of the body closes the connection.
    package func stream(_ request: HTTPClientRequest) async throws -> HTTPStreamingReply {
        try await withTimeout { try await self.exchange(request) }
    }

    /// Asks for an upgrade (the caller sets `Connection` and `Upgrade`).
    package func upgrade(_ request: HTTPClientRequest) async throws -> HTTPUpgradeReply {
        try await withTimeout {
            let connection = try await self.connect()
            let head = try await connection.send(request, host: self.host)
            if head.status == 101 {
                return .upgraded(headers: head.headers, stream: try await connection.takeOver())
            }
            let reply = HTTPStreamingReply(status: head.status, headers: head.headers, body: self.body(of: connection))
            return .refused(try await reply.collect(bytesMax: 1 << 20))
        }
    }

    private func exchange(_ request: HTTPClientRequest) async throws -> HTTPStreamingReply {
        while true {
            let (connection, isReused) = try await take()
            do {
                let head = try await connection.send(request, host: host)
                return HTTPStreamingReply(status: head.status, headers: head.headers, body: body(of: connection))
            } catch let error as HTTPClientError {
                connection.close()
                // The server may have closed an idle connection just as we used it; only what is safe is sent again.
                guard case .connectionClosed = error, isReused, request.isIdempotent else {
                    throw error
                }
            } catch {
                connection.close()
                throw error
            }
        }
    }

    private func body(of connection: HTTPClientConnection) -> AsyncThrowingStream<[UInt8], any Error> {
        let reader = HTTPClientBodyReader(connection) { [weak self] in
            guard let self else { return connection.close() }
            self.give(back: connection)
        }
        return AsyncThrowingStream { try await reader.next() }
    }

    private func take() async throws -> (HTTPClientConnection, isReused: Bool) {
        while let connection = pool.withLock({ $0.idle.popLast() }) {
            if connection.takeFromPool() { return (connection, true) }
        }
        return (try await connect(), false)
    }

    private func connect() async throws -> HTTPClientConnection {
        try await HTTPClientConnection.open(
            configuration.address, tls: configuration.tls, serverName: configuration.serverName ?? host.name,
            timeout: configuration.connectTimeout, group: configuration.eventLoopGroup
        )
    }

    private func give(back connection: HTTPClientConnection) {
        guard connection.isReusable else { return connection.close() }
        connection.putIntoPool(for: configuration.idleTimeout)
        let surplus: HTTPClientConnection? = pool.withLock { pool in
            guard !pool.isClosed else { return connection }
            pool.idle.removeAll { !$0.isReusable }
            pool.idle.append(connection)
            return pool.idle.count > configuration.idleConnectionsMax ? pool.idle.removeFirst() : nil
        }
        surplus?.close()
    }

    private var host: (name: String, header: String) {
        switch configuration.address {
        case .tcp(let host, let port):
            let name = configuration.serverName ?? host
            let shown = name.utf8.contains(UInt8(ascii: ":")) ? "[\(name)]" : name
            return (name, port == (configuration.tls == nil ? 80 : 443) ? shown : "\(shown):\(port)")
        case .unix: return (configuration.serverName ?? "localhost", configuration.serverName ?? "localhost")
        }
    }

    private func withTimeout<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let timeout = configuration.responseTimeout else { return try await body() }
        let address = configuration.address
        return try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw HTTPClientError.timeout(address, after: timeout)
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}

extension HTTPClientRequest {
    fileprivate var isIdempotent: Bool {
        method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS"
    }
}

/// One HTTP request with its whole body. What `HTTPHandler` gets, whether it came over a socket or from this process.
package struct HTTPRequest: Sendable {
    /// Upper case: `GET`.
    package var method: String
    /// As sent, still percent-encoded, without the query: `/api/v1/pods`.
    package var path: String
    /// As sent, without `?`; `nil` where there is none.
    package var query: String?
    package var headers: HTTPFields
    package var body: [UInt8]
    package var connection: HTTPConnection

    package init(
        method: String, path: String, query: String? = nil, headers: HTTPFields = HTTPFields(), body: [UInt8] = [],
        connection: HTTPConnection
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.connection = connection
    }
}

/// Header fields in order. Names are compared without case.
package struct HTTPFields: Sendable, ExpressibleByDictionaryLiteral {
    package var entries: [(name: String, value: String)]

    package init(_ entries: [(name: String, value: String)] = []) {
        self.entries = entries
    }

    package init(dictionaryLiteral elements: (String, String)...) {
        entries = elements.map { (name: $0.0, value: $0.1) }
    }

    /// The first value of `name`. Setting replaces all values of that name; `nil` removes them.
    package subscript(name: String) -> String? {
        get { entries.first { $0.name.equalsIgnoringASCIICase(name) }?.value }
        set {
            entries.removeAll { $0.name.equalsIgnoringASCIICase(name) }
            if let newValue { entries.append((name, newValue)) }
        }
    }

    package func values(of name: String) -> [String] {
        entries.filter { $0.name.equalsIgnoringASCIICase(name) }.map(\.value)
    }

    package mutating func add(_ name: String, _ value: String) {
        entries.append((name, value))
    }
}

extension String {
    fileprivate func equalsIgnoringASCIICase(_ other: String) -> Bool {
        utf8.count == other.utf8.count
            && zip(utf8, other.utf8).allSatisfy { left, right in
                left == right || (left | 0x20 == right | 0x20 && (0x61...0x7a).contains(left | 0x20))
            }
    }
}

/// What sends an answer. Exactly one of its methods is called, once, from any thread.
package protocol HTTPResponder: Sendable {
    /// A complete answer. `Content-Length` is set by the transport.
    func respond(status: Int, headers: HTTPFields, body: HTTPBody)

    /// An answer that comes over time (watch, logs): head is flushed at once, then `stream` is pulled as the peer reads.
    /// A `Content-Length` among the headers is a promise that `stream` keeps, or breaks off.
    func respond(status: Int, headers: HTTPFields, stream: any HTTPBodyStream)

    /// Answers `101 Switching Protocols` with `headers` and hands over the raw connection.
    /// - Throws: `HTTPUpgradeError` where the connection cannot (HTTP/2) or is gone; no answer has been sent then.
    func upgrade(headers: HTTPFields) async throws -> any ByteStream
}

package enum HTTPUpgradeError: Error, Equatable {
    case notSupported
    case connectionClosed
}

/// The body of a complete answer.
package enum HTTPBody: Sendable {
    case bytes([UInt8])
    /// Pieces sent one after the other without being joined first (a list of stored objects).
    case pieces([[UInt8]])

    package var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .pieces(let pieces): pieces.reduce(0) { $0 + $1.count }
        }
    }
}

/// A body that is produced over time. The transport pulls, so a slow peer slows the producer.
package protocol HTTPBodyStream: AnyObject, Sendable {
    /// Set once, before the first `read`. To be called, from any thread, when bytes (or the end) became available
    /// after `read` returned `.wait`.
    func setWaker(_ wake: @escaping @Sendable () -> Void)

    /// Next bytes, at most about 64 KiB unless a single item is larger. Called on the connection's event loop: must not block.
    func read() -> HTTPBodyPart

    /// The peer went away or the server stops. `read` is not called again.
    func cancel()
}

package enum HTTPBodyPart: Sendable {
    /// One or more buffers to be written in order and flushed.
    case bytes([[UInt8]])
    case wait
    case end
    /// The rest cannot be had. The peer is cut off, so that it does not take what it got for the whole.
    case broken
}

/// A two-way stream of bytes after an upgrade.
package protocol ByteStream: Sendable {
    /// Next bytes; `nil` once the peer has closed its side.
    func read() async throws -> [UInt8]?
    /// Returns once the bytes are handed to the socket (back-pressure).
    func write(_ bytes: [UInt8]) async throws
    /// Closes both directions. Idempotent.
    func close() async
}

/// A stream whose sides can end one after the other.
package protocol HalfClosingByteStream: ByteStream {
    /// Nothing more will be written; what the peer still sends can be read.
    func finish() async
}

/// Answers requests. `APIServer` and the node agent's server are handlers.
package protocol HTTPHandler: Sendable {
    /// Called on the connection's event loop (or on a caller's task in-process): must return quickly and never block.
    /// Work that waits goes into a task that calls `responder` later.
    func handle(_ request: HTTPRequest, _ responder: any HTTPResponder)
}

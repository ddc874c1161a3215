package import Transport

/// Carries a request to an API server: over HTTPS (`HTTPSTransport`) or straight to the handler (`InProcessTransport`).
package protocol ClientTransport: Sendable {
    /// One answer, whole.
    func send(_ request: ClientRequest) async throws -> ClientResponse
    /// The answer's body as it comes, for watches and logs. Throws `APIError` if the status is not 2xx.
    /// Ending the iteration (or cancelling the task) ends the request.
    func stream(_ request: ClientRequest) async throws -> AsyncThrowingStream<[UInt8], any Error>
    /// How long a watch is asked to last, in seconds, so that a silently dead connection is noticed.
    /// `nil` where a connection cannot die unnoticed.
    var watchSeconds: ClosedRange<Int>? { get }
}

/// One request, before any transport's encoding of it.
package struct ClientRequest: Sendable {
    package var method: String
    /// Path with query, percent-encoded.
    package var target: String
    package var contentType: String?
    package var accept: String
    package var userAgent: String
    package var body: [UInt8]

    package init(
        method: String, target: String, contentType: String? = nil, accept: String = "application/json",
        userAgent: String = "skiff", body: [UInt8] = []
    ) {
        self.method = method
        self.target = target
        self.contentType = contentType
        self.accept = accept
        self.userAgent = userAgent
        self.body = body
    }

    /// The headers that both transports send.
    package var headers: HTTPFields {
        var fields: HTTPFields = ["Accept": accept, "User-Agent": userAgent]
        if let contentType { fields.add("Content-Type", contentType) }
        return fields
    }
}

/// One whole answer.
package struct ClientResponse: Sendable {
    package var status: Int
    package var headers: HTTPFields
    package var body: [UInt8]

    package init(status: Int, headers: HTTPFields, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

package import Transport

/// Hands requests straight to an `HTTPHandler` of this process: no socket, no TLS, the same pipeline.
package struct InProcessTransport: ClientTransport {
    private let handler: any HTTPHandler
    private let connection: HTTPConnection

    /// `connection`: carries the caller's identity as its `attachment`.
    package init(handler: any HTTPHandler, connection: HTTPConnection) {
        self.handler = handler
        self.connection = connection
    }

    package var watchSeconds: ClosedRange<Int>? { nil }

    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        let reply = await InProcessHTTP.send(handler, httpRequest(request))
        return ClientResponse(status: reply.status, headers: reply.headers, body: reply.body)
    }

    package func stream(_ request: ClientRequest) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        let reply = await InProcessHTTP.stream(handler, httpRequest(request))
        guard (200..<300).contains(reply.status) else {
            throw APIError(code: reply.status, body: try await reply.collect().body)
        }
        return reply.body
    }

    private func httpRequest(_ request: ClientRequest) -> HTTPRequest {
        let parts = request.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return HTTPRequest(
            method: request.method, path: String(parts[0]), query: parts.count > 1 ? String(parts[1]) : nil,
            headers: request.headers, body: request.body, connection: connection)
    }
}

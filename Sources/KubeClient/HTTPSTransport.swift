package import Transport

/// Sends requests to an API server on another machine (or in another process).
package struct HTTPSTransport: ClientTransport {
    private let client: HTTPClient
    /// Sent as a bearer token, where the client certificate does not say who we are.
    private let bearerToken: (@Sendable () -> String)?

    /// - Parameters:
    ///   - client: knows the address, the CA and the client certificate.
    ///   - bearerToken: asked for each request, since tokens are renewed.
    package init(client: HTTPClient, bearerToken: (@Sendable () -> String)? = nil) {
        self.client = client
        self.bearerToken = bearerToken
    }

    /// As client-go's reflectors have it.
    package var watchSeconds: ClosedRange<Int>? { 300...600 }

    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        let reply = try await client.send(httpRequest(request), bodyBytesMax: Self.bodyBytesMax)
        return ClientResponse(status: reply.status, headers: reply.headers, body: reply.body)
    }

    /// A list larger than this is to be read in pages.
    private static let bodyBytesMax = 256 << 20

    package func stream(_ request: ClientRequest) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        let reply = try await client.stream(httpRequest(request))
        guard (200..<300).contains(reply.status) else {
            throw APIError(code: reply.status, body: try await reply.collect(bytesMax: 1 << 20).body)
        }
        return reply.body
    }

    private func httpRequest(_ request: ClientRequest) -> HTTPClientRequest {
        var headers = request.headers
        if let bearerToken { headers.add("Authorization", "Bearer " + bearerToken()) }
        return HTTPClientRequest(method: request.method, target: request.target, headers: headers, body: request.body)
    }
}

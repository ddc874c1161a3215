internal import APIMachinery
internal import Transport

/// One request passed on and its answer passed back, with no more of either in memory than the transports' buffers.
struct ProxyCall: Sendable {
    let location: ProxyLocation
    let path: ProxyPath
    let request: HTTPRequest
    let responder: any HTTPResponder

    static let connectTimeout = Duration.seconds(30)
    /// From the request to the head of the answer; the body takes as long as it likes.
    static let answerTimeout = Duration.seconds(600)

    /// Any certificate will do, as upstream: nobody issues certificates for addresses of pods.
    private static let anyServer = Result { () throws(TLSError) in
        try TLSClientContext(serverCAsPEM: nil, isVerified: false)
    }

    /// Returns when the answer has begun; an upgraded connection when it has ended.
    func run() async throws(APIError) {
        let isUpgrade = ProxyHeaders.asksForUpgrade(request)
        let client = try makeClient()
        let sent = HTTPClientRequest(
            method: request.method, target: path.target + (request.query.map { "?" + $0 } ?? ""),
            headers: ProxyHeaders.request(request, path, isUpgrade: isUpgrade), body: isUpgrade ? [] : request.body)
        if isUpgrade {
            try await upgrade(sent, client)
        } else {
            try await exchange(sent, client)
        }
    }

    private func makeClient() throws(APIError) -> HTTPClient {
        var configuration = HTTPClient.Configuration(address: .tcp(host: location.host, port: location.port))
        if location.isTLS {
            do throws(TLSError) {
                configuration.tls = try Self.anyServer.get()
            } catch {
                throw .internalError("\(error)")
            }
        }
        configuration.connectTimeout = Self.connectTimeout
        configuration.responseTimeout = Self.answerTimeout
        // One request a client: what is kept alive would outlive the pod's address.
        configuration.idleConnectionsMax = 0
        return HTTPClient(configuration)
    }

    // MARK: Exchange

    private func exchange(_ sent: HTTPClientRequest, _ client: HTTPClient) async throws(APIError) {
        let reply: HTTPStreamingReply
        do {
            reply = try await client.stream(sent)
        } catch {
            throw ProxyFailure.error(error, location)
        }
        var headers = ProxyHeaders.answer(reply.headers)
        let links = LinkRewriter(
            prefix: path.prefix, source: location.authority, requestHost: request.headers["host"] ?? "")
        var rewriter: HTMLRewriter?
        if let redirect = headers["Location"] {
            headers["Location"] = links.rewrite(redirect)
        } else if Self.isPlainHTML(headers) {
            rewriter = HTMLRewriter(links)
            headers["Content-Length"] = nil
        }
        if !hasBody(reply.status), request.connection.isMultiplexed { headers["Content-Length"] = nil }
        pass(reply, headers, rewriter)
    }

    private func pass(_ reply: HTTPStreamingReply, _ headers: HTTPFields, _ rewriter: HTMLRewriter?) {
        let pipe = HTTPBodyPipe()
        // Unstructured: it lives as long as the client reads, which the transport tells the pipe.
        let copy = Task {
            var rewriter = rewriter
            do {
                for try await bytes in reply.body {
                    try await pipe.write(rewriter?.take(bytes) ?? bytes)
                }
                if let rest = rewriter?.finish() { try await pipe.write(rest) }
                pipe.finish()
            } catch {
                pipe.breakOff()
            }
        }
        pipe.onCancel { copy.cancel() }
        responder.respond(status: reply.status, headers: headers, stream: pipe)
    }

    private static func isPlainHTML(_ headers: HTTPFields) -> Bool {
        guard (headers["content-encoding"] ?? "").isEmpty, let type = headers["content-type"] else { return false }
        return type.prefix { $0 != ";" && $0 != " " }.lowercased() == "text/html"
    }

    private func hasBody(_ status: Int) -> Bool {
        request.method != "HEAD" && status != 204 && status != 304
    }

    // MARK: Upgrade

    private func upgrade(_ sent: HTTPClientRequest, _ client: HTTPClient) async throws(APIError) {
        let reply: HTTPUpgradeReply
        do {
            reply = try await client.upgrade(sent)
        } catch {
            throw ProxyFailure.error(error, location)
        }
        switch reply {
        case .refused(let reply):
            guard reply.status >= 400 else {
                throw .plain("invalid upgrade response: status code \(reply.status)")
            }
            var headers = ProxyHeaders.answer(reply.headers)
            headers["Content-Length"] = nil
            responder.respond(status: reply.status, headers: headers, body: .bytes(reply.body))
        case .upgraded(let headers, let behind):
            guard let peer = try? await responder.upgrade(headers: ProxyHeaders.upgraded(headers)) else {
                return await behind.close()
            }
            if let peer = peer as? any HalfClosingByteStream, let behind = behind as? any HalfClosingByteStream {
                await ByteRelay.runToBothEnds(peer, behind)
            } else {
                await ByteRelay.run(peer, behind)
            }
        }
    }
}

/// Why nothing came back, in the words of Go's network library, which clients know.
enum ProxyFailure {
    static func error(_ error: any Error, _ location: ProxyLocation) -> APIError {
        .serviceUnavailable("error trying to reach service: " + words(error, location))
    }

    private static func words(_ error: any Error, _ location: ProxyLocation) -> String {
        let target = HTTPAddress.tcp(host: location.host, port: location.port)
        switch error {
        case HTTPClientError.cannotConnect(_, let reason): return connect(reason, "dial tcp \(target): ")
        case HTTPClientError.connectionClosed(_, let reason):
            if reason.contains("reset") { return "read tcp \(target): read: connection reset by peer" }
            if reason.contains("HTTPParserError") { return "net/http: HTTP/1.x transport connection broken: " + reason }
            return "EOF"
        case HTTPClientError.timeout: return "net/http: timeout awaiting response headers"
        default: return "\(error)"
        }
    }

    private static func connect(_ reason: String, _ dial: String) -> String {
        if reason.contains("refused") { return dial + "connect: connection refused" }
        if reason.contains("Network is unreachable") { return dial + "connect: network is unreachable" }
        if reason.contains("No route to host") { return dial + "connect: no route to host" }
        if reason.lowercased().contains("timeout") || reason.contains("timed out") { return dial + "i/o timeout" }
        if reason.contains("WRONG_VERSION_NUMBER") || reason.contains("HTTP_REQUEST") {
            return "tls: first record does not look like a TLS handshake"
        }
        return dial + reason
    }
}

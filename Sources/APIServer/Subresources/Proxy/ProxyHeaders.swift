internal import Transport

/// What becomes of headers on their way through a proxy.
enum ProxyHeaders {
    /// Those that concern one connection only (RFC 9110 section 7.6.1).
    private static let hopByHop: Set<String> = [
        "connection", "proxy-connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]
    /// What said to the API server who asks is not for what stands behind it.
    private static let credentials: Set<String> = [
        "authorization", "x-remote-user", "x-remote-uid", "x-remote-group",
    ]
    private static let credentialPrefixes = ["impersonate-", "x-remote-extra-"]
    private static let bearerProtocol = "base64url.bearer.authorization.k8s.io."
    /// What a page behind the proxy allows other sites must not be allowed for the API server.
    private static let crossOrigin: Set<String> = [
        "access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
        "access-control-allow-origin",
    ]

    static func asksForUpgrade(_ request: HTTPRequest) -> Bool {
        request.headers["upgrade"] != nil
            && request.headers.values(of: "connection").contains { $0.lowercased().contains("upgrade") }
    }

    /// The headers of the request that is made.
    static func request(_ request: HTTPRequest, _ path: ProxyPath, isUpgrade: Bool) -> HTTPFields {
        let upgrade = isUpgrade ? request.headers["upgrade"] : nil
        var headers = withoutHops(request.headers)
        // The transport frames the body anew, and has already met the client's expectation.
        headers.entries.removeAll { ["content-length", "expect"].contains($0.name.lowercased()) }
        headers.entries.removeAll { field in
            let name = field.name.lowercased()
            return credentials.contains(name) || credentialPrefixes.contains { name.hasPrefix($0) }
        }
        dropBearerProtocol(&headers)
        if let peer = peerAddress(request.connection.remoteAddress) {
            let before = headers.values(of: "x-forwarded-for")
            headers["X-Forwarded-For"] = (before + [peer]).joined(separator: ", ")
        }
        if let upgrade {
            headers.add("Connection", "Upgrade")
            headers.add("Upgrade", upgrade)
        } else {
            headers["X-Forwarded-Uri"] = path.target == "/" ? path.prefix + "/" : path.prefix + path.target
        }
        return headers
    }

    /// The headers of the answer that is passed on.
    static func answer(_ headers: HTTPFields) -> HTTPFields {
        var result = withoutHops(headers)
        result.entries.removeAll { field in
            let name = field.name.lowercased()
            return crossOrigin.contains(name) || name == "date"
        }
        return HTTPFields([(name: "Cache-Control", value: "no-cache, private")] + result.entries)
    }

    /// The headers of a granted upgrade.
    static func upgraded(_ headers: HTTPFields) -> HTTPFields {
        HTTPFields(headers.entries.filter { !["date", "content-length"].contains($0.name.lowercased()) })
    }

    private static func withoutHops(_ headers: HTTPFields) -> HTTPFields {
        var dropped = hopByHop
        for value in headers.values(of: "connection") {
            for name in value.split(separator: ",") { dropped.insert(name.filter { $0 != " " }.lowercased()) }
        }
        return HTTPFields(headers.entries.filter { !dropped.contains($0.name.lowercased()) })
    }

    /// Browsers put the token among a WebSocket's protocols.
    private static func dropBearerProtocol(_ headers: inout HTTPFields) {
        let name = "sec-websocket-protocol"
        let values = headers.values(of: name)
        guard values.contains(where: { $0.contains(bearerProtocol) }) else { return }
        let kept = values.flatMap { $0.split(separator: ",") }.map { String($0.drop { $0 == " " }) }
            .filter { !$0.hasPrefix(bearerProtocol) }
        headers[name] = kept.isEmpty ? nil : kept.joined(separator: ", ")
    }

    /// Without the port; nothing for peers that have no address.
    private static func peerAddress(_ text: String) -> String? {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
        return host.isEmpty ? nil : host
    }
}

/// The opening handshake (RFC 6455 section 4).
package enum WebSocketHandshake {
    /// Why a request cannot become a WebSocket.
    package enum Refusal: Error, Equatable {
        /// Not a WebSocket request at all.
        case notAnUpgrade
        /// `Sec-WebSocket-Key` is missing.
        case missingKey
        /// Not version 13: to be answered with 426 and `Sec-WebSocket-Version: 13`.
        case unsupportedVersion
        /// None of the sub-protocols that the client offers is served.
        case noCommonProtocol(offered: [String])
    }

    package static func isRequested(_ request: HTTPRequest) -> Bool {
        request.method == "GET" && isRequested(in: request.headers)
    }

    /// Judged by the headers alone: `Upgrade: websocket` and `Connection: Upgrade`.
    package static func isRequested(in headers: HTTPFields) -> Bool {
        tokens(headers, "Upgrade").contains { $0.lowercased() == "websocket" }
            && tokens(headers, "Connection").contains { $0.lowercased() == "upgrade" }
    }

    /// The sub-protocols that the client offers, in its order of preference.
    package static func offeredProtocols(_ headers: HTTPFields) -> [String] {
        tokens(headers, "Sec-WebSocket-Protocol")
    }

    /// The headers of the `101`, and the sub-protocol: the client's first that is in `protocols`. A client that offers
    /// none gets none.
    package static func accept(
        _ request: HTTPRequest, protocols: [String]
    ) throws(Refusal) -> (headers: HTTPFields, subprotocol: String?) {
        guard isRequested(request) else { throw .notAnUpgrade }
        guard request.headers["Sec-WebSocket-Version"] == "13" else { throw .unsupportedVersion }
        guard let key = request.headers["Sec-WebSocket-Key"] else { throw .missingKey }
        let offered = offeredProtocols(request.headers)
        let chosen = offered.first { protocols.contains($0) }
        if chosen == nil, !offered.isEmpty { throw .noCommonProtocol(offered: offered) }
        var headers: HTTPFields = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": acceptance(of: key),
        ]
        if let chosen { headers.add("Sec-WebSocket-Protocol", chosen) }
        return (headers, chosen)
    }

    /// A client's request headers.
    package static func offer(protocols: [String]) -> HTTPFields {
        let key = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        var headers: HTTPFields = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": String(decoding: Base64.encode(key), as: UTF8.self),
        ]
        if !protocols.isEmpty { headers.add("Sec-WebSocket-Protocol", protocols.joined(separator: ", ")) }
        return headers
    }

    package static func acceptance(of key: String) -> String {
        let digest = HandshakeDigest.sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return String(decoding: Base64.encode(digest), as: UTF8.self)
    }

    private static func tokens(_ headers: HTTPFields, _ name: String) -> [String] {
        headers.values(of: name).flatMap { $0.split(separator: ",") }.map { token in
            String(token.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
}

internal import APIMachinery
internal import PKI
internal import Transport

/// Finds out who makes a request: by client certificate, by bearer token, or nobody in particular.
struct Authenticator: Sendable {
    let tokens: TokenAuthenticator
    let certificates: CertificateVerifier?
    let clock: @Sendable () -> Time

    /// What a connection's certificate said, so that it is checked once a connection.
    private enum Presented: Sendable {
        case unknown
        case verified(VerifiedCertificate, UserInfo)
    }

    /// - Throws: 401 for credentials that are not valid. No credentials at all make `UserInfo.anonymous`.
    func user(of request: HTTPRequest) throws(APIError) -> UserInfo {
        // In-process clients bring their user along.
        if let user = request.connection.attachment as? UserInfo { return user }
        var isRefused = false
        if request.connection.peerCertificate != nil {
            if let user = certificateUser(request.connection) { return user }
            isRefused = true
        }
        if let token = Self.token(request.headers) {
            if let found = try? tokens.authenticate(token) { return found.user }
            isRefused = true
        }
        guard !isRefused else { throw .unauthorized }
        return .anonymous
    }

    /// CN is the name and O the groups, as upstream has it.
    private func certificateUser(_ connection: HTTPConnection) -> UserInfo? {
        let now = clock().seconds
        switch connection.attachment as? Presented {
        case .unknown: return nil
        case .verified(let certificate, let user): return certificate.isValid(at: now) ? user : nil
        case nil: break
        }
        guard let der = connection.peerCertificate, let verified = certificates?.verify(der: der, at: now),
            !verified.name.commonName.isEmpty
        else {
            connection.attachment = Presented.unknown
            return nil
        }
        let user = UserInfo(
            name: verified.name.commonName, groups: verified.name.organizations + ["system:authenticated"],
            extra: ["authentication.kubernetes.io/credential-id": ["X509SHA256=" + verified.fingerprint]])
        connection.attachment = Presented.verified(verified, user)
        return user
    }

    private static let webSocketPrefix = "base64url.bearer.authorization.k8s.io."

    /// From `Authorization: Bearer`, or from a WebSocket's protocols: browsers cannot set headers for those.
    private static func token(_ headers: HTTPFields) -> String? {
        if let authorization = headers["authorization"] {
            let parts = authorization.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count >= 2, parts[0].lowercased() == "bearer", !parts[1].isEmpty else { return nil }
            return String(parts[1])
        }
        for value in headers.values(of: "sec-websocket-protocol") {
            for part in value.split(separator: ",") {
                let name = part.drop { $0 == " " }
                guard name.hasPrefix(webSocketPrefix),
                    let bytes = Base64URL.decode(String(name.dropFirst(webSocketPrefix.count)))
                else { continue }
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return nil
    }
}

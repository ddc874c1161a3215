internal import PKI
internal import Transport

/// Finds out who makes a request.
struct Authenticator: Sendable {
    let authenticateToken: @Sendable (String) -> UserInfo?

    /// - Throws: 401 for credentials that are not valid. No credentials at all make `UserInfo.anonymous`.
    func user(of request: HTTPRequest) throws(APIError) -> UserInfo {
        // In-process clients bring their user along; for sockets this is the certificate's user, once found.
        if let user = request.connection.attachment as? UserInfo { return user }
        if let certificate = request.connection.peerCertificate, let user = user(certificate: certificate) {
            request.connection.attachment = user
            return user
        }
        guard let authorization = request.headers["authorization"] else { return .anonymous }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return .anonymous }
        guard var user = authenticateToken(trimmed(parts[1])) else { throw .unauthorized }
        if !user.groups.contains("system:authenticated") { user.groups.append("system:authenticated") }
        return user
    }

    /// CN is the name and O the groups, as upstream has it.
    private func user(certificate: [UInt8]) -> UserInfo? {
        guard let name = try? CertificateName(der: certificate), !name.commonName.isEmpty else { return nil }
        return UserInfo(name: name.commonName, groups: name.organizations + ["system:authenticated"])
    }
}

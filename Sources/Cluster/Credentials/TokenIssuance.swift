internal import APIServer
internal import Glibc
internal import PKI

extension ServiceAccountTokens {
    /// Signs what the API server's TokenRequest asks for.
    func sign(_ request: TokenClaims, at now: Int64 = Int64(time(nil))) -> String {
        var claims = ServiceAccountClaims(
            namespace: request.namespace,
            serviceAccount: .init(name: request.serviceAccount, uid: request.serviceAccountUID)
        )
        claims.audiences = request.audiences
        claims.issuedAt = now
        claims.notBefore = now
        claims.expiresAt = now + request.lifetimeSeconds
        if let bound = request.bound {
            let reference = ServiceAccountClaims.Reference(name: bound.name, uid: bound.uid)
            switch bound.kind {
            case "Pod": claims.pod = reference
            case "Secret": claims.secret = reference
            default: claims.node = reference
            }
        }
        if let node = request.nodeName, claims.node == nil { claims.node = .init(name: node, uid: "") }
        return sign(claims)
    }
}

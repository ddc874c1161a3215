internal import APIMachinery
internal import APIServer
internal import Glibc
internal import PKI
internal import Storage

/// Turns a service account's bearer token into its user, as long as the account and what the token is bound to live.
struct TokenAuthentication: Sendable {
    let tokens: ServiceAccountTokens
    let store: any Store

    func user(token: String) -> UserInfo? {
        guard let claims = try? tokens.verify(token, at: Int64(time(nil))),
            lives("serviceaccounts/\(claims.namespace)/\(claims.serviceAccount.name)", claims.serviceAccount)
        else { return nil }
        if let pod = claims.pod, !lives("pods/\(claims.namespace)/\(pod.name)", pod) { return nil }
        if let secret = claims.secret, !lives("secrets/\(claims.namespace)/\(secret.name)", secret) { return nil }
        var extra = ["authentication.kubernetes.io/credential-id": ["JTI=" + claims.id]]
        if let pod = claims.pod {
            extra["authentication.kubernetes.io/pod-name"] = [pod.name]
            extra["authentication.kubernetes.io/pod-uid"] = [pod.uid]
        }
        if let node = claims.node {
            extra["authentication.kubernetes.io/node-name"] = [node.name]
            extra["authentication.kubernetes.io/node-uid"] = [node.uid]
        }
        return UserInfo(
            name: claims.subject, uid: claims.serviceAccount.uid,
            groups: ["system:serviceaccounts", "system:serviceaccounts:" + claims.namespace, "system:authenticated"],
            extra: extra
        )
    }

    /// A deleted object ends its tokens; so does a new one of the same name.
    private func lives(_ path: String, _ reference: ServiceAccountClaims.Reference) -> Bool {
        guard let object = store.get("/registry/" + path) else { return false }
        return reference.uid.isEmpty || MetadataScanner(json: object.value).metadata.uid == reference.uid
    }
}

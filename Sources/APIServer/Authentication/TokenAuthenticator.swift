internal import APIMachinery
internal import PKI
internal import Storage
internal import Synchronization

/// Why a bearer token does not let anybody in. Only TokenReviews show the text.
struct TokenRefusal: Error {
    let reason: String

    /// Of a token that is ours; what no authenticator knows is said first.
    static func because(_ reason: String) -> TokenRefusal {
        TokenRefusal(reason: "[invalid bearer token, \(reason)]")
    }
}

/// Knows bearer tokens: those of ServiceAccounts, as long as the account and what the token is bound to live, and
/// bootstrap tokens.
final class TokenAuthenticator: Sendable {
    /// Signatures that have been verified are remembered up to this number.
    private static let verifiedMax = 256
    /// A bound object that is being deleted keeps its tokens this long past its deletion time.
    private static let leewaySeconds: Int64 = 60

    /// The server's own audience.
    let issuer: String
    private let tokens: ServiceAccountTokens?
    private let store: any Store
    private let clock: @Sendable () -> Time
    private let verified = Mutex<[String: ServiceAccountClaims]>([:])

    init(tokens: ServiceAccountTokens?, store: any Store, clock: @escaping @Sendable () -> Time) {
        self.tokens = tokens
        self.store = store
        self.clock = clock
        issuer = tokens?.issuer ?? ""
    }

    struct Found: Sendable {
        let user: UserInfo
        /// Those of the wanted audiences that the token is for.
        let audiences: [String]
    }

    /// `audiences`: for whom the token may be meant; empty for this server.
    func authenticate(_ token: String, audiences: [String] = []) throws(TokenRefusal) -> Found {
        let wanted = audiences.isEmpty ? [issuer] : audiences
        if wanted.contains(issuer), let user = BootstrapTokens(store: store).user(token, now: clock()) {
            return Found(user: user, audiences: [issuer])
        }
        guard let tokens else { throw TokenRefusal(reason: "invalid bearer token") }
        let claims = try checkedClaims(token, tokens, wanted)
        let meant = claims.isLegacy ? [issuer] : claims.audiences
        return Found(user: try user(claims, token), audiences: wanted.filter(meant.contains))
    }

    private func checkedClaims(
        _ token: String, _ tokens: ServiceAccountTokens, _ wanted: [String]
    ) throws(TokenRefusal) -> ServiceAccountClaims {
        do throws(TokenError) {
            let claims = try signedClaims(token, tokens)
            try tokens.check(claims, audiences: wanted, at: clock().seconds)
            return claims
        } catch {
            guard error != .notOurs else { throw TokenRefusal(reason: "invalid bearer token") }
            throw .because("\(error)")
        }
    }

    private func signedClaims(
        _ token: String, _ tokens: ServiceAccountTokens
    ) throws(TokenError) -> ServiceAccountClaims {
        if let claims = verified.withLock({ $0[token] }) { return claims }
        let claims = try tokens.signedClaims(token)
        verified.withLock { verified in
            if verified.count >= Self.verifiedMax { verified.removeAll(keepingCapacity: true) }
            verified[token] = claims
        }
        return claims
    }

    private func user(_ claims: ServiceAccountClaims, _ token: String) throws(TokenRefusal) -> UserInfo {
        try check(.account, claims.serviceAccount, claims.namespace)
        if claims.isLegacy {
            try checkLegacy(claims, token)
        } else {
            if let pod = claims.pod { try check(.pod, pod, claims.namespace) }
            if let secret = claims.secret { try check(.secret, secret, claims.namespace) }
            if let node = claims.node, claims.pod == nil { try check(.node, node, "") }
        }
        let prefix = "authentication.kubernetes.io/"
        var extra: [String: [String]] = [:]
        if !claims.id.isEmpty { extra[prefix + "credential-id"] = ["JTI=" + claims.id] }
        if let pod = claims.pod {
            extra[prefix + "pod-name"] = [pod.name]
            extra[prefix + "pod-uid"] = [pod.uid]
        }
        if let node = claims.node {
            extra[prefix + "node-name"] = [node.name]
            if !node.uid.isEmpty { extra[prefix + "node-uid"] = [node.uid] }
        }
        return UserInfo(
            name: claims.subject, uid: claims.serviceAccount.uid,
            groups: ["system:serviceaccounts", "system:serviceaccounts:" + claims.namespace, "system:authenticated"],
            extra: extra)
    }

    /// What a token is bound to: where it rests, and upstream's words for it.
    private enum Bound {
        case account, pod, secret, node

        var path: String {
            switch self {
            case .account: "serviceaccounts/"
            case .pod: "pods/"
            case .secret: "secrets/"
            case .node: "minions/"
            }
        }

        func mismatch(_ found: String, _ claimed: String) -> String {
            switch self {
            case .account: "service account UID (\(found)) does not match claim (\(claimed))"
            case .pod: "pod UID (\(found)) does not match service account pod ref claim (\(claimed))"
            case .secret: "secret UID (\(found)) does not match service account secret ref claim (\(claimed))"
            case .node: "node UID (\(found)) does not match service account node ref claim (\(claimed))"
            }
        }
    }

    /// A deleted object ends its tokens; so does a new one of the same name.
    private func check(
        _ kind: Bound, _ reference: ServiceAccountClaims.Reference, _ namespace: String
    ) throws(TokenRefusal) {
        let scope = namespace.isEmpty ? "" : namespace + "/"
        guard let object = store.get("/registry/" + kind.path + scope + reference.name) else {
            throw .because(
                kind == .account
                    ? "serviceaccounts \(quoted(reference.name)) not found"
                    : "service account token has been invalidated")
        }
        let metadata = MetadataScanner(json: object.value).metadata
        guard metadata.uid == reference.uid else {
            throw .because(kind.mismatch(metadata.uid, reference.uid))
        }
        if let deleted = metadata.deletionTimestamp.flatMap({ Time($0) }),
            deleted.seconds < clock().seconds - Self.leewaySeconds
        {
            throw .because("service account token has been invalidated")
        }
    }

    /// The Secret must still hold this very token.
    private func checkLegacy(_ claims: ServiceAccountClaims, _ token: String) throws(TokenRefusal) {
        let name = claims.secret?.name ?? ""
        guard let object = store.get("/registry/secrets/\(claims.namespace)/\(name)") else {
            throw .because("Token has been invalidated")
        }
        let scanner = MetadataScanner(json: object.value)
        let held = scanner.string(at: ["data", "token"]).flatMap { Base64.decode($0.utf8) } ?? []
        guard !scanner.metadata.hasDeletionTimestamp, held == Array(token.utf8) else {
            throw .because("Token does not match server's copy")
        }
    }
}

/// Tokens with which new nodes introduce themselves: Secrets `bootstrap-token-ID` in `kube-system`.
struct BootstrapTokens: Sendable {
    private static let idLength = 6
    private static let secretLength = 16

    let store: any Store

    /// `nil` for anything that is not a valid bootstrap token now.
    func user(_ token: String, now: Time) -> UserInfo? {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard token.utf8.count == Self.idLength + 1 + Self.secretLength, parts.count == 2,
            parts[0].count == Self.idLength, parts.allSatisfy({ $0.allSatisfy(Self.isPlain) })
        else { return nil }
        let id = String(decoding: Array(parts[0]), as: UTF8.self)
        guard let object = store.get("/registry/secrets/kube-system/bootstrap-token-" + id) else { return nil }
        let scanner = MetadataScanner(json: object.value)
        func data(_ key: String) -> [UInt8] {
            scanner.string(at: ["data", key]).flatMap { Base64.decode($0.utf8) } ?? []
        }
        func text(_ key: String) -> String { String(decoding: data(key), as: UTF8.self) }
        guard scanner.string(at: ["type"]) == "bootstrap.kubernetes.io/token",
            !scanner.metadata.hasDeletionTimestamp, Self.isSame(data("token-secret"), Array(parts[1])),
            text("token-id") == id, text("usage-bootstrap-authentication") == "true"
        else { return nil }
        let end = text("expiration")
        if !end.isEmpty {
            guard let end = Time(end), now < end else { return nil }
        }
        let extra = text("auth-extra-groups").split(separator: ",").map(String.init)
        guard extra.allSatisfy({ $0.hasPrefix("system:bootstrappers:") }) else { return nil }
        return UserInfo(
            name: "system:bootstrap:" + id,
            groups: Set(extra + ["system:bootstrappers"]).sorted() + ["system:authenticated"])
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Takes the same time wherever the first difference is.
    private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

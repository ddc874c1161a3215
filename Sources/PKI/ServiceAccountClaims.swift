internal import APIMachinery

/// What a service-account token says, in upstream's claims
/// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/).
package struct ServiceAccountClaims: Sendable, Equatable {
    /// An object that the token is bound to.
    package struct Reference: Sendable, Equatable {
        package var name: String
        package var uid: String

        package init(name: String, uid: String) {
            self.name = name
            self.uid = uid
        }
    }

    package var issuer = ""
    package var audiences: [String] = []
    /// Seconds since 1970.
    package var issuedAt: Int64 = 0
    package var notBefore: Int64 = 0
    package var expiresAt: Int64 = 0
    /// Clients should have a newer token from here on; `nil` if nothing is said.
    package var warnAfter: Int64?
    /// `jti`: unique for every token.
    package var id = ""
    package var namespace: String
    package var serviceAccount: Reference
    package var pod: Reference?
    package var node: Reference?
    package var secret: Reference?
    /// Of a token that rests in a Secret: without an end, and in claims of its own.
    package var isLegacy = false

    static let legacyIssuer = "kubernetes/serviceaccount"

    package init(namespace: String, serviceAccount: Reference) {
        self.namespace = namespace
        self.serviceAccount = serviceAccount
    }

    /// The user name, `system:serviceaccount:NAMESPACE:NAME`.
    package var subject: String { "system:serviceaccount:\(namespace):\(serviceAccount.name)" }

    var json: Value {
        if isLegacy { return legacyJSON }
        var kubernetes: [(key: String, value: Value)] = [("namespace", .string(namespace))]
        if let node { kubernetes.append(("node", node.json)) }
        if let pod { kubernetes.append(("pod", pod.json)) }
        if let secret { kubernetes.append(("secret", secret.json)) }
        kubernetes.append(("serviceaccount", serviceAccount.json))
        if let warnAfter { kubernetes.append(("warnafter", .int(warnAfter))) }
        return .object(
            OrderedFields([
                ("aud", .array(audiences.map { .string($0) })), ("exp", .int(expiresAt)), ("iat", .int(issuedAt)),
                ("iss", .string(issuer)), ("jti", .string(id)), ("kubernetes.io", .object(OrderedFields(kubernetes))),
                ("nbf", .int(notBefore)), ("sub", .string(subject)),
            ])
        )
    }

    private static let legacyPrefix = "kubernetes.io/serviceaccount/"

    private var legacyJSON: Value {
        .object(
            OrderedFields([
                ("iss", .string(Self.legacyIssuer)), (Self.legacyPrefix + "namespace", .string(namespace)),
                (Self.legacyPrefix + "secret.name", .string(secret?.name ?? "")),
                (Self.legacyPrefix + "service-account.name", .string(serviceAccount.name)),
                (Self.legacyPrefix + "service-account.uid", .string(serviceAccount.uid)), ("sub", .string(subject)),
            ])
        )
    }

    private init?(legacy json: Value) {
        guard case .string(let namespace)? = json[Self.legacyPrefix + "namespace"],
            case .string(let account)? = json[Self.legacyPrefix + "service-account.name"],
            case .string(let uid)? = json[Self.legacyPrefix + "service-account.uid"],
            case .string(let secret)? = json[Self.legacyPrefix + "secret.name"]
        else { return nil }
        self.init(namespace: namespace, serviceAccount: Reference(name: account, uid: uid))
        guard case .string(subject)? = json["sub"] else { return nil }
        self.secret = Reference(name: secret, uid: "")
        issuer = Self.legacyIssuer
        isLegacy = true
    }

    /// `nil` if a claim that every token has is missing or of another type.
    init?(json: Value) {
        if case .string(Self.legacyIssuer)? = json["iss"] {
            self.init(legacy: json)
            return
        }
        guard let kubernetes = json["kubernetes.io"],
            case .string(let namespace)? = kubernetes["namespace"],
            let account = kubernetes["serviceaccount"].flatMap({ Reference(json: $0) }),
            case .int(let expiresAt)? = json["exp"], case .string(let issuer)? = json["iss"]
        else { return nil }
        self.init(namespace: namespace, serviceAccount: account)
        guard case .string(subject)? = json["sub"] else { return nil }
        self.issuer = issuer
        self.expiresAt = expiresAt
        switch json["aud"] {
        case .string(let audience)?: audiences = [audience]
        case .array(let list)?:
            for case .string(let audience) in list { audiences.append(audience) }
        default: break
        }
        if case .int(let time)? = json["iat"] { issuedAt = time }
        if case .int(let time)? = json["nbf"] { notBefore = time }
        if case .string(let text)? = json["jti"] { id = text }
        if case .int(let time)? = kubernetes["warnafter"] { warnAfter = time }
        pod = kubernetes["pod"].flatMap { Reference(json: $0) }
        node = kubernetes["node"].flatMap { Reference(json: $0) }
        secret = kubernetes["secret"].flatMap { Reference(json: $0) }
    }
}

extension ServiceAccountClaims.Reference {
    fileprivate var json: Value {
        var fields: [(key: String, value: Value)] = [("name", .string(name))]
        if !uid.isEmpty { fields.append(("uid", .string(uid))) }
        return .object(OrderedFields(fields))
    }

    fileprivate init?(json: Value) {
        guard case .string(let name)? = json["name"] else { return nil }
        self.init(name: name, uid: "")
        if case .string(let uid)? = json["uid"] { self.uid = uid }
    }
}

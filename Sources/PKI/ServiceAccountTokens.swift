internal import APIMachinery
internal import Crypto
internal import FoundationEssentials

/// Why a bearer token is not accepted. The texts are upstream's.
package enum TokenError: Error, Equatable, CustomStringConvertible {
    /// Not a service-account token of this cluster at all: another authenticator may know it.
    case notOurs
    case invalidSignature
    case expired
    case notYetValid
    case wrongAudience(found: [String], wanted: [String])

    package var description: String {
        switch self {
        case .notOurs: "invalid bearer token"
        case .invalidSignature: "go-jose/go-jose: error in cryptographic primitive"
        case .expired: "service account token has expired"
        case .notYetValid: "service account token is not valid yet"
        case .wrongAudience(let found, let wanted):
            "token audiences \(Self.list(found)) is invalid for the target audiences \(Self.list(wanted))"
        }
    }

    private static func list(_ audiences: [String]) -> String {
        "[" + audiences.map { "\"\($0)\"" }.joined(separator: " ") + "]"
    }
}

/// Signs and verifies service-account tokens: JSON Web Tokens with ES256 (RFC 7519, RFC 7518).
package struct ServiceAccountTokens: Sendable {
    /// Longer texts are not tokens of ours.
    static let tokenBytesMax = 16_384

    /// What tokens say they come from, and the audience of the API server itself.
    package let issuer: String
    private let key: P256.Signing.PrivateKey
    private let keyID: String
    private let header: String

    private init(key: P256.Signing.PrivateKey, issuer: String) {
        self.key = key
        self.issuer = issuer
        keyID = Base64URL.encode(Array(SHA256.hash(data: key.publicKey.derRepresentation)))
        header = Base64URL.encode(Array(#"{"alg":"ES256","kid":"\#(keyID)"}"#.utf8))
    }

    /// The key in `DIRECTORY/service-account.key`, made on the first start.
    package static func loadOrCreate(
        directory: String, issuer: String = "https://kubernetes.default.svc.cluster.local"
    ) throws(PKIError) -> ServiceAccountTokens {
        let path = directory + "/service-account.key"
        if let pem = try PrivateFile.read(path) {
            do {
                let key = try P256.Signing.PrivateKey(pemRepresentation: String(decoding: pem, as: UTF8.self))
                return ServiceAccountTokens(key: key, issuer: issuer)
            } catch {
                throw .malformed(path: path, reason: "not a P-256 private key")
            }
        }
        let key = P256.Signing.PrivateKey()
        try PrivateFile.write(Array((key.pemRepresentation + "\n").utf8), to: path)
        return ServiceAccountTokens(key: key, issuer: issuer)
    }

    /// A token that says `claims`. Fills in the issuer, the id, and this server as audience where there is none.
    package func sign(_ claims: ServiceAccountClaims) -> String {
        var claims = claims
        claims.issuer = claims.isLegacy ? ServiceAccountClaims.legacyIssuer : issuer
        if claims.audiences.isEmpty { claims.audiences = [issuer] }
        if claims.id.isEmpty { claims.id = Self.randomID() }
        let payload = header + "." + Base64URL.encode(claims.json.jsonBytes())
        do {
            let signature = try key.signature(for: Array(payload.utf8))
            return payload + "." + Base64URL.encode(Array(signature.rawRepresentation))
        } catch {
            // BoringSSL fails here only when it is out of memory or has no random numbers.
            preconditionFailure("sign token: \(error)")
        }
    }

    /// What a token of this cluster says.
    ///
    /// Whether the service account and the bound objects still exist is for the caller to check.
    /// `audiences` are those the token may be meant for: one in common is enough; empty stands for this server.
    package func verify(
        _ token: String, audiences: [String] = [], at now: Int64
    ) throws(TokenError) -> ServiceAccountClaims {
        let claims = try signedClaims(token)
        try check(claims, audiences: audiences, at: now)
        return claims
    }

    /// The claims of a token that this cluster signed, whether they hold now or not.
    package func signedClaims(_ token: String) throws(TokenError) -> ServiceAccountClaims {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard token.utf8.count <= Self.tokenBytesMax, parts.count == 3,
            let headerBytes = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signatureBytes = Base64URL.decode(parts[2]),
            let head = try? Value(json: headerBytes), case .string("ES256")? = head["alg"],
            let body = try? Value(json: payload), let claims = ServiceAccountClaims(json: body),
            claims.issuer == (claims.isLegacy ? ServiceAccountClaims.legacyIssuer : issuer)
        else { throw .notOurs }
        guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signatureBytes),
            key.publicKey.isValidSignature(
                signature, for: Array(token.utf8.prefix(parts[0].count + 1 + parts[1].count)))
        else { throw .invalidSignature }
        return claims
    }

    /// Whether claims hold at `now` and for one of `audiences`.
    package func check(
        _ claims: ServiceAccountClaims, audiences: [String] = [], at now: Int64
    ) throws(TokenError) {
        let wanted = audiences.isEmpty ? [issuer] : audiences
        // The tokens in Secrets are for this server and have no end.
        let found = claims.isLegacy ? [issuer] : claims.audiences
        guard found.contains(where: wanted.contains) else { throw .wrongAudience(found: found, wanted: wanted) }
        if claims.isLegacy { return }
        if claims.expiresAt <= now { throw .expired }
        if claims.notBefore > now + ClusterCA.skewSeconds / 60 { throw .notYetValid }
    }

    /// The public key as a JSON Web Key Set (RFC 7517): what `/openid/v1/jwks` answers.
    package var jwks: [UInt8] {
        let point = Array(key.publicKey.rawRepresentation)
        let text =
            #"{"keys":[{"use":"sig","kty":"EC","kid":"\#(keyID)","crv":"P-256","alg":"ES256","#
            + #""x":"\#(Base64URL.encode(Array(point[..<32])))","y":"\#(Base64URL.encode(Array(point[32...])))"}]}"#
        return Array(text.utf8)
    }

    /// A random UUID (RFC 9562, version 4).
    private static func randomID() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let groups = [digits[0..<4], digits[4..<6], digits[6..<8], digits[8..<10], digits[10..<16]]
        return groups.map { $0.joined() }.joined(separator: "-")
    }
}

internal import APIMachinery
internal import Testing

@testable internal import PKI

@Suite struct `Service account tokens` {
    private let directory: TemporaryDirectory
    private let otherDirectory: TemporaryDirectory
    private let tokens: ServiceAccountTokens
    private let now: Int64 = 1_700_000_000

    init() throws {
        directory = try TemporaryDirectory()
        otherDirectory = try TemporaryDirectory()
        tokens = try ServiceAccountTokens.loadOrCreate(directory: directory.path)
    }

    private func claims() -> ServiceAccountClaims {
        var claims = ServiceAccountClaims(namespace: "default", serviceAccount: .init(name: "builder", uid: "u-1"))
        claims.issuedAt = now
        claims.notBefore = now
        claims.expiresAt = now + 3600
        claims.pod = .init(name: "p", uid: "u-2")
        claims.node = .init(name: "n", uid: "u-3")
        return claims
    }

    @Test func `say what was signed, also after a restart`() throws {
        let token = tokens.sign(claims())
        let again = try ServiceAccountTokens.loadOrCreate(directory: directory.path)
        let read = try again.verify(token, at: now + 10)
        #expect(read.subject == "system:serviceaccount:default:builder")
        #expect(read.audiences == ["https://kubernetes.default.svc.cluster.local"])
        #expect(read.id.utf8.count == 36)
        var expected = claims()
        expected.issuer = read.issuer
        expected.audiences = read.audiences
        expected.id = read.id
        #expect(read == expected)
    }

    @Test func `have upstream's claims`() throws {
        let payload = try #require(tokens.sign(claims()).split(separator: ".").dropFirst().first)
        let json = try Value(json: try #require(Base64URL.decode(payload.utf8)))
        #expect(json["sub"] == .string("system:serviceaccount:default:builder"))
        #expect(json["kubernetes.io"]?["serviceaccount"]?["name"] == .string("builder"))
        #expect(json["kubernetes.io"]?["pod"]?["uid"] == .string("u-2"))
        #expect(json["exp"] == .int(now + 3600))
    }

    @Test func `are refused when late, early, for others, changed or foreign`() throws {
        let token = tokens.sign(claims())
        #expect(throws: TokenError.expired) { try tokens.verify(token, at: now + 3600) }
        #expect(throws: TokenError.notYetValid) { try tokens.verify(token, at: now - 3600) }
        #expect(throws: TokenError.wrongAudience(found: [tokens.issuer], wanted: ["vault"])) {
            try tokens.verify(token, audiences: ["vault"], at: now)
        }
        let other = try ServiceAccountTokens.loadOrCreate(directory: otherDirectory.path)
        #expect(throws: TokenError.invalidSignature) { try other.verify(token, at: now) }
        let parts = token.split(separator: ".")
        let changed = tokens.sign(
            {
                var claims = claims(); claims.namespace = "kube-system"; return claims
            }()
        )
        .split(separator: ".")
        #expect(throws: TokenError.invalidSignature) {
            try tokens.verify([parts[0], changed[1], parts[2]].joined(separator: "."), at: now)
        }
        for text in ["", "a.b.c", "...", "\(parts[0]).\(parts[1])", String(repeating: "x", count: 100_000)] {
            #expect(throws: TokenError.notOurs) { try tokens.verify(text, at: now) }
        }
        #expect(throws: TokenError.notOurs) {
            let none = Base64URL.encode(Array(#"{"alg":"none"}"#.utf8))
            return try tokens.verify("\(none).\(parts[1]).", at: now)
        }
    }

    @Test func `can be verified by others with the key set`() throws {
        let set = try Value(json: tokens.jwks)
        guard case .array(let keys)? = set["keys"], let key = keys.first else {
            Issue.record("no keys in \(set)")
            return
        }
        #expect(key["alg"] == .string("ES256"))
        guard case .string(let x)? = key["x"], case .string(let y)? = key["y"] else {
            Issue.record("no point in \(key)")
            return
        }
        #expect(Base64URL.decode(x.utf8)?.count == 32)
        #expect(Base64URL.decode(y.utf8)?.count == 32)
    }

    @Test(arguments: [[], [0], [255, 254], [1, 2, 3], Array(0...255)] as [[UInt8]])
    func `base64 of any length comes back`(bytes: [UInt8]) {
        #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
    }
}

internal import APIMachinery
internal import PKI
internal import Transport

/// What others need to verify this cluster's tokens by themselves: OpenID discovery and the public key.
struct IssuerDocuments: DocumentHandler {
    let tokens: ServiceAccountTokens
    /// Where clients reach this server: `https://192.0.2.1:6443`.
    let serverURL: String

    func respond(to request: HTTPRequest) -> DocumentResponse? {
        switch request.path {
        case "/.well-known/openid-configuration", "/.well-known/openid-configuration/":
            answer(configuration.jsonBytes(), type: "application/json", request)
        case "/openid/v1/jwks", "/openid/v1/jwks/": answer(tokens.jwks, type: "application/jwk-set+json", request)
        default: nil
        }
    }

    private var configuration: Value {
        [
            "issuer": .string(tokens.issuer), "jwks_uri": .string(serverURL + "/openid/v1/jwks"),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        ]
    }

    private func answer(_ body: [UInt8], type: String, _ request: HTTPRequest) -> DocumentResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return refusal(.methodNotAllowed)
        }
        guard isAcceptable(type, request.headers["accept"] ?? "") else { return refusal(.notAcceptable([type])) }
        return DocumentResponse(
            headers: ["Content-Type": type, "Cache-Control": "public, max-age=3600"], body: body)
    }

    private func refusal(_ error: APIError) -> DocumentResponse {
        DocumentResponse(
            status: error.code, headers: ["Content-Type": "application/json"], body: error.status.jsonBytes())
    }

    private func isAcceptable(_ type: String, _ accept: String) -> Bool {
        let ranges = accept.split(separator: ",").map { MediaRange(String($0)).type }
        return ranges.isEmpty || ranges.contains { $0 == type || $0 == "*/*" || $0 == "application/*" }
    }
}

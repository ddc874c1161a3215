internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging
internal import PKI
internal import Transport

/// Stands before the node agent's handler on the node's own port: who asks, and whether they may. Nobody is anonymous
/// here (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/).
///
/// Certificates of the cluster's authority are known by themselves; tokens and rights are asked of the API server, so
/// that what it takes back is taken back here with the next request.
struct KubeletGate: HTTPHandler {
    let client: Client
    let certificates: CertificateVerifier
    let nodeName: String
    let handler: any HTTPHandler
    let logger: Logger

    /// A certificate's user, kept for the connection.
    private struct Presented: Sendable {
        let certificate: VerifiedCertificate
    }

    func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        // The task belongs to the request: it ends with the answer of the API server.
        Task {
            do throws(APIError) {
                guard let user = try await user(of: request) else {
                    return Self.refuse(responder, 401, "Unauthorized")
                }
                if let refusal = try await refusal(user, request) {
                    return Self.refuse(responder, 403, refusal)
                }
                handler.handle(request, responder)
            } catch {
                logger.warning("cannot tell who may use the kubelet's port: \(error.message)")
                Self.refuse(responder, 500, "Internal Error")
            }
        }
    }

    private static func refuse(_ responder: any HTTPResponder, _ status: Int, _ text: String) {
        responder.respond(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"],
            body: .bytes(Array((text + "\n").utf8)))
    }

    // MARK: - Who

    private func user(of request: HTTPRequest) async throws(APIError) -> UserInfo? {
        if let user = certificateUser(request.connection) { return user }
        guard let token = Self.token(request.headers) else { return nil }
        var review = TokenReview()
        review.spec.token = token
        let answer = try await client.create(review).status
        return answer.authenticated == true ? answer.user : nil
    }

    private func certificateUser(_ connection: HTTPConnection) -> UserInfo? {
        let now = Time.now().seconds
        if connection.attachment == nil, let der = connection.peerCertificate,
            let verified = certificates.verify(der: der, at: now), !verified.name.commonName.isEmpty
        {
            connection.attachment = Presented(certificate: verified)
        }
        guard let known = connection.attachment as? Presented, known.certificate.isValid(at: now) else { return nil }
        var user = UserInfo()
        user.username = known.certificate.name.commonName
        user.groups = known.certificate.name.organizations + ["system:authenticated"]
        return user
    }

    private static func token(_ headers: HTTPFields) -> String? {
        let parts = (headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    // MARK: - What

    /// `nil` if any of the rights that would do is there.
    private func refusal(_ user: UserInfo, _ request: HTTPRequest) async throws(APIError) -> String? {
        let access = KubeletAccess(request)
        for subresource in access.subresources {
            var review = SubjectAccessReview()
            review.spec.user = user.username
            review.spec.groups = user.groups
            review.spec.uid = user.uid
            review.spec.extra = user.extra
            var attributes = ResourceAttributes()
            attributes.verb = access.verb
            attributes.version = "v1"
            attributes.resource = "nodes"
            attributes.subresource = subresource
            attributes.name = nodeName
            review.spec.resourceAttributes = attributes
            if try await client.create(review).status.allowed { return nil }
        }
        return "Forbidden (user=\(user.username ?? ""), verb=\(access.verb), resource=nodes, "
            + "subresource(s)=[\(access.subresources.joined(separator: " "))])"
    }
}

/// Which right a request to the node agent needs: a verb on a subresource of `nodes`, the narrow one or else `proxy`
/// (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#fine-grained-authorization).
struct KubeletAccess: Equatable {
    var verb: String
    /// Tried in this order; one is enough.
    var subresources: [String]

    init(_ request: HTTPRequest) {
        self.init(method: request.method, path: request.path)
    }

    init(method: String, path: String) {
        // Decoded, as the paths are when they are served: `/%65xec` is `/exec`.
        let first =
            path.split(separator: "/").first.map { String($0).removingPercentEncoding } ?? ""
        switch method {
        case "POST": verb = "create"
        case "PUT": verb = "update"
        case "PATCH": verb = "patch"
        case "DELETE": verb = "delete"
        default: verb = "get"
        }
        // A GET that becomes a shell has to be allowed as a create, or who may only look could run commands.
        if Self.sessions.contains(first) { verb = "create" }
        switch first {
        case "stats", "metrics", "checkpoint", "statusz", "flagz": subresources = [first]
        case "logs": subresources = ["log"]
        case "pods", "runningpods": subresources = ["pods", "proxy"]
        case "healthz", "configz": subresources = [first, "proxy"]
        default: subresources = ["proxy"]
        }
    }

    /// What runs commands in containers or reaches into them.
    static let sessions: Set<String> = ["exec", "attach", "run", "portForward"]
}

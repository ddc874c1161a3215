internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging
internal import PKI

/// Approves what nodes may ask for by themselves, signs what is approved, and clears old requests away.
struct CertificateController: Reconciler {
    let requests: Lister<CertificateSigningRequest>
    let client: Client
    let authority: ClusterCA

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let request = requests[key] else { return .never }
        if request.status.certificate.isEmpty, !request.hasVerdict, try await approve(request) { return .never }
        if request.isApproved, request.status.certificate.isEmpty, !request.has("Failed") {
            try await sign(request)
            return .never
        }
        return try await clear(request)
    }

    // MARK: Approving

    /// Whether the request was approved just now.
    private func approve(_ request: CertificateSigningRequest) async throws(APIError) -> Bool {
        guard request.spec.signerName == CertificateSigner.kubeletClient.name,
            let wanted = try? CertificateRequest(pem: request.spec.request),
            CertificateSigner.kubeletClient.refusal(wanted, request.spec.usages) == nil
        else { return false }
        let isOwn = request.spec.username == wanted.commonName
        for (subresource, applies, whose) in [
            ("selfnodeclient", isOwn, "self kubelet"), ("nodeclient", true, "kubelet"),
        ]
        where applies {
            guard try await isAllowed(request, subresource) else { continue }
            var approved = request
            approved.status.conditions.append(
                .make(
                    "Approved", reason: "AutoApproved",
                    message: "Auto approving \(whose) client certificate after SubjectAccessReview."))
            try await client.update(approved, subresource: "approval")
            return true
        }
        return false
    }

    private func isAllowed(
        _ request: CertificateSigningRequest, _ subresource: String
    ) async throws(APIError) -> Bool {
        var review = SubjectAccessReview()
        review.spec.user = request.spec.username
        review.spec.uid = request.spec.uid
        review.spec.groups = request.spec.groups
        review.spec.extra = request.spec.extra
        var attributes = ResourceAttributes()
        attributes.group = "certificates.k8s.io"
        attributes.version = "v1"
        attributes.resource = "certificatesigningrequests"
        attributes.subresource = subresource
        attributes.verb = "create"
        review.spec.resourceAttributes = attributes
        return try await client.create(review).status.allowed
    }

    // MARK: Signing

    private func sign(_ request: CertificateSigningRequest) async throws(APIError) {
        guard let signer = CertificateSigner.all.first(where: { $0.name == request.spec.signerName }) else { return }
        var signed = request
        do throws(PKIError) {
            let wanted = try CertificateRequest(pem: request.spec.request)
            if let why = signer.refusal(wanted, request.spec.usages) {
                signed.status.conditions.append(.make("Failed", reason: "SignerValidationFailure", message: why))
            } else {
                signed.status.certificate = try authority.sign(
                    wanted, usages: request.spec.usages,
                    lifetimeSeconds: request.spec.expirationSeconds.map { Int64($0) })
            }
        } catch {
            signed.status.conditions.append(
                .make("Failed", reason: "SignerValidationFailure", message: error.description))
        }
        try await client.updateStatus(signed)
    }

    // MARK: Clearing away

    private static let answeredLife = Duration.seconds(3600)
    private static let pendingLife = Duration.seconds(24 * 3600)

    /// Answers are kept for an hour, questions for a day.
    private func clear(_ request: CertificateSigningRequest) async throws(APIError) -> Requeue {
        var remaining: Duration?
        let now = Time.now()
        if let created = request.metadata.creationTimestamp {
            remaining = created + (request.hasVerdict ? Self.answeredLife : Self.pendingLife) - now
        }
        for condition in request.status.conditions {
            guard let updated = condition.lastUpdateTime else { continue }
            remaining = updated + Self.answeredLife - now
        }
        guard let remaining else { return .never }
        guard remaining <= .zero else { return .after(remaining) }
        do throws(APIError) {
            try await client.delete(CertificateSigningRequest.self, request.key)
        } catch {
            guard error.isNotFound else { throw error }
        }
        return .never
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, authority: ClusterCA, workers: Int, logger: Logger
    ) -> ControllerRunner<CertificateController> {
        let requests = informers.informer(for: CertificateSigningRequest.self)
        let queue = WorkQueue<ObjectKey>()
        requests.addHandler { queue.add($0.key) }
        return ControllerRunner(
            name: "certificate-controller",
            reconciler: CertificateController(requests: requests.lister, client: client, authority: authority),
            queue: queue, workers: workers, logger: logger)
    }
}

extension CertificateSigningRequest {
    func has(_ type: String) -> Bool { status.conditions.contains { $0.type == type && $0.status != "False" } }
    var isApproved: Bool { has("Approved") && !has("Denied") }
    var hasVerdict: Bool { has("Approved") || has("Denied") }
}

extension CertificateSigningRequestCondition {
    fileprivate static func make(
        _ type: String, reason: String, message: String
    ) -> CertificateSigningRequestCondition {
        var condition = CertificateSigningRequestCondition()
        condition.type = type
        condition.status = "True"
        condition.reason = reason
        condition.message = message
        return condition
    }
}

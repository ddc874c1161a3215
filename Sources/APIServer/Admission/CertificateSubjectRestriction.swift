internal import APIMachinery
internal import PKI

/// Nobody gets a client certificate of the administrators' group by asking for one.
struct CertificateSubjectRestriction: AdmissionPlugin {
    private static let signer = "kubernetes.io/kube-apiserver-client"
    private static let group = "system:masters"

    func concerns(_ resource: Resource) -> Bool {
        resource.id == ResourceID(group: "certificates.k8s.io", plural: "certificatesigningrequests")
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        let spec = request.object["spec"] ?? [:]
        guard request.operation == .create, request.subresource.isEmpty, spec.text("signerName") == Self.signer,
            let wanted = try? CertificateRequest(pem: Base64.decode(spec.text("request").utf8) ?? []),
            wanted.organizations.contains(Self.group)
        else { return }
        throw request.forbidden("use of \(Self.signer) signer with \(Self.group) group is not allowed")
    }
}

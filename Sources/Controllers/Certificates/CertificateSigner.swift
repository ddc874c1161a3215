internal import PKI

/// One of the signers that Kubernetes itself knows, and what it demands of a request
/// (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers).
struct CertificateSigner: Sendable {
    let name: String
    /// Why a request cannot be signed; `nil` if it can.
    let refusal: @Sendable (_ request: CertificateRequest, _ usages: [String]) -> String?

    static let client = CertificateSigner(name: "kubernetes.io/kube-apiserver-client") { _, usages in
        let optional: Set<String> = ["digital signature", "key encipherment", "client auth"]
        if let other = usages.first(where: { !optional.contains($0) }) {
            return "invalid usage for client certificate: \(other)"
        }
        return usages.contains("client auth") ? nil : "missing required usage for client certificate: client auth"
    }

    static let kubeletClient = CertificateSigner(name: "kubernetes.io/kube-apiserver-client-kubelet") {
        request, usages in
        if request.organizations != ["system:nodes"] { return "subject organization is not system:nodes" }
        if request.hasDNSNames { return "DNS subjectAltNames are not allowed" }
        if request.hasEmails { return "Email subjectAltNames are not allowed" }
        if request.hasAddresses { return "IP subjectAltNames are not allowed" }
        if request.hasURIs { return "URI subjectAltNames are not allowed" }
        return nodeName(request) ?? mismatch(usages, with: "client auth")
    }

    static let kubeletServing = CertificateSigner(name: "kubernetes.io/kubelet-serving") { request, usages in
        if request.organizations != ["system:nodes"] { return "subject organization is not system:nodes" }
        if !request.hasDNSNames && !request.hasAddresses { return "DNS or IP subjectAltName is required" }
        if request.hasEmails { return "Email subjectAltNames are not allowed" }
        if request.hasURIs { return "URI subjectAltNames are not allowed" }
        return mismatch(usages, with: "server auth") ?? nodeName(request)
    }

    static let legacy = CertificateSigner(name: "kubernetes.io/legacy-unknown") { _, _ in nil }

    static let all = [client, kubeletClient, kubeletServing, legacy]

    private static func nodeName(_ request: CertificateRequest) -> String? {
        request.commonName.hasPrefix("system:node:")
            ? nil : "subject common name does not begin with system:node:"
    }

    /// Keys that cannot encipher ask for one usage less.
    private static func mismatch(_ usages: [String], with purpose: String) -> String? {
        let needed: Set<String> = ["digital signature", purpose]
        let given = Set(usages)
        guard given != needed, given != needed.union(["key encipherment"]) else { return nil }
        return "usages did not match [\(needed.union(["key encipherment"]).sorted().joined(separator: " "))]"
    }
}

internal import Glibc
internal import Logging
internal import PKI
internal import Transport

/// Renews the servers' and the administrator's certificates while Skiff runs. Connections made from then on see the
/// new ones; nothing restarts.
struct CertificateRotation: Sendable {
    /// The clock may be set forward, and a sleep may then last too long: so it is looked at this often at least.
    private static let checkInterval = Duration.seconds(12 * 3600)

    let credentials: Credentials
    let context: TLSServerContext
    /// The node agent's; `nil` where there is none.
    let kubelet: TLSServerContext?
    let configuration: ResolvedConfiguration
    let logger: Logger

    func run() async throws {
        var known = try current()
        while true {
            let renewal = min(known.server.renewalTime, known.admin.renewalTime, known.kubelet?.renewalTime ?? .max)
            let due = renewal - Int64(time(nil))
            try await Task.sleep(for: min(.seconds(max(1, due)), Self.checkInterval))
            do {
                let current = try current()
                if current.server != known.server {
                    try reload(context, current.server)
                    logger.notice("the server's certificate was renewed")
                }
                if let kubelet, let certificate = current.kubelet, certificate != known.kubelet {
                    try reload(kubelet, certificate)
                    logger.notice("the node agent's certificate was renewed")
                }
                if current.admin != known.admin {
                    try KubeconfigFiles(configuration).refresh(credentials)
                    logger.notice("the administrator's certificate was renewed in every kubeconfig that has it")
                }
                known = current
            } catch {
                logger.error("certificates were not renewed; tried again in an hour: \(error)")
                try await Task.sleep(for: .seconds(3600))
            }
        }
    }

    private typealias Certificates = (server: IssuedCertificate, admin: IssuedCertificate, kubelet: IssuedCertificate?)

    private func current() throws -> Certificates {
        let agent = try kubelet.map { _ in try credentials.kubeletCertificate() }
        return try (credentials.serverCertificate(), credentials.adminCertificate(), agent)
    }

    private func reload(_ context: TLSServerContext, _ certificate: IssuedCertificate) throws {
        try context.reload(
            certificateChainPEM: certificate.certificatePEM, privateKeyPEM: certificate.privateKeyPEM,
            clientCAsPEM: credentials.ca.certificatePEM)
    }
}

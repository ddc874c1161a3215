internal import Glibc
internal import Logging
internal import PKI
internal import Transport

/// Renews the server's and the administrator's certificate while Skiff runs. Connections made from then on see the
/// new ones; nothing restarts.
struct CertificateRotation: Sendable {
    /// The clock may be set forward, and a sleep may then last too long: so it is looked at this often at least.
    private static let checkInterval = Duration.seconds(12 * 3600)

    let credentials: Credentials
    let context: TLSServerContext
    let configuration: ResolvedConfiguration
    let logger: Logger

    func run() async throws {
        var known = try (server: credentials.serverCertificate(), admin: credentials.adminCertificate())
        while true {
            let due = min(known.server.renewalTime, known.admin.renewalTime) - Int64(time(nil))
            try await Task.sleep(for: min(.seconds(max(1, due)), Self.checkInterval))
            do {
                let current = try (server: credentials.serverCertificate(), admin: credentials.adminCertificate())
                if current.server != known.server {
                    try context.reload(
                        certificateChainPEM: current.server.certificatePEM, privateKeyPEM: current.server.privateKeyPEM,
                        clientCAsPEM: credentials.ca.certificatePEM
                    )
                    logger.notice("the server's certificate was renewed")
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
}

internal import PKI
internal import Transport

/// The cluster's keys and certificates, all in the data directory, made on the first start and renewed while it runs.
struct Credentials: Sendable {
    let ca: ClusterCA
    let tokens: ServiceAccountTokens
    private let serverNames: ServerNames
    private let nodeName: String
    private let nodeNames: ServerNames

    init(_ configuration: ResolvedConfiguration) throws(PKIError) {
        let directory = configuration.paths.tlsDirectory
        ca = try ClusterCA.loadOrCreate(directory: directory)
        tokens = try ServiceAccountTokens.loadOrCreate(
            directory: directory, issuer: "https://kubernetes.default.svc." + configuration.settings.clusterDomain
        )
        serverNames = Self.serverNames(configuration)
        nodeName = configuration.nodeName
        nodeNames = ServerNames(["localhost", configuration.nodeName, "127.0.0.1", "::1", configuration.nodeIP])
    }

    /// Every name under which clients reach the API server. They follow the configuration: a changed node address
    /// gives a new certificate at the next start.
    private static func serverNames(_ configuration: ResolvedConfiguration) -> ServerNames {
        let service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        let settings = configuration.settings
        return ServerNames(
            ["localhost"] + service + ["kubernetes.default.svc." + settings.clusterDomain, configuration.nodeName]
                + [configuration.apiServiceIP, "127.0.0.1", "::1", configuration.nodeIP, configuration.localAddress]
                + settings.tlsSANs
        )
    }

    func serverCertificate() throws(PKIError) -> IssuedCertificate {
        try ca.serverCertificate(for: serverNames)
    }

    /// What the node agent shows on its own port.
    func kubeletCertificate() throws(PKIError) -> IssuedCertificate {
        try ca.serverCertificate(named: "kubelet", commonName: "system:node:" + nodeName, for: nodeNames)
    }

    /// What the kubeconfig holds: all rights.
    func adminCertificate() throws(PKIError) -> IssuedCertificate {
        try ca.clientCertificate(named: "admin", commonName: "skiff-admin", organizations: ["system:masters"])
    }

    func tlsContext() throws -> TLSServerContext { try context(try serverCertificate()) }

    func kubeletTLSContext() throws -> TLSServerContext { try context(try kubeletCertificate()) }

    private func context(_ certificate: IssuedCertificate) throws -> TLSServerContext {
        try TLSServerContext(
            certificateChainPEM: certificate.certificatePEM, privateKeyPEM: certificate.privateKeyPEM,
            clientCAsPEM: ca.certificatePEM
        )
    }
}

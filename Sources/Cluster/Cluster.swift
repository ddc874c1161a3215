internal import APIMachinery
internal import APIServer
internal import ClusterDNS
internal import Controllers
internal import Glibc
internal import KubeAPI
internal import KubeClient
internal import Kubelet
internal import Logging
internal import PKI
internal import Scheduler
internal import ServiceLifecycle
internal import ServiceProxy
internal import Storage
internal import Transport
internal import UnixSignals

/// The composition root: builds every part of a cluster from its configuration and runs them in one `ServiceGroup`.
struct Cluster {
    let configuration: ResolvedConfiguration
    let credentials: Credentials
    let progress: Progress
    let logger: Logger

    /// Runs until SIGTERM or SIGINT. Containers go on running; the next server adopts them.
    func run() async throws {
        let store = try await SQLiteStore.open(directory: configuration.paths.stateDirectory, logger: part("storage"))
        let pidFile = configuration.paths.pidFile
        do {
            try PrivateFile.write(Array("\(getpid())\n".utf8), to: pidFile, mode: 0o644)
            try await serve(store)
        } catch {
            unlink(pidFile)
            await store.close()
            throw error
        }
        unlink(pidFile)
        await store.close()
    }

    private func serve(_ store: SQLiteStore) async throws {
        let node = NodeSlot()
        let api = try makeAPIServer(store, node)
        let tls = try credentials.tlsContext()
        let agentTLS = configuration.settings.disableAgent ? nil : try credentials.kubeletTLSContext()
        var settings = HTTPServer.Configuration(
            host: configuration.settings.bindAddress, port: configuration.settings.httpsListenPort, tls: tls,
            handler: MemoryReturn(api)
        )
        settings.faultAnswer = APIServer.answer(to:)
        let server = HTTPServer(settings)
        try await api.bootstrap()
        try await server.start()
        progress.report(.stage, "API server answers at \(configuration.serverURL)")

        let informers = InformerFactory(client: client("system:apiserver", api), logger: part("informers"))
        var parts = [
            Part("API server") {
                await withGracefulShutdownHandler {
                    try? await server.run()
                } onGracefulShutdown: {
                    api.shutDown()
                }
            },
            Part("certificates") { try await rotation(tls, agentTLS).run() },
            Part("informers") { await informers.run() },
            Part("controllers") { try await controllers(api, informers).run() },
            Part("scheduler") {
                let scheduler = SchedulerService(
                    client: client("system:kube-scheduler", groups: [], api), informers: informers,
                    logger: part("scheduler")
                )
                try await scheduler.run()
            },
        ]
        if let agentTLS {
            let kubelet = try makeKubelet(api, informers)
            let port = try await openKubeletPort(kubelet, agentTLS)
            node.fill(kubelet)
            reportReadiness(informers)
            let role = ControlPlaneRole(nodeName: configuration.nodeName, client: client("system:apiserver", api))
            parts.append(Part("node role") { await role.run(informers.informer(for: Node.self)) })
            parts.append(Part("kubelet port") { try await port.run() })
            let names = ClusterDNSObject(
                address: configuration.clusterDNS, client: client("system:apiserver", api))
            parts.append(Part("DNS Service") { await names.run(informers.informer(for: Service.self)) })
            parts.append(Part("DNS") { try await dns(informers) })
            parts.append(Part("service proxy") { try await serviceProxy(api, informers) })
            parts.append(Part("kubelet") { try await kubelet.run() })
        } else {
            progress.report(.ready)
        }
        try await runGroup(parts)
    }

    /// The parts end in the reverse of their order, so that the API goes last.
    private func runGroup(_ parts: [Part]) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: parts.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
                logger: part("lifecycle")
            )
        )
        try await group.run()
    }

    // MARK: Parts

    private func makeAPIServer(_ store: SQLiteStore, _ node: NodeSlot) throws -> APIServer {
        var configuration = APIServerConfiguration(
            store: store, tokens: credentials.tokens, clientCAPEM: credentials.ca.certificatePEM,
            audit: try AuditSettings(configuration.settings).log(),
            serviceCIDR: configuration.settings.serviceCIDR,
            nodePorts: configuration.nodePorts, advertiseAddress: configuration.nodeIP,
            advertisePort: configuration.settings.httpsListenPort,
            nodeHandler: { [nodeName = configuration.nodeName] name in name == nodeName ? node.handler : nil },
            version: Product.version
        )
        // Without a node there is nothing to measure, and nobody to make volumes.
        configuration.offersLocalPath = !self.configuration.settings.disableAgent
        let metrics = self.configuration.settings.disableAgent ? [] : MetricsAPI.resources
        if !metrics.isEmpty { configuration.delegates[MetricsAPI.group] = node.metrics }
        let address = "\(self.configuration.nodeIP):\(self.configuration.settings.httpsListenPort)"
        return APIServer(
            configuration: configuration,
            documents: [
                DiscoveryHandler(
                    schema: .kubernetes, resources: ResourceTable.all + metrics, serverAddress: address),
                OpenAPIHandler(schema: .kubernetes, resources: ResourceTable.all, version: Product.version),
            ],
            tables: PrinterTables()
        )
    }

    private func controllers(_ api: APIServer, _ informers: InformerFactory) -> ControllersService {
        var settings = ControllersService.Configuration(
            clusterCAPEM: String(decoding: credentials.ca.certificatePEM, as: UTF8.self))
        settings.authority = credentials.ca
        settings.tokens = credentials.tokens
        settings.serviceCIDR = configuration.settings.serviceCIDR
        return ControllersService(
            client: client("system:kube-controller-manager", api), informers: informers, configuration: settings,
            logger: part("controllers")
        )
    }

    private func makeKubelet(_ api: APIServer, _ informers: InformerFactory) throws -> KubeletService {
        try KubeletService(
            configuration: configuration.kubelet,
            client: client("system:node:" + configuration.nodeName, groups: ["system:nodes"], api),
            storage: client("system:serviceaccount:kube-system:local-path-provisioner", api),
            informers: informers, manifestReader: { try api.podManifest($0) }, logger: part("kubelet")
        )
    }

    /// The node's own server: for collectors of figures, and for whoever has rights on `nodes/proxy`.
    private func openKubeletPort(_ kubelet: KubeletService, _ tls: TLSServerContext) async throws -> HTTPServer {
        let handler = try kubelet.gate(authoritiesPEM: credentials.ca.certificatePEM)
        var settings = HTTPServer.Configuration(
            host: configuration.kubeletAddress, port: configuration.kubeletPort, tls: tls, handler: handler)
        settings.connectionsMax = 1024
        let server = HTTPServer(settings)
        try await server.start()
        return server
    }

    /// The address stays when Skiff ends, as containers do: the next one answers there again.
    private func dns(_ informers: InformerFactory) async throws {
        let address = configuration.clusterDNS
        try ServiceAddress(address).add()
        let settings = ClusterDNSService.Configuration(
            address: address, domain: configuration.settings.clusterDomain,
            ranges: [configuration.settings.serviceCIDR, configuration.settings.clusterCIDR],
            upstreams: {
                HostResolver.read().servers.filter { $0 != address }.map { DNSUpstream(host: $0) }
            },
            portHolder: { port in
                await PortUse.holders(of: [.init(kind: "udp", number: port), .init(kind: "tcp", number: port)])
                    .values.first
            })
        try await ClusterDNSService(configuration: settings, informers: informers, logger: part("dns")).run()
    }

    /// Routes and rules stay when Skiff ends, as containers do.
    private func serviceProxy(_ api: APIServer, _ informers: InformerFactory) async throws {
        let settings = configuration.settings
        try ServiceRoute(range: settings.serviceCIDR, source: configuration.nodeIP).add()
        let routes = ServiceRoutes(dataDirectory: configuration.paths.dataDirectory, source: configuration.nodeIP)
        let proxy = ServiceProxyService(
            configuration: .init(
                nodeName: configuration.nodeName, nodeAddress: configuration.nodeIP,
                table: configuration.paths.networkName, serviceCIDR: settings.serviceCIDR,
                clusterCIDR: settings.clusterCIDR, podCIDR: configuration.podCIDR,
                clusterDNS: configuration.clusterDNS,
                reservedPorts: [Int32(settings.httpsListenPort), Int32(configuration.kubeletPort)]),
            kernel: .init(
                nft: NetworkCommands.nft, chains: NetworkCommands.chains, sets: NetworkCommands.sets(of:),
                conntrack: NetworkCommands.conntrack,
                allowLoopback: NetworkCommands.allowLoopback,
                route: { try await NetworkCommands.route($0, routes: routes) },
                portHolders: NetworkCommands.portHolders),
            informers: informers,
            events: EventRecorder(
                client: client("system:kube-proxy", api), component: "kube-proxy", host: configuration.nodeName,
                logger: part("proxy")),
            logger: part("proxy"))
        await proxy.run()
    }

    private func rotation(_ tls: TLSServerContext, _ kubelet: TLSServerContext?) -> CertificateRotation {
        CertificateRotation(
            credentials: credentials, context: tls, kubelet: kubelet, configuration: configuration,
            logger: part("certificates")
        )
    }

    /// A client that reaches the API server without a socket, as the named user.
    private func client(_ user: String, groups: [String] = ["system:masters"], _ api: APIServer) -> Client {
        let identity = UserInfo(name: user, groups: groups + ["system:authenticated"])
        let connection = HTTPConnection(remoteAddress: "in-process", attachment: identity)
        let name = groups.contains("system:nodes") ? "kubelet" : String(user.split(separator: ":").last ?? "skiff")
        return Client(transport: InProcessTransport(handler: api, connection: connection), userAgent: name + "/skiff")
    }

    private func reportReadiness(_ informers: InformerFactory) {
        let progress = progress
        let readiness = NodeReadiness(name: configuration.nodeName, start: .now()) { progress.report($0, $1) }
        informers.informer(for: Node.self).addHandler(onAny: { readiness.saw($0) })
        informers.informer(for: Lease.self, namespace: WellKnownNamespace.kubeNodeLease)
            .addHandler(onAny: { readiness.saw($0) })
    }

    private func part(_ name: String) -> Logger {
        var logger = logger
        logger[metadataKey: "part"] = .string(name)
        return logger
    }
}

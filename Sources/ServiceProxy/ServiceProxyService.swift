internal import APIMachinery
internal import KubeAPI
package import KubeClient
package import Logging

/// The service proxy: keeps one nftables table in step with Services, their endpoints and pods' host ports.
///
/// Level-triggered: a change marks its Service, and one loop writes what is marked in one transaction, so that a burst
/// of changes costs few. The table stays when Skiff ends, and so do connections: the next one replaces its content in one
/// transaction.
package struct ServiceProxyService: Sendable {
    /// What it is told from outside.
    package struct Configuration: Sendable {
        package var nodeName: String
        package var nodeAddress: String
        /// The name of the nftables table, in the family `ip`.
        package var table: String
        package var serviceCIDR: String
        /// Addresses of the cluster's pods, and of this node's.
        package var clusterCIDR: String
        package var podCIDR: String
        /// Answered by the node itself, never translated.
        package var clusterDNS: String
        /// Ports of the node's address that a load balancer must not take: the API server's and the node agent's.
        package var reservedPorts: Set<Int32>

        package init(
            nodeName: String, nodeAddress: String, table: String, serviceCIDR: String, clusterCIDR: String,
            podCIDR: String, clusterDNS: String, reservedPorts: Set<Int32>
        ) {
            self.nodeName = nodeName
            self.nodeAddress = nodeAddress
            self.table = table
            self.serviceCIDR = serviceCIDR
            self.clusterCIDR = clusterCIDR
            self.podCIDR = podCIDR
            self.clusterDNS = clusterDNS
            self.reservedPorts = reservedPorts
        }
    }

    /// The ways to the kernel. Each is short, and throws what the kernel or the program said.
    package struct Kernel: Sendable {
        /// Runs commands for nftables as one transaction.
        package var nft: @Sendable (_ script: String) async throws -> Void
        /// The chains of all tables, as `nft -j list chains` prints them.
        package var chains: @Sendable () async throws -> [UInt8]
        /// The sets of one table of the family `ip`, as `nft -j list sets` prints them.
        package var sets: @Sendable (_ table: String) async throws -> [UInt8]
        /// Runs `conntrack` with arguments, and gives what it prints.
        package var conntrack: @Sendable ([String]) async throws -> String
        /// Lets the node reach these pods from its loopback address.
        package var allowLoopback: @Sendable (Set<String>) async throws -> Void
        /// Gives the node routes to these ranges, and takes away those that it was told of before. Returns why ranges got
        /// none, by range.
        package var route: @Sendable ([String]) async throws -> [String: String]
        /// Which of these ports, `tcp . 30080`, another program listens on, and its name.
        package var portHolders: @Sendable (Set<String>) async -> [String: String]

        package init(
            nft: @escaping @Sendable (String) async throws -> Void,
            chains: @escaping @Sendable () async throws -> [UInt8],
            sets: @escaping @Sendable (String) async throws -> [UInt8],
            conntrack: @escaping @Sendable ([String]) async throws -> String,
            allowLoopback: @escaping @Sendable (Set<String>) async throws -> Void,
            route: @escaping @Sendable ([String]) async throws -> [String: String],
            portHolders: @escaping @Sendable (Set<String>) async -> [String: String]
        ) {
            self.nft = nft
            self.chains = chains
            self.sets = sets
            self.conntrack = conntrack
            self.allowLoopback = allowLoopback
            self.route = route
            self.portHolders = portHolders
        }
    }

    private let configuration: Configuration
    private let kernel: Kernel
    private let informers: InformerFactory
    private let events: EventRecorder
    private let logger: Logger

    /// `events`: run by this service.
    package init(
        configuration: Configuration, kernel: Kernel, informers: InformerFactory, events: EventRecorder, logger: Logger
    ) {
        self.configuration = configuration
        self.kernel = kernel
        self.informers = informers
        self.events = events
        self.logger = logger
    }

    /// Works until the task is cancelled.
    package func run() async {
        let services = informers.informer(for: Service.self)
        let slices = informers.informer(for: EndpointSlice.self)
        let pods = informers.informer(for: Pod.self)
        let ranges = informers.informer(for: ServiceCIDR.self)
        slices.addIndex(ServiceSliceIndex.index)
        await services.waitForSync()
        await slices.waitForSync()
        await pods.waitForSync()
        await ranges.waitForSync()
        let marks = Marks<RuleSet.Source>()
        services.addHandler(onAny: { marks.add(.service(namespace: $0.key.namespace, name: $0.key.name)) })
        slices.addHandler(
            onAdd: { Self.mark($0, marks) },
            onUpdate: { old, new in
                Self.mark(old, marks)
                Self.mark(new, marks)
            },
            onDelete: { Self.mark($0, marks) })
        ranges.addHandler(onAny: { _ in marks.add(.ranges) })
        let nodeName = configuration.nodeName
        pods.addHandler(onAny: { pod in
            guard pod.spec.nodeName == nodeName, HostPortRules.concern(pod) else { return }
            marks.add(.pod(namespace: pod.key.namespace, name: pod.key.name))
        })
        let health = HealthCheckPorts(logger: logger)
        let firewall = FirewallWatch()
        let view = View(
            services: services.lister, slices: slices.lister, pods: pods.lister, ranges: ranges.lister)
        var writer = RuleWriter(configuration: configuration, kernel: kernel, logger: logger)
        // The table that an earlier Skiff left works until this one has all of its own. Whoever looks at the table before
        // that misses it.
        var added = ServiceRangeRules()
        await update(&added, &writer, view)
        for source in view.sources(of: nodeName) { update(source, &writer, health, view) }
        await writer.write()
        var conflicts = PortConflicts(kernel: kernel, events: events, logger: logger)
        await conflicts.look(at: writer.nodePorts(of: view.sources(of: nodeName)))
        await withDiscardingTaskGroup { group in
            group.addTask { await events.run() }
            group.addTask {
                await firewall.run(kernel) { marks.wake() }
                marks.finish()
            }
            group.addTask { await health.run() }
            if writer.isBehind { marks.wake(after: .seconds(1), group: &group) }
            for await _ in marks.wakes {
                let sources = marks.take()
                if let chains = firewall.take() { writer.check(chains) }
                if sources.contains(.ranges) { await update(&added, &writer, view) }
                for source in sources { update(source, &writer, health, view) }
                await writer.write()
                await conflicts.look(at: writer.nodePorts(of: sources))
                if writer.isBehind { marks.wake(after: .seconds(1), group: &group) }
            }
            group.cancelAll()
        }
    }

    private struct View {
        let services: Lister<Service>
        let slices: Lister<EndpointSlice>
        let pods: Lister<Pod>
        let ranges: Lister<ServiceCIDR>

        func sources(of nodeName: String) -> [RuleSet.Source] {
            services.keys.map { .service(namespace: $0.namespace, name: $0.name) }
                + pods.all.filter { $0.spec.nodeName == nodeName && HostPortRules.concern($0) }
                .map { .pod(namespace: $0.key.namespace, name: $0.key.name) }
        }

        func slices(of key: ObjectKey) -> [EndpointSlice] {
            slices.list(index: ServiceSliceIndex.name, value: key.description)
        }
    }

    private func update(
        _ source: RuleSet.Source, _ writer: inout RuleWriter, _ health: HealthCheckPorts, _ view: View
    ) {
        if let part = part(of: source, view) { writer.update(source, part) }
        guard case .service(let namespace, let name) = source else { return }
        let service = view.services[ObjectKey(namespace: namespace, name: name)]
        health.update(namespace, name, healthCheck(of: service, view))
    }

    private static func mark(_ slice: EndpointSlice, _ marks: Marks<RuleSet.Source>) {
        guard let key = slice.serviceKey else { return }
        marks.add(.service(namespace: key.namespace, name: key.name))
    }

    /// `nil`: it is written apart.
    private func part(of source: RuleSet.Source, _ view: View) -> RuleSet.Part? {
        switch source {
        case .service(let namespace, let name):
            let key = ObjectKey(namespace: namespace, name: name)
            guard let service = view.services[key] else { return RuleSet.Part() }
            return ServiceRules(service: service, slices: view.slices(of: key), configuration: configuration).part
        case .pod(let namespace, let name):
            guard let pod = view.pods[ObjectKey(namespace: namespace, name: name)] else { return RuleSet.Part() }
            return HostPortRules(pod: pod).part
        case .ranges: return nil
        }
    }

    private func update(_ added: inout ServiceRangeRules, _ writer: inout RuleWriter, _ view: View) async {
        await added.update(view.ranges.all, initial: configuration.serviceCIDR, kernel: kernel, logger: logger)
        writer.update(.ranges, added.part(clusterDNS: configuration.clusterDNS))
    }

    private func healthCheck(of service: Service?, _ view: View) -> HealthCheckPorts.Check? {
        guard let service, service.spec.type == "LoadBalancer", service.spec.externalTrafficPolicy == "Local",
            let port = service.spec.healthCheckNodePort, port > 0
        else { return nil }
        var addresses: Set<String> = []
        for slice in view.slices(of: service.key) {
            for endpoint in slice.endpoints
            where endpoint.nodeName == configuration.nodeName && endpoint.conditions.ready ?? true {
                addresses.formUnion(endpoint.addresses)
            }
        }
        return HealthCheckPorts.Check(port: Int(port), endpoints: addresses.count)
    }
}

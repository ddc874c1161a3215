internal import Logging

/// Brings the kernel's table to what the Services want: the changes in one transaction, or, after a failure or when
/// somebody threw the table away, everything.
struct RuleWriter {
    private let configuration: ServiceProxyService.Configuration
    private let kernel: ServiceProxyService.Kernel
    private let logger: Logger
    private let base: BaseRules
    private var rules = RuleSet()
    private var changes = RuleChanges()
    private var flows: [UDPFrontend: Set<ServiceEndpoint>] = [:]
    private var areFlowsStale = true
    private var loopbackTargets: Set<String> = []
    private var allowedTargets: Set<String> = []
    /// Whether the table is ours and as the rules were before `changes`.
    private var isTableKnown = false
    private var firewalls: Set<String> = []
    /// The last transaction failed: it is to be tried again soon.
    private(set) var isBehind = false

    init(configuration: ServiceProxyService.Configuration, kernel: ServiceProxyService.Kernel, logger: Logger) {
        self.configuration = configuration
        self.kernel = kernel
        self.logger = logger
        base = BaseRules(
            table: configuration.table, serviceCIDR: configuration.serviceCIDR, clusterCIDR: configuration.clusterCIDR,
            podCIDR: configuration.podCIDR, clusterDNS: configuration.clusterDNS)
    }

    mutating func update(_ source: RuleSet.Source, _ part: RuleSet.Part) {
        let old = rules.parts[source]
        rules.update(source, part, &changes)
        if (old?.flows ?? [:]) != part.flows {
            for frontend in (old?.flows ?? [:]).keys { flows[frontend] = nil }
            flows.merge(part.flows) { $1 }
            areFlowsStale = true
        }
        loopbackTargets.formUnion(part.loopbackTargets)
    }

    /// Ports of the node that these have, `tcp . 30080`; none for those that are gone.
    func nodePorts(of sources: some Sequence<RuleSet.Source>) -> [RuleSet.Source: Set<String>] {
        var ports: [RuleSet.Source: Set<String>] = [:]
        for source in sources { ports[source] = rules.parts[source]?.nodePorts ?? [] }
        return ports
    }

    /// Puts into force what `update` gathered.
    mutating func write() async {
        await allowLoopback()
        guard !changes.isEmpty || !isTableKnown else { return }
        let isAll = !isTableKnown
        let script = isAll ? await wholeScript() : changes.script(table: configuration.table)
        changes = RuleChanges()
        let began = ContinuousClock.now
        do {
            try await kernel.nft(script)
            logger.debug(
                "rules of \(rules.parts.count) Services and pods in force",
                metadata: [
                    "bytes": "\(script.utf8.count)", "all": "\(isAll)", "took": "\(ContinuousClock.now - began)",
                ])
            isTableKnown = true
            if isBehind { logger.info("rules of Services are in force again") }
            isBehind = false
        } catch {
            // Once is enough to say; everything is written anew next time.
            if !isBehind {
                logger.error("rules of Services cannot be changed, so they may lead to pods that are gone: \(error)")
            }
            isTableKnown = false
            isBehind = true
            return
        }
        await cutStaleFlows()
    }

    /// The table from nothing, with the clients that the one before remembered.
    private func wholeScript() async -> String {
        let script = base.script + rules.everything.script(table: configuration.table)
        let names = Set(rules.parts.values.flatMap(\.affinities.keys))
        // There is none at the first start.
        guard !names.isEmpty, let json = try? await kernel.sets(configuration.table),
            let clients = try? RememberedClients(json: json, names: names)
        else { return script }
        return script + clients.script(table: configuration.table)
    }

    /// Sees whether the table is still there, and whether somebody else's firewall stands in the way. `chains` is what
    /// `nft -j list chains` printed.
    mutating func check(_ chains: [UInt8]) {
        guard isTableKnown else { return }
        do {
            let report = try FirewallReport(json: chains, table: configuration.table)
            if !report.hasTable {
                logger.warning("another program removed the rules of Services; they are written anew")
                isTableKnown = false
            }
            let new = report.dropping.subtracting(firewalls)
            firewalls = report.dropping
            for chain in new.sorted() {
                logger.warning(
                    "the firewall's chain \(chain) drops forwarded packets, so pods may not reach each other, Services or the world: let it accept packets from and to \(configuration.clusterCIDR)"
                )
            }
        } catch {
            logger.debug("what nft lists cannot be read: \(error)")
        }
    }

    private mutating func allowLoopback() async {
        let new = loopbackTargets.subtracting(allowedTargets)
        allowedTargets = loopbackTargets
        loopbackTargets = []
        guard !new.isEmpty else { return }
        do {
            try await kernel.allowLoopback(new)
        } catch {
            logger.warning("node ports cannot be reached at 127.0.0.1: \(error)")
        }
    }

    private mutating func cutStaleFlows() async {
        guard areFlowsStale else { return }
        areFlowsStale = false
        do {
            try await ConnectionTracking(run: kernel.conntrack).cutStale(flows)
        } catch {
            logger.warning("UDP flows to endpoints that are gone cannot be cut: \(error)")
        }
    }
}

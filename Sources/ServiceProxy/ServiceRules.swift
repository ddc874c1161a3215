internal import APIMachinery
internal import KubeAPI

/// What one Service contributes to the rules.
struct ServiceRules {
    let service: Service
    let slices: [EndpointSlice]
    let configuration: ServiceProxyService.Configuration

    private var spec: ServiceSpec { service.spec }
    private var namespace: String { service.metadata.namespace ?? "" }
    private var name: String { service.metadata.name ?? "" }

    var part: RuleSet.Part {
        var part = RuleSet.Part()
        // Headless Services and names for other names have no address to look after.
        guard spec.type != "ExternalName", let address = spec.clusterIP, IPv4.isAddress(address),
            address != configuration.clusterDNS
        else { return part }
        for port in spec.ports { add(port, address, &part) }
        return part
    }

    private func add(_ port: ServicePort, _ address: String, _ part: inout RuleSet.Part) {
        guard let kind = TransportProtocol(port.protocol ?? "TCP") else { return }
        let selection = EndpointSelection(
            slices, portName: port.name ?? "", protocol: port.protocol ?? "TCP", nodeName: configuration.nodeName)
        let portName = port.name.flatMap { $0.isEmpty ? nil : $0 } ?? "\(port.port)"
        let writer = ServicePortRules(
            name: "\(namespace)/\(name)/\(kind)/\(portName)", kind: kind, selection: selection,
            affinitySeconds: affinitySeconds, podCIDR: configuration.clusterCIDR)
        let isInternalLocal = spec.internalTrafficPolicy == "Local"
        writer.addClusterAddress("\(address) . \(kind) . \(port.port)", isLocalOnly: isInternalLocal, to: &part)
        addExternal(port, writer, &part)
        addFlows(port, kind, address, selection, &part)
        let nodes = port.nodePort != nil && port.nodePort != 0
        for endpoint in selection.local {
            part.add(.hairpins, "\(endpoint.address) . \(endpoint.address)")
            if nodes { part.loopbackTargets.insert(endpoint.address) }
        }
    }

    private var affinitySeconds: Int32? {
        guard spec.sessionAffinity == "ClientIP" else { return nil }
        return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800
    }

    /// Node ports, addresses of load balancers and external addresses.
    private func addExternal(_ port: ServicePort, _ writer: ServicePortRules, _ part: inout RuleSet.Part) {
        let isLocalOnly = spec.externalTrafficPolicy == "Local"
        if let nodePort = port.nodePort, nodePort > 0, spec.type == "NodePort" || spec.type == "LoadBalancer" {
            writer.addNodePort(nodePort, isLocalOnly: isLocalOnly, to: &part)
        }
        func isTaken(_ address: String) -> Bool {
            address == configuration.nodeAddress && configuration.reservedPorts.contains(port.port)
        }
        for address in spec.externalIPs where IPv4.isAddress(address) && !isTaken(address) {
            writer.addExternalAddress("\(address) . \(writer.kind) . \(port.port)", isLocalOnly: isLocalOnly, to: &part)
        }
        guard spec.type == "LoadBalancer" else { return }
        for ingress in service.status.loadBalancer.ingress where (ingress.ipMode ?? "VIP") == "VIP" {
            guard let address = ingress.ip, IPv4.isAddress(address), !isTaken(address) else { continue }
            writer.addExternalAddress(
                "\(address) . \(writer.kind) . \(port.port)", isLocalOnly: isLocalOnly,
                sources: spec.loadBalancerSourceRanges.compactMap { IPv4.prefix($0.filter { $0 != " " }) }, to: &part)
        }
    }

    private func addFlows(
        _ port: ServicePort, _ kind: TransportProtocol, _ address: String, _ selection: EndpointSelection,
        _ part: inout RuleSet.Part
    ) {
        guard kind == .udp else { return }
        let endpoints = Set(selection.cluster)
        let others = spec.externalIPs + service.status.loadBalancer.ingress.compactMap(\.ip)
        for frontend in [address] + others { part.flows[UDPFrontend(address: frontend, port: port.port)] = endpoints }
        if let nodePort = port.nodePort, nodePort > 0 {
            part.flows[UDPFrontend(address: nil, port: nodePort)] = endpoints
        }
    }
}

/// Protocols that Services have, as nftables writes them.
enum TransportProtocol: String, CustomStringConvertible {
    case tcp, udp, sctp

    init?(_ text: String) { self.init(rawValue: text.lowercased()) }

    var description: String { rawValue }
}

/// Chains and elements of one port of a Service.
///
/// Three chains at most: `service-…` chooses among all endpoints, `local-…` among those of this node, and `external-…`
/// is where packets from outside the cluster come in.
struct ServicePortRules {
    /// `namespace/service/tcp/http`
    let name: String
    let kind: TransportProtocol
    let selection: EndpointSelection
    /// How long a client stays with its endpoint; `nil`: every connection chooses anew.
    let affinitySeconds: Int32?
    /// Addresses of the cluster's pods.
    let podCIDR: String

    /// Set on packets whose source becomes the node's address on their way out, so that answers come back this way.
    static let masqueradeMark = "0x4000"
    static let mark = "meta mark set mark or \(masqueradeMark)"

    private var serviceChain: String { "service-" + name }
    private var localChain: String { "local-" + name }
    private var externalChain: String { "external-" + name }

    // MARK: - Ways in

    /// `key` is address, protocol and port.
    func addClusterAddress(_ key: String, isLocalOnly: Bool, to part: inout RuleSet.Part) {
        let endpoints = isLocalOnly ? selection.local : selection.cluster
        guard !endpoints.isEmpty else { return part.add(.rejectedAddresses, key) }
        let chain = isLocalOnly ? addLocalChain(&part) : addServiceChain(&part)
        let address = key.prefix { $0 != " " }
        part.chains[chain]?.insert("ip daddr \(address) ip saddr != \(podCIDR) \(Self.mark)", at: 0)
        part.add(.serviceAddresses, key, "goto \(chain)")
    }

    func addNodePort(_ port: Int32, isLocalOnly: Bool, to part: inout RuleSet.Part) {
        let key = "\(kind) . \(port)"
        guard !selection.cluster.isEmpty else { return part.add(.rejectedPorts, key) }
        part.add(.nodePorts, key, "goto \(addExternalChain(isLocalOnly, &part))")
    }

    /// `key` is address, protocol and port. Only `sources` may come in, or everybody if there are none.
    func addExternalAddress(
        _ key: String, isLocalOnly: Bool, sources: [String] = [], to part: inout RuleSet.Part
    ) {
        guard !selection.cluster.isEmpty else { return part.add(.rejectedAddresses, key) }
        let chain = addExternalChain(isLocalOnly, &part)
        guard !sources.isEmpty else { return part.add(.serviceAddresses, key, "goto \(chain)") }
        let gate = "gate-" + name
        part.chains[gate] = [
            "ip saddr != { \(Set(sources).sorted().joined(separator: ", ")) } drop", "goto \(chain)",
        ]
        part.add(.serviceAddresses, key, "goto \(gate)")
    }

    // MARK: - Chains

    private func addExternalChain(_ isLocalOnly: Bool, _ part: inout RuleSet.Part) -> String {
        let service = addServiceChain(&part)
        guard isLocalOnly else {
            part.chains[externalChain] = [Self.mark, "goto \(service)"]
            return externalChain
        }
        // Clients inside the cluster are not outside, whichever way they come.
        var rules = [
            "ip saddr \(podCIDR) goto \(service)", "fib saddr type local \(Self.mark)",
            "fib saddr type local goto \(service)",
        ]
        rules.append(selection.local.isEmpty ? "drop" : "goto \(addLocalChain(&part))")
        part.chains[externalChain] = rules
        return externalChain
    }

    private func addServiceChain(_ part: inout RuleSet.Part) -> String {
        addChoice(serviceChain, selection.cluster, &part)
    }

    private func addLocalChain(_ part: inout RuleSet.Part) -> String { addChoice(localChain, selection.local, &part) }

    private func addChoice(_ chain: String, _ endpoints: [ServiceEndpoint], _ part: inout RuleSet.Part) -> String {
        guard part.chains[chain] == nil else { return chain }
        if let affinitySeconds {
            part.chains[chain] = rememberedChoice(endpoints, affinitySeconds, &part)
        } else if endpoints.count == 1 {
            part.chains[chain] = [translation(to: endpoints[0])]
        } else {
            let choices = endpoints.enumerated().map { "\($0) : \($1.address) . \($1.port)" }
            part.chains[chain] = [
                "meta l4proto \(kind) dnat ip to numgen random mod \(endpoints.count) map "
                    + "{ \(choices.joined(separator: ", ")) }"
            ]
        }
        return chain
    }

    /// A set for each endpoint remembers its clients; new ones are shared out.
    private func rememberedChoice(
        _ endpoints: [ServiceEndpoint], _ seconds: Int32, _ part: inout RuleSet.Part
    ) -> [String] {
        var rules: [String] = []
        var choices: [String] = []
        for (index, endpoint) in endpoints.enumerated() {
            let suffix = "\(name)/\(endpoint.address)/\(endpoint.port)"
            let (set, chain) = ("clients-\(seconds)-\(suffix)", "endpoint-\(suffix)")
            part.affinities[set] = seconds
            part.chains[chain] = ["update @\(set) { ip saddr }", translation(to: endpoint)]
            rules.append("ip saddr @\(set) goto \(chain)")
            choices.append("\(index) : goto \(chain)")
        }
        rules.append("numgen random mod \(endpoints.count) vmap { \(choices.joined(separator: ", ")) }")
        return rules
    }

    private func translation(to endpoint: ServiceEndpoint) -> String {
        "meta l4proto \(kind) dnat to \(endpoint.address):\(endpoint.port)"
    }
}

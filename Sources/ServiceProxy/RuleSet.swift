/// The rules of the table that change: what nftables calls chains, and elements of sets and maps.
///
/// Every Service, and every pod with host ports, contributes a part. Parts may claim the same element, as two Services
/// with the same external address do: the first claim counts, and when it ends, the next.
struct RuleSet {
    /// A set or map of the table.
    enum Container: String, CaseIterable, Hashable {
        /// Address, protocol and port to a chain.
        case serviceAddresses = "service-addresses"
        /// Protocol and port, at every address of the node, to a chain.
        case nodePorts = "node-ports"
        case hostPorts = "host-ports"
        /// Addresses, protocols and ports of Services without endpoints.
        case rejectedAddresses = "rejected-addresses"
        case rejectedPorts = "rejected-ports"
        /// Pairs of equal addresses: pods that may reach themselves through a Service.
        case hairpins = "hairpins"

        /// As nftables declares it.
        var declaration: String {
            switch self {
            case .serviceAddresses: "map \(rawValue) { type ipv4_addr . inet_proto . inet_service : verdict; }"
            case .nodePorts, .hostPorts: "map \(rawValue) { type inet_proto . inet_service : verdict; }"
            case .rejectedAddresses: "set \(rawValue) { type ipv4_addr . inet_proto . inet_service; }"
            case .rejectedPorts: "set \(rawValue) { type inet_proto . inet_service; }"
            case .hairpins: "set \(rawValue) { type ipv4_addr . ipv4_addr; }"
            }
        }
    }

    struct Element: Hashable {
        let container: Container
        /// `10.96.0.1 . tcp . 443`
        let key: String
    }

    /// Who contributes.
    enum Source: Hashable, Sendable {
        case service(namespace: String, name: String)
        case pod(namespace: String, name: String)
        /// All ServiceCIDRs together.
        case ranges
    }

    struct Part: Equatable {
        /// Rules by the chain's name.
        var chains: [String: [String]] = [:]
        /// Seconds that a client stays with its endpoint, by the name of the set that remembers it.
        var affinities: [String: Int32] = [:]
        /// Values are verdicts in maps, and empty in sets.
        var elements: [Element: String] = [:]
        /// What UDP may reach, for connection tracking.
        var flows: [UDPFrontend: Set<ServiceEndpoint>] = [:]
        /// Addresses of pods that the node reaches through its own loopback address.
        var loopbackTargets: Set<String> = []

        var isEmpty: Bool { self == Part() }

        /// Those that lead somewhere and those that are refused: `tcp . 30080`.
        var nodePorts: Set<String> {
            let containers: Set<RuleSet.Container> = [.nodePorts, .hostPorts, .rejectedPorts]
            return Set(elements.keys.filter { containers.contains($0.container) }.map(\.key))
        }

        mutating func add(_ container: Container, _ key: String, _ value: String = "") {
            elements[Element(container: container, key: key)] = value
        }
    }

    private struct Claim {
        let source: Source
        let value: String
    }

    private(set) var parts: [Source: Part] = [:]
    private var claims: [Element: [Claim]] = [:]

    /// Replaces what `source` contributes, and writes what that changes.
    mutating func update(_ source: Source, _ part: Part, _ changes: inout RuleChanges) {
        let old = parts[source] ?? Part()
        guard old != part else { return }
        parts[source] = part.isEmpty ? nil : part
        for (name, rules) in part.chains where old.chains[name] != rules {
            changes.setChain(name, rules, isNew: old.chains[name] == nil)
        }
        for name in old.chains.keys where part.chains[name] == nil { changes.removeChain(name) }
        for (name, seconds) in part.affinities where old.affinities[name] == nil {
            changes.addAffinity(name, seconds)
        }
        for name in old.affinities.keys where part.affinities[name] == nil { changes.removeAffinity(name) }
        for element in Set(old.elements.keys).union(part.elements.keys) {
            let (before, after) = (old.elements[element], part.elements[element])
            guard before != after else { continue }
            let current = claims[element]?.first?.value
            var list = claims[element] ?? []
            if let index = list.firstIndex(where: { $0.source == source }) {
                if let after { list[index] = Claim(source: source, value: after) } else { list.remove(at: index) }
            } else if let after {
                list.append(Claim(source: source, value: after))
            }
            claims[element] = list.isEmpty ? nil : list
            changes.setElement(element, from: current, to: list.first?.value)
        }
    }

    /// All there is, as changes of an empty table.
    var everything: RuleChanges {
        var changes = RuleChanges()
        for part in parts.values {
            for (name, rules) in part.chains { changes.setChain(name, rules, isNew: true) }
            for (name, seconds) in part.affinities { changes.addAffinity(name, seconds) }
        }
        for (element, list) in claims { changes.setElement(element, from: nil, to: list.first?.value) }
        return changes
    }
}

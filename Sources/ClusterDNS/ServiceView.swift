internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// A Service and its endpoints as names.
struct ServiceView {
    /// Something with an address behind a Service.
    struct Member {
        let address: IPAddress
        /// The first label of its own name: its host name, or its address with dashes.
        let hostname: String
        let ports: [DiscoveryEndpointPort]
    }

    /// What an SRV record points to.
    struct Target {
        let name: DNSName
        let port: UInt16
        let addresses: [IPAddress]
    }

    let service: Service
    let slices: Lister<EndpointSlice>
    let domain: DNSName

    /// The endpoints that are ready, or all where the Service publishes those that are not.
    var endpoints: [Member] {
        slices.list(index: ServiceSliceIndex.name, value: service.key.description).flatMap { slice in
            slice.endpoints.filter { $0.conditions.ready ?? true }.flatMap { endpoint in
                endpoint.addresses.compactMap { text in
                    IPAddress(text).map { address in
                        Member(
                            address: address, hostname: endpoint.hostname?.lowercased() ?? address.dashed,
                            ports: slice.ports)
                    }
                }
            }
        }
    }

    /// The names of an endpoint's address: with its host name where it has one.
    func names(of address: IPAddress) -> [DNSName] {
        endpoints.filter { $0.address == address }.map { [$0.hostname] + service.dnsName(domain) }
    }

    /// Where ports lead: the Service's own name, or each endpoint's where the Service is headless.
    /// `nil` takes every port, or every endpoint.
    func targets(port: String? = nil, transport: String? = nil, host: String? = nil) -> [Target] {
        func isWanted(_ name: String?, _ kind: String?) -> Bool {
            (port == nil || (name ?? "").lowercased() == port)
                && (transport == nil || (kind ?? "TCP").lowercased() == transport)
        }
        guard service.isHeadless || host != nil else {
            let name = service.dnsName(domain)
            return service.spec.ports.filter { isWanted($0.name, $0.protocol) }.map {
                Target(name: name, port: UInt16(clamping: $0.port), addresses: service.clusterAddresses)
            }
        }
        var targets: [Target] = []
        for member in endpoints where host == nil || member.hostname == host {
            let name = [member.hostname] + service.dnsName(domain)
            for wanted in member.ports where isWanted(wanted.name, wanted.protocol) {
                let number = UInt16(clamping: wanted.port ?? 0)
                if targets.contains(where: { $0.name == name && $0.port == number }) { continue }
                targets.append(Target(name: name, port: number, addresses: [member.address]))
            }
        }
        return targets
    }
}

extension Service {
    var isHeadless: Bool { spec.clusterIP == "None" }

    /// The name that an `ExternalName` Service stands for.
    var externalTarget: String? {
        guard spec.type == "ExternalName", let name = spec.externalName, !name.isEmpty else { return nil }
        return name
    }

    var clusterAddresses: [IPAddress] {
        let all = spec.clusterIPs.isEmpty ? [spec.clusterIP ?? ""] : spec.clusterIPs
        return all.compactMap { IPAddress($0) }
    }

    func dnsName(_ domain: DNSName) -> DNSName {
        [metadata.name ?? "", metadata.namespace ?? "", "svc"] + domain
    }
}

/// Finds slices by the addresses in them.
enum EndpointAddressIndex {
    static let name = "dns-address"
    static var index: InformerIndex<EndpointSlice> {
        InformerIndex(name) { $0.endpoints.flatMap(\.addresses) }
    }
}

/// Finds Services by their addresses.
enum ServiceAddressIndex {
    static let name = "dns-address"
    static var index: InformerIndex<Service> {
        InformerIndex(name) { service in service.clusterAddresses.map(\.description) }
    }
}

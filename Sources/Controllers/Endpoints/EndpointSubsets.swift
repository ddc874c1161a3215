internal import APIMachinery
internal import KubeAPI

/// Endpoints' subsets: ports that lead to the same addresses are together. Pure.
enum EndpointSubsets {
    /// One address behind one port.
    private struct Member: Hashable {
        let ip: String
        let uid: String
        let isReady: Bool
    }

    private struct Port: Hashable, Comparable {
        let name: String
        let number: Int32
        let transport: String
        let application: String?

        static func < (left: Port, right: Port) -> Bool {
            (left.name, left.number, left.transport) < (right.name, right.number, right.transport)
        }
    }

    /// Returns the subsets, and whether addresses were left out.
    static func make(_ found: ServicePods, addressesMax: Int) -> (subsets: [EndpointSubset], isTruncated: Bool) {
        let service = found.service
        let isPublished = service.spec.publishNotReadyAddresses == true
        let family = service.families.first ?? "IPv4"
        var addresses: [Member: EndpointAddress] = [:]
        var behind: [Port?: Set<Member>] = [:]
        let pods = found.serving(includingTerminating: isPublished)
        let kept = pods.sorted { $0.isReady && !$1.isReady }.prefix(addressesMax)
        for pod in kept {
            guard let ip = ServicePods.address(of: pod, family: family) else { continue }
            let member = Member(ip: ip, uid: pod.uid, isReady: isPublished || pod.isReady)
            addresses[member] = address(pod, ip, service)
            if service.spec.ports.isEmpty, service.isHeadless { behind[nil, default: []].insert(member) }
            for port in service.spec.ports {
                guard let number = ServicePods.target(port, in: pod) else { continue }
                let port = Port(
                    name: port.name ?? "", number: number, transport: port.protocol ?? "TCP",
                    application: port.appProtocol)
                behind[port, default: []].insert(member)
            }
        }
        var groups: [Set<Member>: [Port]] = [:]
        for (port, members) in behind { groups[members, default: []] += [port].compactMap(\.self) }
        let subsets = groups.map { members, ports in subset(members, ports.sorted(), addresses) }
        return (subsets.sorted { order($0).lexicographicallyPrecedes(order($1)) }, kept.count < pods.count)
    }

    private static func subset(
        _ members: Set<Member>, _ ports: [Port], _ addresses: [Member: EndpointAddress]
    ) -> EndpointSubset {
        var subset = EndpointSubset()
        let sorted = members.sorted { ($0.ip, $0.uid) < ($1.ip, $1.uid) }
        subset.addresses = sorted.filter(\.isReady).compactMap { addresses[$0] }
        subset.notReadyAddresses = sorted.filter { !$0.isReady }.compactMap { addresses[$0] }
        subset.ports = ports.map { port in
            var result = EndpointPort()
            result.name = port.name.isEmpty ? nil : port.name
            result.port = port.number
            result.protocol = port.transport
            result.appProtocol = port.application
            return result
        }
        return subset
    }

    private static func address(_ pod: Pod, _ ip: String, _ service: Service) -> EndpointAddress {
        var address = EndpointAddress()
        address.ip = ip
        address.nodeName = pod.spec.nodeName
        address.hostname = ServicePods.hostname(of: pod, in: service)
        address.targetRef = ServicePods.reference(to: pod)
        return address
    }

    /// Keeps the order of equal subsets from one time to the next.
    private static func order(_ subset: EndpointSubset) -> [String] {
        subset.ports.map { "\($0.name ?? "")/\($0.port)/\($0.protocol ?? "")" }
            + (subset.addresses + subset.notReadyAddresses).map(\.ip)
    }
}

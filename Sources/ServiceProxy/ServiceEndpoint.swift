internal import KubeAPI

/// An address and port that a Service's packets are sent to.
struct ServiceEndpoint: Hashable, Comparable, Sendable {
    /// An IPv4 address.
    let address: String
    let port: Int32

    static func < (one: ServiceEndpoint, other: ServiceEndpoint) -> Bool {
        (one.address, one.port) < (other.address, other.port)
    }
}

/// Where one port of a Service may send new connections now.
///
/// Endpoints that are ready; if there is none, those that end but still serve (KEP-1669), so that the last pod of a
/// Service takes requests until it is gone.
struct EndpointSelection: Equatable {
    /// Anywhere in the cluster.
    private(set) var cluster: [ServiceEndpoint] = []
    /// On this node.
    private(set) var local: [ServiceEndpoint] = []

    init(_ slices: [EndpointSlice], portName: String, protocol kind: String, nodeName: String) {
        var ready: Set<ServiceEndpoint> = []
        var ending: Set<ServiceEndpoint> = []
        var here: Set<ServiceEndpoint> = []
        for slice in slices where slice.addressType == "IPv4" {
            let ports = slice.ports.filter { ($0.name ?? "") == portName && ($0.protocol ?? "TCP") == kind }
            for endpoint in slice.endpoints {
                let isReady = endpoint.conditions.ready ?? true
                let isEnding =
                    !isReady && endpoint.conditions.terminating == true && endpoint.conditions.serving == true
                guard isReady || isEnding, let address = endpoint.addresses.first, IPv4.isAddress(address) else {
                    continue
                }
                for number in ports.compactMap(\.port) {
                    let target = ServiceEndpoint(address: address, port: number)
                    if isReady { ready.insert(target) } else { ending.insert(target) }
                    if endpoint.nodeName == nodeName { here.insert(target) }
                }
            }
        }
        func chosen(_ isWanted: (ServiceEndpoint) -> Bool) -> [ServiceEndpoint] {
            let best = ready.filter(isWanted)
            return (best.isEmpty ? ending.filter(isWanted) : best).sorted()
        }
        cluster = chosen { _ in true }
        local = chosen { here.contains($0) }
    }
}

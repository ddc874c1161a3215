internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// Endpoints of one address family that have the same ports.
struct EndpointSliceGroup: Equatable {
    var addressType: String
    var ports: [DiscoveryEndpointPort]
    var endpoints: [Endpoint]
}

/// What has to be written so that a Service's slices hold its endpoints. Pure.
struct EndpointSlicePlan {
    private(set) var create: [EndpointSliceGroup] = []
    private(set) var update: [EndpointSlice] = []
    private(set) var delete: [EndpointSlice] = []
    /// Their endpoints stay; labels may still be out of date.
    private(set) var unchanged: [EndpointSlice] = []

    init(_ groups: [EndpointSliceGroup], existing: [EndpointSlice], endpointsMax: Int = 100) {
        var rest = existing
        for group in groups {
            let own = rest.filter { $0.addressType == group.addressType && $0.ports.hasSame(as: group.ports) }
            rest.removeAll { slice in own.contains { $0.uid == slice.uid } }
            if group.endpoints.isEmpty {
                placeHolder(for: group, own)
                continue
            }
            let placed = EndpointDistribution(group.endpoints, existing: own, endpointsMax: endpointsMax)
            create += placed.create.map {
                EndpointSliceGroup(addressType: group.addressType, ports: group.ports, endpoints: $0)
            }
            update += placed.update
            delete += placed.delete
            unchanged += placed.unchanged
        }
        delete += rest
    }

    /// A family without endpoints has one slice that says so.
    private mutating func placeHolder(for group: EndpointSliceGroup, _ own: [EndpointSlice]) {
        guard var kept = own.first else { return create.append(group) }
        delete += own.dropFirst()
        if kept.endpoints.isEmpty {
            unchanged.append(kept)
        } else {
            kept.endpoints = []
            update.append(kept)
        }
    }
}

extension [DiscoveryEndpointPort] {
    /// Order means nothing.
    fileprivate func hasSame(as other: [DiscoveryEndpointPort]) -> Bool {
        count == other.count && allSatisfy { port in other.contains { $0.normal == port.normal } }
    }
}

extension DiscoveryEndpointPort {
    fileprivate var normal: DiscoveryEndpointPort {
        var port = self
        port.name = name ?? ""
        return port
    }
}

enum EndpointSliceLabel {
    static let serviceName = "kubernetes.io/service-name"
    static let managedBy = "endpointslice.kubernetes.io/managed-by"
    static let skipMirror = "endpointslice.kubernetes.io/skip-mirror"
    static let headless = "service.kubernetes.io/headless"
    static let lastChange = "endpoints.kubernetes.io/last-change-trigger-time"
}

/// Finds the slices of a Service.
enum EndpointSliceIndex {
    static let name = "service"

    static var index: InformerIndex<EndpointSlice> {
        InformerIndex(name) { slice in service(of: slice).map { [value($0)] } ?? [] }
    }

    static func value(_ service: ObjectKey) -> String { "\(service.namespace)/\(service.name)" }

    static func service(of slice: EndpointSlice) -> ObjectKey? {
        slice.metadata.labels[EndpointSliceLabel.serviceName].map {
            ObjectKey(namespace: slice.metadata.namespace ?? "", name: $0)
        }
    }
}

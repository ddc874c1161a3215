internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Shows hand-made Endpoints of Services without selector as EndpointSlices, which is what proxies and DNS read
/// (https://kubernetes.io/docs/concepts/services-networking/service/#endpointslice-mirroring).
struct EndpointSliceMirroring: Reconciler {
    static let managedBy = "endpointslicemirroring-controller.k8s.io"
    /// Addresses of one subset that are shown, at most.
    static let addressesMax = 1000

    let endpoints: Lister<Endpoints>
    let services: Lister<Service>
    let slices: Lister<EndpointSlice>
    let writer: EndpointSliceWriter

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        let existing = slices.list(index: EndpointSliceIndex.name, value: EndpointSliceIndex.value(key))
            .filter { $0.metadata.labels[EndpointSliceLabel.managedBy] == Self.managedBy && !$0.isBeingDeleted }
        guard writer.isCurrent(key, existing) else { return .after(.seconds(1)) }
        guard let source = endpoints[key], Self.isMirrored(source), let service = services[key], !service.isSelecting,
            service.spec.type != "ExternalName"
        else {
            if !existing.isEmpty {
                let plan = EndpointSlicePlan([], existing: existing)
                let owner = EndpointSliceWriter.Owner(key: key, labels: [:], reference: OwnerReference())
                try await writer.carryOut(plan, owner: owner, managedBy: Self.managedBy, lastChange: nil)
            }
            return .never
        }
        let plan = EndpointSlicePlan(Self.groups(source), existing: existing)
        try await writer.carryOut(plan, owner: .endpoints(source), managedBy: Self.managedBy, lastChange: nil)
        return .never
    }

    private static func isMirrored(_ endpoints: Endpoints) -> Bool {
        !endpoints.isBeingDeleted && endpoints.metadata.labels[EndpointSliceLabel.skipMirror] != "true"
            && endpoints.metadata.annotations["control-plane.alpha.kubernetes.io/leader"] == nil
    }

    private static func groups(_ source: Endpoints) -> [EndpointSliceGroup] {
        var groups: [EndpointSliceGroup] = []
        for subset in source.subsets {
            let ports = subset.ports.map { port in
                var result = DiscoveryEndpointPort()
                result.name = port.name ?? ""
                result.port = port.port
                result.protocol = port.protocol ?? "TCP"
                result.appProtocol = port.appProtocol
                return result
            }
            let all = subset.addresses.map { ($0, true) } + subset.notReadyAddresses.map { ($0, false) }
            for (address, isReady) in all.prefix(addressesMax) {
                let family = address.ip.contains(":") ? "IPv6" : "IPv4"
                var endpoint = Endpoint()
                endpoint.addresses = [address.ip]
                endpoint.conditions.ready = isReady
                endpoint.hostname = address.hostname
                endpoint.nodeName = address.nodeName
                endpoint.targetRef = address.targetRef
                if let index = groups.firstIndex(where: { $0.addressType == family && $0.ports == ports }) {
                    groups[index].endpoints.append(endpoint)
                } else {
                    groups.append(EndpointSliceGroup(addressType: family, ports: ports, endpoints: [endpoint]))
                }
            }
        }
        return groups
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, workers: Int, logger: Logger
    ) -> ControllerRunner<EndpointSliceMirroring> {
        let endpoints = informers.informer(for: Endpoints.self)
        let services = informers.informer(for: Service.self)
        let slices = informers.informer(for: EndpointSlice.self)
        slices.addIndex(EndpointSliceIndex.index)
        let queue = WorkQueue<ObjectKey>()
        let writer = EndpointSliceWriter(client: client)
        endpoints.addHandler { queue.add($0.key) }
        services.addHandler { queue.add($0.key) }
        writer.follow(slices, managedBy: managedBy) { queue.add($0) }
        let controller = EndpointSliceMirroring(
            endpoints: endpoints.lister, services: services.lister, slices: slices.lister, writer: writer)
        return ControllerRunner(
            name: "endpointslicemirroring-controller", reconciler: controller, queue: queue, workers: workers,
            logger: logger)
    }
}

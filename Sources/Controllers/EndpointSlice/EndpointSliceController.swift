internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Keeps EndpointSlices of every Service with a selector: which of its pods serve, where, and in what condition
/// (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/).
struct EndpointSliceController: Reconciler {
    static let managedBy = "endpointslice-controller.k8s.io"

    let services: Lister<Service>
    let pods: Lister<Pod>
    let nodes: Lister<Node>
    let slices: Lister<EndpointSlice>
    let writer: EndpointSliceWriter

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let service = services[key] else {
            // The garbage collector takes its slices.
            writer.forget(key)
            return .never
        }
        guard service.isSelecting, !service.isBeingDeleted else { return .never }
        let existing = slices.list(index: EndpointSliceIndex.name, value: EndpointSliceIndex.value(key))
            .filter { $0.metadata.labels[EndpointSliceLabel.managedBy] == Self.managedBy && !$0.isBeingDeleted }
        // Deciding on slices that we have changed since would make some twice.
        guard writer.isCurrent(key, existing) else { return .after(.seconds(1)) }
        let found = ServicePods(service, among: pods.list(namespace: key.namespace))
        var groups: [EndpointSliceGroup] = []
        for family in service.families { groups += self.groups(found, family) }
        let plan = EndpointSlicePlan(groups, existing: existing)
        try await writer.carryOut(
            plan, owner: .service(service), managedBy: Self.managedBy, lastChange: found.lastChange)
        return .never
    }

    /// The endpoints of one family, apart by the ports that their pods have. Never empty: a Service without pods has
    /// one slice without endpoints.
    private func groups(_ found: ServicePods, _ family: String) -> [EndpointSliceGroup] {
        var groups: [EndpointSliceGroup] = []
        for pod in found.serving(includingTerminating: true) {
            guard let address = ServicePods.address(of: pod, family: family) else { continue }
            let ports = Self.ports(of: pod, in: found.service)
            let endpoint = endpoint(pod, address, found.service)
            if let index = groups.firstIndex(where: { $0.ports == ports }) {
                groups[index].endpoints.append(endpoint)
            } else {
                groups.append(EndpointSliceGroup(addressType: family, ports: ports, endpoints: [endpoint]))
            }
        }
        if groups.isEmpty { groups.append(EndpointSliceGroup(addressType: family, ports: [], endpoints: [])) }
        return groups
    }

    private static func ports(of pod: Pod, in service: Service) -> [DiscoveryEndpointPort] {
        service.spec.ports.compactMap { port in
            guard let number = ServicePods.target(port, in: pod) else { return nil }
            var result = DiscoveryEndpointPort()
            result.name = port.name ?? ""
            result.port = number
            result.protocol = port.protocol ?? "TCP"
            result.appProtocol = port.appProtocol
            return result
        }
    }

    private func endpoint(_ pod: Pod, _ address: String, _ service: Service) -> Endpoint {
        var endpoint = Endpoint()
        endpoint.addresses = [address]
        let isPublished = service.spec.publishNotReadyAddresses == true
        endpoint.conditions.serving = pod.isReady
        endpoint.conditions.terminating = pod.isBeingDeleted
        endpoint.conditions.ready = isPublished || (pod.isReady && !pod.isBeingDeleted)
        endpoint.hostname = ServicePods.hostname(of: pod, in: service)
        endpoint.nodeName = pod.spec.nodeName
        let node = pod.spec.nodeName.flatMap { nodes[ObjectKey(namespace: "", name: $0)] }
        endpoint.zone = node?.metadata.labels["topology.kubernetes.io/zone"]
        endpoint.targetRef = ServicePods.reference(to: pod)
        return endpoint
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, workers: Int, logger: Logger
    ) -> ControllerRunner<EndpointSliceController> {
        let services = informers.informer(for: Service.self)
        let pods = informers.informer(for: Pod.self)
        let nodes = informers.informer(for: Node.self)
        let slices = informers.informer(for: EndpointSlice.self)
        services.addIndex(ServiceSelectorIndex.index)
        slices.addIndex(EndpointSliceIndex.index)
        let queue = WorkQueue<ObjectKey>()
        let writer = EndpointSliceWriter(client: client)
        services.addHandler { queue.add($0.key) }
        pods.addServices(to: queue, services.lister)
        writer.follow(slices, managedBy: managedBy) { queue.add($0) }
        let controller = EndpointSliceController(
            services: services.lister, pods: pods.lister, nodes: nodes.lister, slices: slices.lister, writer: writer)
        return ControllerRunner(
            name: "endpointslice-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }
}

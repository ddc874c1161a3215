internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Keeps the Endpoints of every Service with a selector, the older form of EndpointSlices that some clients still read
/// (https://kubernetes.io/docs/concepts/services-networking/service/#endpoints).
struct EndpointsController: Reconciler {
    private static let managedBy = "endpoints.kubernetes.io/managed-by"
    private static let controllerName = "endpoint-controller"
    private static let overCapacity = "endpoints.kubernetes.io/over-capacity"
    /// Addresses of one object, at most.
    static let addressesMax = 1000

    let services: Lister<Service>
    let pods: Lister<Pod>
    let endpoints: Lister<Endpoints>
    let client: Client

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let service = services[key] else {
            try await removeOwn(key)
            return .never
        }
        guard service.isSelecting, !service.isBeingDeleted else { return .never }
        let found = ServicePods(service, among: pods.list(namespace: key.namespace))
        let current = endpoints[key]
        var wanted = current ?? Endpoints()
        wanted.metadata.namespace = key.namespace
        wanted.metadata.name = key.name
        wanted.metadata.labels = service.metadata.labels
        wanted.metadata.labels[Self.managedBy] = Self.controllerName
        wanted.metadata.labels[EndpointSliceLabel.headless] = service.isHeadless ? "" : nil
        let (subsets, isTruncated) = EndpointSubsets.make(found, addressesMax: Self.addressesMax)
        wanted.subsets = subsets
        wanted.metadata.annotations[Self.overCapacity] = isTruncated ? "truncated" : nil
        if let current, current.subsets == wanted.subsets, current.metadata.labels == wanted.metadata.labels,
            current.metadata.annotations[Self.overCapacity] == wanted.metadata.annotations[Self.overCapacity]
        {
            return .never
        }
        wanted.metadata.annotations[EndpointSliceLabel.lastChange] = found.lastChange?.description
        do {
            if current == nil { try await client.create(wanted) } else { try await client.update(wanted) }
        } catch  where error.isNamespaceTerminating || error.isAlreadyExists {
            // The cache lagged; its next event brings us back.
        }
        return .never
    }

    /// Endpoints outlive their Service where somebody made them by hand.
    private func removeOwn(_ key: ObjectKey) async throws(APIError) {
        guard endpoints[key]?.metadata.labels[Self.managedBy] == Self.controllerName else { return }
        do {
            try await client.delete(Endpoints.self, key)
        } catch  where error.isNotFound {
            return
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, workers: Int, logger: Logger
    ) -> ControllerRunner<EndpointsController> {
        let services = informers.informer(for: Service.self)
        let pods = informers.informer(for: Pod.self)
        let endpoints = informers.informer(for: Endpoints.self)
        services.addIndex(ServiceSelectorIndex.index)
        let queue = WorkQueue<ObjectKey>()
        services.addHandler { queue.add($0.key) }
        endpoints.addHandler { queue.add($0.key) }
        pods.addServices(to: queue, services.lister)
        let controller = EndpointsController(
            services: services.lister, pods: pods.lister, endpoints: endpoints.lister, client: client)
        return ControllerRunner(
            name: "endpoints-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }
}

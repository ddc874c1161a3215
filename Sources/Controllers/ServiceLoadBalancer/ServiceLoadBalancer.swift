internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Gives Services of type LoadBalancer the nodes' addresses, where the service proxy answers: there is no cloud to ask.
///
/// A Service with a class belongs to somebody else
/// (https://kubernetes.io/docs/concepts/services-networking/service/#load-balancer-class). What a Service that is no load
/// balancer (any more) still has is taken away.
struct ServiceLoadBalancer: Reconciler {
    private static let excluded = "node.kubernetes.io/exclude-from-external-load-balancers"

    let services: Lister<Service>
    let nodes: Lister<Node>
    let client: Client
    let events: EventRecorder

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let service = services[key], !service.isBeingDeleted,
            service.spec.loadBalancerClass.map(\.isEmpty) ?? true
        else { return .never }
        let wanted = service.spec.type == "LoadBalancer" ? addresses : []
        let current = service.status.loadBalancer.ingress
        guard current != wanted else { return .never }
        var changed = service
        changed.status.loadBalancer.ingress = wanted
        do {
            try await client.updateStatus(changed)
        } catch  where error.isNotFound {
            return .never
        }
        if current.isEmpty {
            events.record(service, .normal, reason: "EnsuredLoadBalancer", "Ensured load balancer")
        } else if wanted.isEmpty {
            events.record(service, .normal, reason: "DeletedLoadBalancer", "Deleted load balancer")
        }
        return .never
    }

    /// Of every node that is Ready and not excluded: what it is reached at from outside, else its own.
    private var addresses: [LoadBalancerIngress] {
        let texts = nodes.all.filter { $0.isReady && $0.metadata.labels[Self.excluded] == nil }.compactMap { node in
            func address(_ kind: String) -> String? { node.status.addresses.first { $0.type == kind }?.address }
            return address("ExternalIP") ?? address("InternalIP")
        }
        return Set(texts).sorted().map { text in
            var ingress = LoadBalancerIngress()
            ingress.ip = text
            ingress.ipMode = "VIP"
            return ingress
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, logger: Logger
    ) -> ControllerRunner<ServiceLoadBalancer> {
        let services = informers.informer(for: Service.self)
        let nodes = informers.informer(for: Node.self)
        let queue = WorkQueue<ObjectKey>()
        @Sendable func concerns(_ service: Service) -> Bool {
            service.spec.type == "LoadBalancer" || !service.status.loadBalancer.ingress.isEmpty
        }
        services.addHandler { if concerns($0) { queue.add($0.key) } }
        let lister = services.lister
        let all: @Sendable () -> Void = { for service in lister.all where concerns(service) { queue.add(service.key) } }
        nodes.addHandler(
            onAdd: { _ in all() },
            onUpdate: { old, new in
                let isSame =
                    old.isReady == new.isReady && old.status.addresses == new.status.addresses
                    && old.metadata.labels == new.metadata.labels
                if !isSame { all() }
            }, onDelete: { _ in all() })
        let controller = ServiceLoadBalancer(
            services: lister, nodes: nodes.lister, client: client, events: events)
        return ControllerRunner(
            name: "service-lb-controller", reconciler: controller, queue: queue, workers: 1, logger: logger)
    }
}

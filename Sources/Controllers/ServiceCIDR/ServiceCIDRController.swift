internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Says of ServiceCIDRs that they are ready, and keeps those that are to go until no Service needs them
/// (KEP-1880). The cluster's own range is always there.
struct ServiceCIDRController: Reconciler {
    private static let finalizer = "networking.k8s.io/service-cidr-finalizer"
    private static let ready = "Ready"
    /// A Service that got its address just before its range was to go may not be stored yet.
    private static let settlingTime = Duration.seconds(2)
    /// How soon an address that was still in use is looked at again, if nothing tells of it.
    private static let retryTime = Duration.seconds(10)

    let ranges: Lister<ServiceCIDR>
    let client: Client
    let events: EventRecorder
    /// The range that the cluster was started with; `nil` where another server says.
    let initial: String?

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let range = ranges[key] else {
            if key == Self.initialKey, let initial { try await makeInitial(initial) }
            return .never
        }
        if range.isBeingDeleted { return try await release(range) }
        if key == Self.initialKey, let initial, range.spec.cidrs.first != initial {
            events.record(
                range, .warning, reason: "KubernetesDefaultServiceCIDRInconsistent",
                "The default ServiceCIDR \(range.spec.cidrs) does not match the flag configuration \(initial)")
        }
        guard range.metadata.finalizers.contains(Self.finalizer) else {
            var changed = range
            changed.metadata.finalizers.append(Self.finalizer)
            try await client.update(changed)
            return .never
        }
        let name = key == Self.initialKey ? "Kubernetes default Service CIDR" : "Kubernetes Service CIDR"
        try await setReady(range, true, reason: "", name + " is ready")
        return .never
    }

    static let initialKey = ObjectKey(namespace: "", name: "kubernetes")

    private func makeInitial(_ cidr: String) async throws(APIError) {
        var range = ServiceCIDR()
        range.metadata.name = Self.initialKey.name
        range.metadata.finalizers = [Self.finalizer]
        range.spec.cidrs = [cidr]
        do {
            try await client.create(range)
        } catch  where error.isAlreadyExists {
            return
        }
    }

    /// Takes the finalizer off once every address of the range is free, or in another range too.
    private func release(_ range: ServiceCIDR) async throws(APIError) -> Requeue {
        guard range.metadata.finalizers.contains(Self.finalizer) else { return .never }
        let age = range.metadata.deletionTimestamp.map { Time.now() - $0 } ?? .zero
        guard age >= Self.settlingTime else { return .after(Self.settlingTime) }
        let own = range.spec.cidrs.compactMap { CIDRText($0) }
        let others = ranges.all.filter { $0.key != range.key && !$0.isBeingDeleted }
            .flatMap(\.spec.cidrs).compactMap { CIDRText($0) }
        func needsRange(_ text: String) -> Bool {
            guard let address = IPText(text) else { return false }
            return own.contains { $0.contains(address) } && !others.contains { $0.contains(address) }
        }
        // Both as they are now: a lagging view must not let a range go.
        let services = try await client.list(Service.self).items.flatMap(\.spec.clusterIPs)
        let claimed = try await client.list(IPAddress.self).items.compactMap(\.metadata.name)
        if (services + claimed).contains(where: needsRange) {
            try await setReady(
                range, false, reason: "Terminating",
                "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
            )
            return .after(Self.retryTime)
        }
        var changed = range
        changed.metadata.finalizers.removeAll { $0 == Self.finalizer }
        do {
            try await client.update(changed)
        } catch  where error.isNotFound {
            return .never
        }
        return .never
    }

    private func setReady(
        _ range: ServiceCIDR, _ isReady: Bool, reason: String, _ message: String
    ) async throws(APIError) {
        var condition = Condition()
        condition.type = Self.ready
        condition.status = isReady ? "True" : "False"
        condition.reason = reason
        condition.message = message
        let current = range.status.conditions.first { $0.type == Self.ready }
        guard current?.status != condition.status || current?.reason != reason else { return }
        condition.lastTransitionTime = Time.now()
        var changed = range
        changed.status.conditions.removeAll { $0.type == Self.ready }
        changed.status.conditions.append(condition)
        do {
            try await client.updateStatus(changed)
        } catch  where error.isNotFound {
            return
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, initial: String?, logger: Logger
    ) -> ControllerRunner<ServiceCIDRController> {
        let ranges = informers.informer(for: ServiceCIDR.self)
        let queue = WorkQueue<ObjectKey>()
        let lister = ranges.lister
        ranges.addHandler { range in
            queue.add(range.key)
            // One that comes may let another one go.
            for other in lister.all where other.isBeingDeleted { queue.add(other.key) }
        }
        informers.informer(for: IPAddress.self).addHandler(onDelete: { _ in
            for range in lister.all where range.isBeingDeleted { queue.add(range.key) }
        })
        queue.add(initialKey)
        let controller = ServiceCIDRController(ranges: lister, client: client, events: events, initial: initial)
        return ControllerRunner(
            name: "service-cidr-controller", reconciler: controller, queue: queue, workers: 1, logger: logger)
    }
}

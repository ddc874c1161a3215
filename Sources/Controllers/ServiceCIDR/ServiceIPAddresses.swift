internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Shows the address of each Service as an IPAddress (KEP-1880).
///
/// The Services say who has which address, and the API server gives none twice; these objects follow. So nothing is left
/// behind by a crash, and nothing has to be repaired but what others did by hand.
struct ServiceIPAddresses: Reconciler {
    private static let managedBy = "ipaddress.kubernetes.io/managed-by"
    private static let manager = "ipallocator.k8s.io"
    private static let family = "ipaddress.kubernetes.io/ip-family"

    let services: Lister<Service>
    let addresses: Lister<IPAddress>
    let ranges: Lister<ServiceCIDR>
    let client: Client
    let events: EventRecorder

    /// `key`: an address.
    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        let owners = services.list(index: ServiceAddressIndex.name, value: key.name)
            .sorted { Self.age($0) < Self.age($1) }
        let existing = addresses[key]
        guard let owner = owners.first else {
            if let existing, Self.isOurs(existing) { try await remove(existing) }
            return .never
        }
        warn(owners, key.name)
        guard let existing else {
            try await make(key.name, for: owner)
            return .never
        }
        guard existing.spec.parentRef != Self.reference(to: owner) else { return .never }
        guard Self.isOurs(existing) else {
            events.record(
                owner, .warning, reason: "ClusterIPAlreadyAllocated",
                "Cluster IP \(key.name) is claimed by an IPAddress that somebody else made; please recreate service")
            return .never
        }
        // What an address refers to cannot change.
        try await remove(existing)
        return .backoff
    }

    /// Who came first keeps the address.
    private static func age(_ service: Service) -> (Time, String) {
        (service.metadata.creationTimestamp ?? Time.now(), service.key.description)
    }

    private static func isOurs(_ address: IPAddress) -> Bool { address.metadata.labels[managedBy] == manager }

    private func warn(_ owners: [Service], _ address: String) {
        for service in owners.dropFirst() {
            events.record(
                service, .warning, reason: "ClusterIPAlreadyAllocated",
                "Cluster IP \(address) was assigned to multiple services; please recreate service")
        }
        let known = ranges.all.flatMap(\.spec.cidrs).compactMap { CIDRText($0) }
        guard !known.isEmpty, let number = IPText(address), !known.contains(where: { $0.contains(number) }) else {
            return
        }
        for service in owners {
            events.record(
                service, .warning, reason: "ClusterIPOutOfRange",
                "Cluster IP \(address) is not within any configured Service CIDR; please recreate service")
        }
    }

    private static func reference(to service: Service) -> ParentReference {
        var reference = ParentReference()
        reference.resource = Service.resource.plural
        reference.namespace = service.key.namespace
        reference.name = service.key.name
        return reference
    }

    private func make(_ text: String, for service: Service) async throws(APIError) {
        var address = IPAddress()
        address.metadata.name = text
        address.metadata.labels = [
            Self.managedBy: Self.manager, Self.family: text.contains(":") ? "IPv6" : "IPv4",
        ]
        address.spec.parentRef = Self.reference(to: service)
        do {
            try await client.create(address)
        } catch  where error.isAlreadyExists {
            // The informer will tell.
            return
        }
    }

    private func remove(_ address: IPAddress) async throws(APIError) {
        var options = DeleteOptions()
        var expected = Preconditions()
        expected.uid = address.metadata.uid
        options.preconditions = expected
        do {
            try await client.delete(IPAddress.self, address.key, options: options)
        } catch  where error.isNotFound || error.isConflict {
            return
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, workers: Int, logger: Logger
    ) -> ControllerRunner<ServiceIPAddresses> {
        let services = informers.informer(for: Service.self)
        let addresses = informers.informer(for: IPAddress.self)
        let ranges = informers.informer(for: ServiceCIDR.self)
        services.addIndex(ServiceAddressIndex.index)
        let queue = WorkQueue<ObjectKey>()
        @Sendable func add(_ service: Service) {
            for address in ServiceAddressIndex.addresses(of: service) {
                queue.add(ObjectKey(namespace: "", name: address))
            }
        }
        services.addHandler(
            onAdd: add,
            onUpdate: { old, new in
                // Of every change of a Service hardly one is about its address.
                guard ServiceAddressIndex.addresses(of: old) != ServiceAddressIndex.addresses(of: new) else { return }
                add(old)
                add(new)
            }, onDelete: add)
        addresses.addHandler { queue.add($0.key) }
        let controller = ServiceIPAddresses(
            services: services.lister, addresses: addresses.lister, ranges: ranges.lister, client: client,
            events: events)
        return ControllerRunner(
            name: "ipallocator-repair-controller", reconciler: controller, queue: queue, workers: workers,
            logger: logger)
    }
}

/// Services by their addresses.
enum ServiceAddressIndex {
    static let name = "address"
    static var index: InformerIndex<Service> { InformerIndex(name) { addresses(of: $0) } }

    static func addresses(of service: Service) -> [String] {
        guard service.spec.type != "ExternalName" else { return [] }
        let all = service.spec.clusterIPs.isEmpty ? [service.spec.clusterIP ?? ""] : service.spec.clusterIPs
        return all.filter { !$0.isEmpty && $0 != "None" }
    }
}

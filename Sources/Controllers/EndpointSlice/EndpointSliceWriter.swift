internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Synchronization

/// Writes slices, and remembers what it wrote until the informer has seen it.
final class EndpointSliceWriter: Sendable {
    /// Whom slices belong to, and whose labels they carry.
    struct Owner: Sendable {
        let key: ObjectKey
        let labels: [String: String]
        let reference: OwnerReference

        static func service(_ service: Service) -> Owner {
            var labels = service.metadata.labels
            labels[EndpointSliceLabel.headless] = service.isHeadless ? "" : nil
            return Owner(key: service.key, labels: labels, reference: service.controllerReferenceToSelf)
        }

        static func endpoints(_ endpoints: Endpoints) -> Owner {
            Owner(
                key: endpoints.key, labels: endpoints.metadata.labels, reference: endpoints.controllerReferenceToSelf)
        }
    }

    private let client: Client
    /// The newest revision written of each slice, by Service and name; `nil` where it was deleted.
    private let written = Mutex<[ObjectKey: [String: UInt64?]]>([:])

    init(client: Client) {
        self.client = client
    }

    /// Whether `existing` shows all that was written for the Service.
    func isCurrent(_ service: ObjectKey, _ existing: [EndpointSlice]) -> Bool {
        let seen = Dictionary(existing.map { ($0.name, $0.revision) }, uniquingKeysWith: max)
        return written.withLock { written in
            guard var waiting = written[service] else { return true }
            waiting = waiting.filter { name, revision in
                guard let revision else { return seen[name] != nil }
                return seen[name].map { $0 < revision } ?? true
            }
            written[service] = waiting.isEmpty ? nil : waiting
            return waiting.isEmpty
        }
    }

    func forget(_ service: ObjectKey) {
        written.withLock { $0[service] = nil }
    }

    /// Queues the Service of a slice that changes. Slices that somebody else deletes are no longer waited for.
    func follow(
        _ slices: Informer<EndpointSlice>, managedBy: String, _ add: @escaping @Sendable (ObjectKey) -> Void
    ) {
        @Sendable func service(of slice: EndpointSlice) -> ObjectKey? {
            guard slice.metadata.labels[EndpointSliceLabel.managedBy] == managedBy else { return nil }
            return EndpointSliceIndex.service(of: slice)
        }
        slices.addHandler(
            onAdd: { slice in service(of: slice).map(add) },
            onUpdate: { old, new in
                for slice in [old, new] { service(of: slice).map(add) }
            },
            onDelete: { [self] slice in
                guard let key = service(of: slice) else { return }
                written.withLock { _ = $0[key]?.removeValue(forKey: slice.name) }
                add(key)
            })
    }

    func carryOut(
        _ plan: EndpointSlicePlan, owner: Owner, managedBy: String, lastChange: Time?
    ) async throws(APIError) {
        var labels = owner.labels
        labels[EndpointSliceLabel.serviceName] = owner.key.name
        labels[EndpointSliceLabel.managedBy] = managedBy
        for group in plan.create {
            var slice = EndpointSlice()
            slice.metadata.namespace = owner.key.namespace
            slice.metadata.generateName = owner.key.name + "-"
            slice.metadata.ownerReferences = [owner.reference]
            slice.metadata.labels = labels
            slice.metadata.annotations[EndpointSliceLabel.lastChange] = lastChange?.description
            slice.addressType = group.addressType
            slice.ports = group.ports
            slice.endpoints = group.endpoints
            do {
                let made = try await client.create(slice)
                note(owner.key, made)
            } catch  where error.isNamespaceTerminating {
                return
            }
        }
        for var slice in plan.update {
            slice.metadata.labels = labels
            slice.metadata.annotations[EndpointSliceLabel.lastChange] = lastChange?.description
            note(owner.key, try await client.update(slice))
        }
        for var slice in plan.unchanged where slice.metadata.labels != labels {
            slice.metadata.labels = labels
            note(owner.key, try await client.update(slice))
        }
        for slice in plan.delete {
            do {
                try await client.delete(EndpointSlice.self, slice.key)
            } catch  where error.isNotFound {
                continue
            }
            written.withLock { $0[owner.key, default: [:]][slice.name] = .some(nil) }
        }
    }

    private func note(_ service: ObjectKey, _ slice: EndpointSlice) {
        written.withLock { $0[service, default: [:]][slice.name] = slice.revision }
    }
}

extension EndpointSlice {
    fileprivate var revision: UInt64 { metadata.resourceVersion.flatMap { UInt64($0) } ?? 0 }
}

internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Empties a Namespace that is being deleted, then lets it go
/// (https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace).
///
/// Pods go first, so that nothing they rely on (credentials, policies) goes before them.
struct NamespaceController: Reconciler {
    let namespaces: Lister<Namespace>
    let client: Client
    /// All resources that live in namespaces and can be listed and deleted.
    let resources: [ResourceName]

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let namespace = namespaces[key], namespace.isBeingDeleted,
            namespace.spec.finalizers.contains("kubernetes")
        else { return .never }
        var remains = NamespaceRemains()
        let pods = resources.filter { $0.plural == "pods" && $0.group.isEmpty }
        for resource in pods { try await empty(resource, in: key.name, &remains) }
        if remains.isEmpty {
            for resource in resources where !pods.contains(resource) {
                try await empty(resource, in: key.name, &remains)
            }
        }
        let updated = try await report(remains, on: namespace)
        guard remains.isEmpty else {
            // Each object's end brings us back through the garbage collector's view of all kinds; this only mends.
            return .after(.seconds(10))
        }
        guard let updated else { return .never }
        try await finalize(updated)
        return .never
    }

    /// Deletes all objects of one resource; what is still there then (finalizers, grace periods) is noted.
    private func empty(_ resource: ResourceName, in namespace: String, _ remains: inout NamespaceRemains)
        async throws(APIError)
    {
        do {
            try await client.deleteCollection(resource, namespace: namespace)
            let left: MetadataList = try await client.list(resource, namespace: namespace)
            remains.add(left.items, of: resource)
        } catch  where error.isNotFound || error.status?.code == 405 {
            // Not served (any more).
        } catch {
            remains.failures.append(error.message)
        }
    }

    /// Writes the conditions. `nil` if the namespace is gone.
    private func report(_ remains: NamespaceRemains, on namespace: Namespace) async throws(APIError) -> Namespace? {
        var changed = namespace
        changed.status.phase = "Terminating"
        changed.status.conditions = remains.conditions(after: namespace.status.conditions, now: .now())
        guard changed.status != namespace.status else { return namespace }
        do {
            return try await client.updateStatus(changed)
        } catch  where error.isNotFound {
            return nil
        }
    }

    private func finalize(_ namespace: Namespace) async throws(APIError) {
        var changed = namespace
        changed.spec.finalizers.removeAll { $0 == "kubernetes" }
        do {
            try await client.update(changed, subresource: "finalize")
        } catch  where error.isNotFound {
            // Done already.
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, resources: [ResourceName], workers: Int, logger: Logger
    ) -> ControllerRunner<NamespaceController> {
        let namespaces = informers.informer(for: Namespace.self)
        let queue = WorkQueue<ObjectKey>()
        namespaces.addHandler { namespace in
            if namespace.isBeingDeleted { queue.add(namespace.key) }
        }
        let controller = NamespaceController(namespaces: namespaces.lister, client: client, resources: resources)
        return ControllerRunner(
            name: "namespace-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }
}

/// A list of any kind, of which only metadata is read.
private struct MetadataList: JSONReadable {
    var items: [PartialObjectMetadata] = []

    init(from reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextField() {
            if key.matches("items") {
                items = try [PartialObjectMetadata](from: &reader)
            } else {
                try reader.skip()
            }
        }
    }
}

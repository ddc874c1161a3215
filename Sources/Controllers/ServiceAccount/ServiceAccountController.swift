internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Gives every active Namespace its `default` ServiceAccount.
struct ServiceAccountController: Reconciler {
    let namespaces: Lister<Namespace>
    let serviceAccounts: Lister<ServiceAccount>
    let client: Client

    /// Level-based: acts on what is true now, whichever event queued `key`.
    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let namespace = namespaces[key], namespace.isActive else { return .never }
        let wanted = ObjectKey(namespace: key.name, name: "default")
        guard serviceAccounts[wanted] == nil else { return .never }
        var account = ServiceAccount()
        account.metadata.namespace = wanted.namespace
        account.metadata.name = wanted.name
        do {
            try await client.create(account)
        } catch  where error.isAlreadyExists || error.isNamespaceTerminating {
            // Our cache lagged. The fixed name makes that harmless.
        }
        return .never
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, workers: Int, logger: Logger
    ) -> ControllerRunner<ServiceAccountController> {
        let namespaces = informers.informer(for: Namespace.self)
        let accounts = informers.informer(for: ServiceAccount.self, fieldSelector: "metadata.name=default")
        let queue = WorkQueue<ObjectKey>()
        namespaces.addHandler { queue.add($0.key) }
        accounts.addHandler(onDelete: { queue.add(ObjectKey(namespace: "", name: $0.key.namespace)) })
        let controller = ServiceAccountController(
            namespaces: namespaces.lister, serviceAccounts: accounts.lister, client: client)
        return ControllerRunner(
            name: "serviceaccount-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }
}

extension Namespace {
    /// Things can still be created in it.
    var isActive: Bool { !isBeingDeleted && status.phase != "Terminating" }
}

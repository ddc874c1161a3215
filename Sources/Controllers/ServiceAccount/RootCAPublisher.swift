internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Keeps the ConfigMap `kube-root-ca.crt` in every active Namespace: what pods verify the API server with.
struct RootCAPublisher: Reconciler {
    static let name = "kube-root-ca.crt"

    let namespaces: Lister<Namespace>
    let configMaps: Lister<ConfigMap>
    let client: Client
    /// The cluster CA's certificate.
    let certificatePEM: String

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let namespace = namespaces[key], namespace.isActive else { return .never }
        let wanted = makeConfigMap(in: key.name)
        guard var current = configMaps[wanted.key] else {
            do {
                try await client.create(wanted)
            } catch  where error.isAlreadyExists || error.isNamespaceTerminating {
                // Our cache lagged. The fixed name makes that harmless; a later event brings us back.
            }
            return .never
        }
        guard current.data != wanted.data else { return .never }
        current.data = wanted.data
        current.binaryData = [:]
        try await client.update(current)
        return .never
    }

    private func makeConfigMap(in namespace: String) -> ConfigMap {
        var configMap = ConfigMap()
        configMap.metadata.namespace = namespace
        configMap.metadata.name = Self.name
        configMap.metadata.annotations["kubernetes.io/description"] = """
            Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as \
            the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
            Kubernetes clusters.
            """
        configMap.data["ca.crt"] = certificatePEM
        return configMap
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, certificatePEM: String, workers: Int, logger: Logger
    ) -> ControllerRunner<RootCAPublisher> {
        let namespaces = informers.informer(for: Namespace.self)
        let configMaps = informers.informer(for: ConfigMap.self, fieldSelector: "metadata.name=\(name)")
        let queue = WorkQueue<ObjectKey>()
        namespaces.addHandler { queue.add($0.key) }
        configMaps.addHandler(
            onUpdate: { _, new in queue.add(ObjectKey(namespace: "", name: new.key.namespace)) },
            onDelete: { queue.add(ObjectKey(namespace: "", name: $0.key.namespace)) })
        let controller = RootCAPublisher(
            namespaces: namespaces.lister, configMaps: configMaps.lister, client: client,
            certificatePEM: certificatePEM)
        return ControllerRunner(
            name: "root-ca-certificate-publisher-controller", reconciler: controller, queue: queue, workers: workers,
            logger: logger)
    }
}

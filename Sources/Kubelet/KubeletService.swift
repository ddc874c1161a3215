internal import APIMachinery
internal import CRI
internal import KubeAPI
package import KubeClient
package import Logging
internal import PKI
package import Transport

/// The node agent: brings up the container runtime, registers the node, and runs the pods bound to it.
///
/// Ending its task leaves containerd and all containers running; the next one adopts them.
package struct KubeletService: Sendable {
    package let runtime: ContainerRuntime
    /// Where each pod is in the runtime.
    package let index = PodRuntimeIndex()
    /// Logs, exec, attach, port-forward and the like, with the kubelet's own paths.
    package let handler: any HTTPHandler
    /// `metrics.k8s.io` for this node.
    package let metrics: any HTTPHandler
    private let probes = ProbeTotals()
    private let configuration: KubeletConfiguration
    private let client: Client
    private let recorder: EventRecorder
    private let pods: Informer<Pod>
    private let nodePods: NodePods
    private let manifestReader: ManifestReader
    private let services: Informer<Service>
    private let provisioner: LocalPathService
    private let claims: Informer<PersistentVolumeClaim>
    private let logger: Logger

    /// `storage`: acts for the local-path provisioner, which makes volumes.
    package init(
        configuration: KubeletConfiguration, client: Client, storage: Client, informers: InformerFactory,
        manifestReader: @escaping ManifestReader, logger: Logger
    ) throws {
        self.manifestReader = manifestReader
        self.configuration = configuration
        self.client = client
        self.logger = logger
        runtime = try ContainerRuntime(configuration: configuration.runtime, logger: logger)
        recorder = EventRecorder(client: client, component: "kubelet", host: configuration.nodeName, logger: logger)
        pods = informers.informer(for: Pod.self, fieldSelector: "spec.nodeName=\(configuration.nodeName)")
        nodePods = NodePods(pods.lister)
        services = informers.informer(for: Service.self)
        claims = informers.informer(for: PersistentVolumeClaim.self)
        provisioner = LocalPathService(
            configuration: configuration, client: storage, informers: informers, logger: logger)
        let meter = ResourceMeter(
            cri: runtime.client, pods: nodePods, nodeName: configuration.nodeName, client: client)
        metrics = MetricsAPI(meter: meter, nodeName: configuration.nodeName)
        handler = KubeletServer(
            index: index, pods: nodePods, cri: runtime.client, meter: meter, probes: probes,
            configuration: configuration, logger: logger)
    }

    /// `handler` for the node's own port, where everybody has to say who they are and have the right.
    /// `authoritiesPEM`: those whose client certificates count.
    package func gate(authoritiesPEM: [UInt8]) throws -> any HTTPHandler {
        KubeletGate(
            client: client, certificates: try CertificateVerifier(authoritiesPEM: authoritiesPEM),
            nodeName: configuration.nodeName, handler: handler, logger: logger)
    }

    /// Works until the task is cancelled.
    /// - Throws: `RuntimeError` if the container runtime cannot be brought up.
    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await runtime.run() }
            group.addTask { await recorder.run() }
            group.addTask { try await startNode() }
        }
    }

    private func startNode() async throws {
        let configuration = configuration
        async let facts = BlockingWork.run {
            try FileSystem.createDirectory(configuration.runtime.dataDirectory, mode: 0o711)
            try FileSystem.createDirectory(configuration.runtime.podDirectory, mode: 0o711)
            try SharedMount.ensure(configuration.runtime.podDirectory)
            try FileSystem.createDirectory(configuration.runtime.podLogDirectory)
            // Where it cannot be made there are no static pods.
            try? FileSystem.createDirectory(configuration.staticPodDirectory, mode: 0o755)
            return NodeFacts(
                name: configuration.nodeName, address: configuration.nodeAddress,
                dataDirectory: configuration.runtime.dataDirectory, settings: configuration.settings)
        }
        try await runtime.start()
        try await work(on: facts)
    }

    private func work(on facts: NodeFacts) async throws {
        let state = NodeState()
        let reporter = NodeReporter(
            configuration: configuration, facts: facts, cri: runtime.client, client: client, recorder: recorder,
            state: state, logger: logger)
        let groups = PodGroups(
            root: configuration.cgroupRoot, node: facts, settings: configuration.settings, logger: logger)
        _ = try? await BlockingWork.run { groups.makeRoots() }
        let access = ImageAccess(
            directory: configuration.runtime.dataDirectory + "/image_manager", cri: runtime.client, logger: logger)
        let shared = PodServices(
            configuration: configuration, node: facts, cri: runtime.client, client: client, recorder: recorder,
            services: services.lister, index: index, owners: ContainerOwners(), state: state, groups: groups,
            probes: probes, pods: nodePods,
            content: ReferencedContent(client: client, logger: logger), access: access,
            pulls: ImagePulls(cri: runtime.client, access: access), logger: logger)
        let manifests = ManifestDirectory(
            path: configuration.staticPodDirectory, nodeName: configuration.nodeName, reader: manifestReader,
            recorder: recorder, logger: logger)
        let workers = PodWorkers(shared: shared, pods: pods, manifests: manifests)
        let images = ImageCollector(shared: shared, pods: nodePods)
        let containers = ContainerCollector(shared: shared, pods: nodePods, workers: workers)
        let evictor = Evictor(
            shared: shared, pods: nodePods, workers: workers, state: state, images: images, containers: containers)
        claims.addHandler(
            onUpdate: { old, new in
                if old.status.phase != new.status.phase { shared.content.claimChanged(new.key) }
            })
        await withDiscardingTaskGroup { group in
            group.addTask { await workers.run() }
            group.addTask { await provisioner.run() }
            group.addTask { await LogRotation(index: index, cri: runtime.client, configuration.settings).run() }
            group.addTask { await images.run() }
            group.addTask { await containers.run() }
            group.addTask { await evictor.run() }
            group.addTask { await NodeShutdown(shared: shared, pods: nodePods, workers: workers).run() }
            group.addTask {
                await reporter.register()
                let owner = await reporter.reference
                await withDiscardingTaskGroup { group in
                    group.addTask { await reporter.run() }
                    group.addTask {
                        await LeaseRenewer(
                            client: client,
                            key: ObjectKey(namespace: "kube-node-lease", name: configuration.nodeName),
                            holder: configuration.nodeName, owner: { owner }, logger: logger
                        ).run()
                    }
                }
            }
        }
    }
}

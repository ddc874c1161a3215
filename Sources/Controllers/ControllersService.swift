internal import APIMachinery
internal import KubeAPI
package import KubeClient
package import Logging
package import PKI

/// All controllers, run as one.
///
/// They share the informers; nothing here polls, so an idle cluster leaves them asleep.
package struct ControllersService: Sendable {
    /// What the controllers are told from outside.
    package struct Configuration: Sendable {
        /// Certificate of the cluster's CA, published to every namespace.
        package var clusterCAPEM: String
        /// Signs approved certificate requests; `nil` where nobody does.
        package var authority: ClusterCA?
        /// Signs the tokens that rest in Secrets; `nil` where nobody does.
        package var tokens: ServiceAccountTokens?
        /// Silence after which a node is unreachable.
        package var nodeGracePeriod: Duration = .seconds(40)
        /// How long a node must be gone before its pods are removed.
        package var goneNodeQuarantine: Duration = .seconds(40)
        /// Finished pods kept in the cluster.
        package var finishedPodsMax = 12_500
        /// The range that the cluster's Services had from the start; `nil` where another server keeps it.
        package var serviceCIDR: String?
        /// Keys that one controller works on at once.
        package var workers = 4

        package init(clusterCAPEM: String) {
            self.clusterCAPEM = clusterCAPEM
        }
    }

    private let client: Client
    private let informers: InformerFactory
    private let configuration: Configuration
    private let logger: Logger

    /// `informers`: run by the caller; the controllers wait until they have synced.
    package init(
        client: Client, informers: InformerFactory, configuration: Configuration,
        logger: Logger = Logger(label: "controllers")
    ) {
        self.client = client
        self.informers = informers
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs all controllers until the task is cancelled.
    package func run() async throws {
        let workloads = workloadRunners()
        let credentials = credentialRunners()
        let rest = clusterRunners()
        let volumes = volumeRunners()
        let (collector, collectorEvents) = garbageCollector(namespaceQueue: rest.namespaces.queue)
        let recorders = workloads.recorders + rest.recorders + volumes.recorders + [collectorEvents]
        await withDiscardingTaskGroup { group in
            for recorder in recorders { group.addTask { await recorder.run() } }
            group.addTask { await collector.run() }
            await informers.waitForSync()
            for run in workloads.runs + rest.runs + volumes.runs + credentials { group.addTask { await run() } }
        }
    }

    private typealias Run = @Sendable () async -> Void

    private func workloadRunners() -> (runs: [Run], recorders: [EventRecorder]) {
        let replicaSetEvents = recorder(ReplicaSet.eventComponent)
        let replicationEvents = recorder(ReplicationController.eventComponent)
        let deploymentEvents = recorder("deployment-controller")
        let replicaSets = ReplicaController<ReplicaSet>.makeRunner(
            client: client, informers: informers, events: replicaSetEvents, workers: configuration.workers,
            logger: logger)
        let replicationControllers = ReplicaController<ReplicationController>.makeRunner(
            client: client, informers: informers, events: replicationEvents, workers: configuration.workers,
            logger: logger)
        let deployments = DeploymentController.makeRunner(
            client: client, informers: informers, events: deploymentEvents, workers: configuration.workers,
            logger: logger)
        let budgetEvents = recorder("controllermanager")
        let budgets = DisruptionController.makeRunner(
            client: client, informers: informers, events: budgetEvents, workers: 1, logger: logger)
        return (
            [
                { await replicaSets.run() }, { await replicationControllers.run() }, { await deployments.run() },
                { await budgets.run() },
            ],
            [replicaSetEvents, replicationEvents, deploymentEvents, budgetEvents]
        )
    }

    private func clusterRunners() -> (
        runs: [Run], recorders: [EventRecorder], namespaces: ControllerRunner<NamespaceController>
    ) {
        let nodeEvents = recorder("node-controller")
        let taintEvents = recorder("taint-eviction-controller")
        let workers = configuration.workers
        let namespaced = Self.collectedResources.filter(\.isNamespaced)
        let namespaces = NamespaceController.makeRunner(
            client: client, informers: informers, resources: namespaced + Self.eventResources, workers: workers,
            logger: logger)
        let accounts = ServiceAccountController.makeRunner(
            client: client, informers: informers, workers: 1, logger: logger)
        let rootCA = RootCAPublisher.makeRunner(
            client: client, informers: informers, certificatePEM: configuration.clusterCAPEM, workers: 1,
            logger: logger)
        let aggregation = ClusterRoleAggregation.makeRunner(
            client: client, informers: informers, workers: 1, logger: logger)
        let nodes = NodeLifecycleController.makeRunner(
            client: client, informers: informers, events: nodeEvents, gracePeriod: configuration.nodeGracePeriod,
            workers: workers, logger: logger)
        let taints = TaintEviction.makeRunner(
            client: client, informers: informers, events: taintEvents, workers: workers, logger: logger)
        let podGC = PodGarbageCollector.makeRunner(
            client: client, informers: informers, finishedMax: configuration.finishedPodsMax,
            quarantine: configuration.goneNodeQuarantine, workers: 1, logger: logger)
        let protections = VolumeProtections.makeRuns(
            client: client, informers: informers, workers: 1, logger: logger)
        let slices = EndpointSliceController.makeRunner(
            client: client, informers: informers, workers: workers, logger: logger)
        let mirrors = EndpointSliceMirroring.makeRunner(
            client: client, informers: informers, workers: 1, logger: logger)
        let endpoints = EndpointsController.makeRunner(
            client: client, informers: informers, workers: workers, logger: logger)
        let balancerEvents = recorder("service-controller")
        let balancers = ServiceLoadBalancer.makeRunner(
            client: client, informers: informers, events: balancerEvents, logger: logger)
        let rangeEvents = recorder("service-cidrs-controller")
        let ranges = ServiceCIDRController.makeRunner(
            client: client, informers: informers, events: rangeEvents, initial: configuration.serviceCIDR,
            logger: logger)
        let addressEvents = recorder("ipallocator-repair-controller")
        let addresses = ServiceIPAddresses.makeRunner(
            client: client, informers: informers, events: addressEvents, workers: workers, logger: logger)
        let runs: [Run] =
            protections + [
                { await balancers.run() }, { await ranges.run() }, { await addresses.run() },
                { await slices.run() }, { await mirrors.run() }, { await endpoints.run() },
                { await namespaces.run() }, { await accounts.run() }, { await rootCA.run() }, { await nodes.run() },
                { await taints.run() }, { await podGC.run() }, { await aggregation.run() },
            ]
        return (runs, [nodeEvents, taintEvents, balancerEvents, rangeEvents, addressEvents], namespaces)
    }

    private func volumeRunners() -> (runs: [Run], recorders: [EventRecorder]) {
        let binderEvents = recorder("persistentvolume-controller")
        let binder = VolumeBinder.makeRunner(
            client: client, informers: informers, events: binderEvents, logger: logger)
        let ephemeralEvents = recorder("ephemeral_volume")
        let ephemeral = EphemeralVolumes.makeRunner(
            client: client, informers: informers, events: ephemeralEvents, logger: logger)
        return ([{ await binder.run() }, { await ephemeral.run() }], [binderEvents, ephemeralEvents])
    }

    private func credentialRunners() -> [Run] {
        var runs: [Run] = []
        if let authority = configuration.authority {
            let certificates = CertificateController.makeRunner(
                client: client, informers: informers, authority: authority, workers: 1, logger: logger)
            runs.append { await certificates.run() }
        }
        if let tokens = configuration.tokens {
            let secrets = TokenSecretController.makeRunner(
                client: client, informers: informers, tokens: tokens, certificatePEM: configuration.clusterCAPEM,
                workers: 1, logger: logger)
            runs.append { await secrets.run() }
        }
        return runs
    }

    private func garbageCollector(
        namespaceQueue: WorkQueue<ObjectKey>
    ) -> (GarbageCollectorService, EventRecorder) {
        let events = recorder("garbage-collector-controller")
        let namespaces = informers.informer(for: Namespace.self).lister
        let service = GarbageCollectorService(
            client: client, resources: Self.collectedResources, events: events, workers: Self.collectorWorkers,
            logger: logger
        ) { namespace in
            let key = ObjectKey(namespace: "", name: namespace)
            // A namespace that is being emptied looks again when something in it ends.
            if namespaces[key]?.isBeingDeleted == true { namespaceQueue.add(key, after: .milliseconds(50)) }
        }
        return (service, events)
    }

    /// A worker waits for the disk most of its time; many deletions then share one commit.
    private static let collectorWorkers = 16

    private func recorder(_ component: String) -> EventRecorder {
        EventRecorder(client: client, component: component, logger: logger)
    }

    /// Every resource whose objects can own or be owned, one version of each. Events are left out: they are many, and
    /// end by themselves.
    static let collectedResources: [ResourceName] = {
        var seen: Set<[String]> = []
        return ResourceTable.all.filter { resource in
            resource.plural != "events" && Set(["list", "watch", "delete"]).isSubset(of: resource.verbs)
                && seen.insert([resource.group, resource.plural]).inserted
        }
        .map(\.name)
    }()

    private static let eventResources = ResourceTable.all.filter { $0.plural == "events" && $0.group.isEmpty }.map(
        \.name)
}

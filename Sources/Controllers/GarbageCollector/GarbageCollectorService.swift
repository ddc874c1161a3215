internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging
internal import Synchronization

/// Watches the metadata of every kind and runs the collector on it.
///
/// One watch for each resource, none of which costs anything while nothing changes. Of an object only its place in the
/// graph is kept.
struct GarbageCollectorService: Sendable {
    private let client: Client
    private let resources: [ResourceName]
    private let runner: ControllerRunner<GarbageCollector>
    private let state: GarbageCollectorState
    private let onGone: @Sendable (_ namespace: String) -> Void
    private let logger: Logger

    /// `resources`: all that can be listed, watched and deleted.
    /// `onGone`: told of the namespace of each object that ends.
    init(
        client: Client, resources: [ResourceName], events: EventRecorder, workers: Int, logger: Logger,
        onGone: @escaping @Sendable (_ namespace: String) -> Void
    ) {
        self.client = client
        self.resources = resources
        self.logger = logger
        self.onGone = onGone
        state = GarbageCollectorState()
        let queue = WorkQueue<GarbageTask>()
        let byKind = Dictionary(
            resources.map { (GarbageCollector.GroupKind(group: $0.group, kind: $0.kind), $0) },
            uniquingKeysWith: { first, _ in first })
        let collector = GarbageCollector(
            client: client, state: state, queue: queue, events: events, resources: byKind)
        runner = ControllerRunner(
            name: "garbage-collector-controller", reconciler: collector, queue: queue, workers: workers,
            logger: logger)
    }

    /// Runs until the task is cancelled.
    func run() async {
        // One element for each monitor that has seen all its objects.
        let (synced, didSync) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingOldest(resources.count))
        await withDiscardingTaskGroup { group in
            for resource in resources {
                group.addTask { await monitor(resource) { didSync.yield() } }
            }
            // Before, owners would look absent only because their watch is slower, and each be asked for.
            var count = 0
            for await _ in synced {
                count += 1
                if count == resources.count { break }
            }
            if !Task.isCancelled { await runner.run() }
            group.cancelAll()
        }
    }

    private func monitor(_ resource: ResourceName, didSync: @escaping @Sendable () -> Void) async {
        // UIDs seen in a list that is under way; `nil` outside one. Touched by this monitor's reflector only.
        let listed = Mutex<Set<String>?>(nil)
        let reflector = Reflector<PartialObjectMetadata>(
            client: client, scope: WatchScope(resource: resource), logger: logger
        ) { event in
            switch event {
            case .replaceBegan:
                listed.withLock { $0 = [] }
            case .upserted(let object):
                listed.withLock { _ = $0?.insert(object.uid) }
                enqueue(state.observe(object.metadata, of: resource))
            case .deleted(let object):
                remove(object.uid, in: object.key.namespace)
            case .replaceEnded:
                for uid in state.unlisted(resource, listed.withLock { $0 } ?? []) {
                    remove(uid, in: state.node(uid)?.key.namespace ?? "")
                }
                listed.withLock { $0 = nil }
                didSync()
            }
        }
        await reflector.run()
    }

    private func remove(_ uid: String, in namespace: String) {
        enqueue(state.remove(uid))
        if !namespace.isEmpty { onGone(namespace) }
    }

    private func enqueue(_ tasks: [GarbageTask]) {
        for task in tasks { runner.queue.add(task) }
    }
}

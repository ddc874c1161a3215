internal import APIMachinery
internal import KubeAPI
package import KubeClient
package import Logging

/// Gives every pod that asks for `default-scheduler` a node to run on.
///
/// One loop decides, on what the informers know; bindings are written meanwhile. Nothing polls: a new pod is decided
/// on when its event arrives, one that fits nowhere when something changes that could help it.
package struct SchedulerService: Sendable {
    private let client: Client
    private let pods: Informer<Pod>
    private let nodes: Informer<Node>
    private let namespaces: Informer<Namespace>
    private let volumes: VolumeState
    private let preparation: VolumePreparation
    private let claimWaiters = ClaimWaiters()
    /// Bindings that wait for volumes. Bounded by the pods without a node.
    private let slowBindings = AsyncStream<@Sendable () async -> Void>.makeStream()
    private let claims: Informer<PersistentVolumeClaim>
    private let persistentVolumes: Informer<PersistentVolume>
    private let classes: Informer<StorageClass>
    private let cache = SchedulerCache()
    private let queue = SchedulingQueue()
    private let recorder: EventRecorder
    private let algorithm = SchedulingAlgorithm.standard
    private let logger: Logger

    /// Bindings and conditions being written at once; the loop waits beyond it.
    private static let writesMax = 128

    package init(client: Client, informers: InformerFactory, logger: Logger = Logger(label: "scheduler")) {
        self.client = client
        self.logger = logger
        pods = informers.informer(for: Pod.self)
        nodes = informers.informer(for: Node.self)
        namespaces = informers.informer(for: Namespace.self)
        claims = informers.informer(for: PersistentVolumeClaim.self)
        persistentVolumes = informers.informer(for: PersistentVolume.self)
        classes = informers.informer(for: StorageClass.self)
        volumes = VolumeState(claims: claims.lister, volumes: persistentVolumes.lister, classes: classes.lister)
        preparation = VolumePreparation(
            client: client, state: volumes, waiters: claimWaiters, pods: pods.lister)
        recorder = EventRecorder(client: client, component: PodScheduling.schedulerName, logger: logger)
        watch()
    }

    /// Schedules until the task is cancelled.
    package func run() async throws {
        await nodes.waitForSync()
        await namespaces.waitForSync()
        await claims.waitForSync()
        await persistentVolumes.waitForSync()
        await classes.waitForSync()
        await pods.waitForSync()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await recorder.run() }
            group.addTask {
                await withDiscardingTaskGroup { group in
                    for await bind in slowBindings.stream { group.addTask { await bind() } }
                    group.cancelAll()
                }
            }
            var writes = 0
            while let job = await queue.next() {
                if writes >= Self.writesMax {
                    await group.next()
                    writes -= 1
                }
                guard let write = decide(job) else { continue }
                writes += 1
                group.addTask { await write() }
            }
            group.cancelAll()
        }
    }

    // MARK: What happens in the cluster

    private func watch() {
        nodes.addHandler(
            onAdd: { [cache, queue] node in
                cache.setNode(NodeFacts(node))
                queue.note(.nodeAdded)
            },
            onUpdate: { [cache, queue] old, new in
                // Most updates are heartbeats.
                let matters =
                    old.spec != new.spec || old.metadata.labels != new.metadata.labels
                    || old.status.allocatable != new.status.allocatable
                if matters || old.status.images != new.status.images { cache.setNode(NodeFacts(new)) }
                if matters { queue.note(.nodeChanged) }
            },
            onDelete: { [cache] node in cache.removeNode(node.metadata.name ?? "") }
        )
        let places = PodPlaces(cache: cache, queue: queue)
        pods.addHandler(
            onAdd: { places.changed(from: nil, to: $0) },
            onUpdate: { places.changed(from: $0, to: $1) },
            onDelete: { [claimWaiters] in
                places.removed($0)
                claimWaiters.wake()
            }
        )
        watchVolumes()
    }

    private func watchVolumes() {
        claims.addHandler { [queue, claimWaiters] _ in
            queue.note(.claimChanged)
            claimWaiters.wake()
        }
        persistentVolumes.addHandler { [queue] _ in queue.note(.volumeChanged) }
        classes.addHandler { [queue] _ in queue.note(.classChanged) }
    }

    // MARK: Decisions

    /// Decides about one pod. What is left to write is returned, to be done while the next pod is decided on.
    private func decide(_ job: SchedulingJob) -> (@Sendable () async -> Void)? {
        let facts = PodFacts(job.pod)
        guard !cache.isPlaced(uid: facts.uid) else {
            queue.finish(job)
            return nil
        }
        let namespaces = namespaces.lister
        var context = SchedulingContext(pod: facts, nodes: cache.snapshot()) { name in
            namespaces[ObjectKey(namespace: "", name: name)]?.metadata.labels ?? [:]
        }
        context.volumes = volumes
        do throws(Unschedulable) {
            let node = try algorithm.place(context)
            cache.assume(facts, on: node)
            guard let plan = volumePlan(context, node) else { return { await bind(job, facts, to: node) } }
            volumes.assume(plan, on: node)
            slowBindings.continuation.yield { await prepareAndBind(job, facts, to: node, plan) }
            return nil
        } catch {
            let preempts = job.pod.spec.preemptionPolicy != "Never"
            let message = error.message(preempts: preempts)
            queue.wait(job, for: error.retryEvents)
            return { await report(job.pod, reason: "Unschedulable", message) }
        }
    }

    /// What the pod's claims need on the node; `nil` where they need nothing.
    private func volumePlan(_ context: SchedulingContext, _ node: String) -> VolumePlan? {
        guard !context.pod.claims.isEmpty, let claims = try? PodClaims.find(context.pod.claims, in: volumes),
            let facts = context.nodes.first(where: { $0.node?.name == node })?.node,
            let plan = claims.plan(for: facts, volumes), !plan.isEmpty
        else { return nil }
        return plan
    }

    private func prepareAndBind(
        _ job: SchedulingJob, _ facts: PodFacts, to node: String, _ plan: VolumePlan
    ) async {
        switch await preparation.prepare(plan, for: job.pod, on: node) {
        case .ready: await bind(job, facts, to: node)
        case .gone:
            cache.forget(uid: facts.uid)
            queue.finish(job)
        case .failed(let message):
            cache.forget(uid: facts.uid)
            guard !Task.isCancelled else { return }
            queue.retry(job)
            await report(job.pod, reason: "SchedulerError", message)
        }
    }

    private func bind(_ job: SchedulingJob, _ facts: PodFacts, to node: String) async {
        var binding = Binding()
        binding.metadata.name = facts.key.name
        binding.metadata.namespace = facts.key.namespace
        binding.metadata.uid = facts.uid
        binding.target.kind = "Node"
        binding.target.name = node
        do throws(APIError) {
            let _: Status = try await client.create(
                subresource: "binding", of: Pod.resource, facts.key, binding
            )
            queue.finish(job)
            recorder.record(
                job.pod, .normal, reason: "Scheduled", "Successfully assigned \(facts.key) to \(node)"
            )
        } catch {
            cache.forget(uid: facts.uid)
            // Gone, or placed by somebody else: the informer says what became of it.
            if error.isNotFound || error.isConflict {
                queue.finish(job)
                return
            }
            guard !Task.isCancelled else { return }
            logger.warning("binding \(facts.key) to \(node): \(error.message)")
            queue.retry(job)
            await report(job.pod, reason: "SchedulerError", error.message)
        }
    }

    // MARK: Reports

    /// Says in the pod's condition and in an event why it has no node.
    private func report(_ pod: Pod, reason: String, _ message: String) async {
        recorder.record(pod, .warning, reason: "FailedScheduling", message)
        let type = PodConditionType.podScheduled
        let current = pods.lister[pod.key] ?? pod
        let known = current.status.conditions.first { $0.type == type }
        if known?.status == ConditionStatus.false, known?.reason == reason, known?.message == message { return }
        var condition: Value = [
            "type": .string(type), "status": .string(ConditionStatus.false), "reason": .string(reason),
            "message": .string(message), "lastProbeTime": .null,
        ]
        let hasChanged = known?.status != ConditionStatus.false
        let since = hasChanged ? Time.now() : known?.lastTransitionTime ?? Time.now()
        condition["lastTransitionTime"] = .string(since.description)
        if let generation = current.metadata.generation { condition["observedGeneration"] = .int(generation) }
        let patch: Value = [
            // A pod of the same name that came since is not meant.
            "metadata": ["uid": .string(pod.metadata.uid ?? "")], "status": ["conditions": [condition]],
        ]
        do throws(APIError) {
            try await client.patch(Pod.self, pod.key, .strategic(patch), subresource: "status")
        } catch {
            if !error.isNotFound, !error.isConflict {
                logger.warning("condition of \(pod.key): \(error.message)")
            }
        }
    }
}

/// Keeps cache and queue in step with the pods.
private struct PodPlaces: Sendable {
    let cache: SchedulerCache
    let queue: SchedulingQueue

    func changed(from old: Pod?, to pod: Pod) {
        // A deletion and a creation of the same name may come as one change.
        if let old, old.metadata.uid != pod.metadata.uid { removed(old) }
        let old = old?.metadata.uid == pod.metadata.uid ? old : nil
        guard pod.isPlaced else {
            if pod.isOurs { queue.upsert(pod) } else { queue.remove(pod.key) }
            return
        }
        if old?.isPlaced != true { queue.remove(pod.key) }
        guard !pod.hasEnded else {
            if old?.hasEnded != true { removed(pod) }
            return
        }
        let matters =
            old?.isPlaced != true || old?.spec != pod.spec || old?.metadata.labels != pod.metadata.labels
            || old?.metadata.deletionTimestamp != pod.metadata.deletionTimestamp
        // Not for every change of status.
        guard matters else { return }
        cache.setPod(PodFacts(pod), on: pod.spec.nodeName ?? "")
        queue.note(.podPlaced)
    }

    func removed(_ pod: Pod) {
        queue.remove(pod.key)
        // Also one that was about to be bound, which the informer never showed on a node.
        if cache.removePod(uid: pod.metadata.uid ?? "") { queue.note(.podRemoved) }
    }
}

/// Words of the scheduling interface.
enum PodScheduling {
    static let schedulerName = "default-scheduler"
}

extension Pod {
    fileprivate var isPlaced: Bool { !(spec.nodeName ?? "").isEmpty }

    fileprivate var hasEnded: Bool {
        [PodPhase.succeeded, PodPhase.failed].contains(status.phase ?? "")
    }

    /// Waits for this scheduler.
    fileprivate var isOurs: Bool {
        (spec.schedulerName ?? PodScheduling.schedulerName) == PodScheduling.schedulerName
            && metadata.deletionTimestamp == nil && !hasEnded
    }
}

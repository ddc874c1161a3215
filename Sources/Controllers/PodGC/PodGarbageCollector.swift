internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Removes pods that nobody else will: those of nodes that no longer exist, those deleted before they got a node, and
/// the oldest finished ones beyond a threshold
/// (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection).
struct PodGarbageCollector: Reconciler {
    enum Task: Hashable, Sendable {
        case pod(ObjectKey)
        case finished
    }

    let client: Client
    let nodes: Lister<Node>
    let pods: Lister<Pod>
    /// Finished pods kept.
    let finishedMax: Int
    /// How long a node must be gone: it may be about to register again.
    let quarantine: Duration

    func reconcile(_ task: Task) async throws(APIError) -> Requeue {
        switch task {
        case .finished:
            try await trimFinished()
        case .pod(let key):
            guard let pod = pods[key] else { return .never }
            try await check(pod)
        }
        return .never
    }

    private func check(_ pod: Pod) async throws(APIError) {
        guard let node = pod.spec.nodeName, !node.isEmpty else {
            // No kubelet will ever confirm its end.
            if pod.isBeingDeleted { try await remove(pod) }
            return
        }
        let key = ObjectKey(namespace: "", name: node)
        guard nodes[key] == nil, try await isGone(key) else { return }
        try await markFailed(pod)
        try await remove(pod)
    }

    /// Asks the server: our cache may be behind.
    private func isGone(_ node: ObjectKey) async throws(APIError) -> Bool {
        do {
            _ = try await client.get(Node.self, node)
            return false
        } catch  where error.isNotFound {
            return true
        }
    }

    private func markFailed(_ pod: Pod) async throws(APIError) {
        guard !pod.isTerminal else { return }
        var changed = pod.withDisruption(
            reason: "DeletionByPodGC", "PodGC: node no longer exists", now: .now())
        changed.status.phase = PodPhase.failed
        do {
            try await client.updateStatus(changed)
        } catch  where error.isNotFound {
            // Gone already.
        }
    }

    /// Without grace: there is no one to wait for.
    private func remove(_ pod: Pod) async throws(APIError) {
        var options = DeleteOptions()
        options.gracePeriodSeconds = 0
        var preconditions = Preconditions()
        preconditions.uid = pod.uid
        options.preconditions = preconditions
        do {
            try await client.delete(Pod.self, pod.key, options: options)
        } catch  where error.isNotFound {
            // Gone already.
        }
    }

    private func trimFinished() async throws(APIError) {
        let finished = pods.list(index: "finished", value: "").filter { !$0.isBeingDeleted }
        let surplus = finished.count - finishedMax
        guard surplus > 0 else { return }
        let oldest = finished.sorted {
            ($0.metadata.creationTimestamp?.seconds ?? 0, $0.name) < (
                $1.metadata.creationTimestamp?.seconds ?? 0, $1.name
            )
        }
        for pod in oldest.prefix(surplus) { try await remove(pod) }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, finishedMax: Int, quarantine: Duration, workers: Int,
        logger: Logger
    ) -> ControllerRunner<PodGarbageCollector> {
        let nodes = informers.informer(for: Node.self)
        let pods = informers.informer(for: Pod.self)
        pods.addIndex(.node)
        pods.addIndex(InformerIndex("finished") { $0.isTerminal ? [""] : [] })
        let queue = WorkQueue<Task>()
        let podLister = pods.lister
        nodes.addHandler(onDelete: { node in
            for pod in podLister.list(index: "node", value: node.name) { queue.add(.pod(pod.key), after: quarantine) }
        })
        let podSeen: @Sendable (Pod) -> Void = { pod in
            if pod.isTerminal { queue.add(.finished, after: .seconds(20)) }
            let node = pod.spec.nodeName ?? ""
            if node.isEmpty {
                if pod.isBeingDeleted { queue.add(.pod(pod.key), after: .seconds(1)) }
            } else if nodes.hasSynced, nodes.lister[ObjectKey(namespace: "", name: node)] == nil {
                queue.add(.pod(pod.key), after: quarantine)
            }
        }
        pods.addHandler(onAdd: podSeen, onUpdate: { _, new in podSeen(new) })
        let controller = PodGarbageCollector(
            client: client, nodes: nodes.lister, pods: pods.lister, finishedMax: finishedMax, quarantine: quarantine)
        return ControllerRunner(
            name: "pod-garbage-collector-controller", reconciler: controller, queue: queue, workers: workers,
            logger: logger)
    }
}

internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Deletes pods that do not tolerate a `NoExecute` taint of their node, each when its toleration ends
/// (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions).
struct TaintEviction: Reconciler {
    let client: Client
    let nodes: Lister<Node>
    let pods: Lister<Pod>
    let events: EventRecorder

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let pod = pods[key], !pod.isBeingDeleted, !pod.isTerminal, let nodeName = pod.spec.nodeName,
            let node = nodes[ObjectKey(namespace: "", name: nodeName)]
        else { return .never }
        switch Self.verdict(on: pod, taints: node.noExecuteTaints, now: .now()) {
        case .stays:
            return .never
        case .goes(let delay) where delay > .zero:
            return .after(delay)
        case .goes:
            try await evict(pod)
            return .never
        }
    }

    enum Verdict: Equatable {
        case stays
        /// After this long, if the taints stay; not positive for at once.
        case goes(after: Duration)
    }

    /// The shortest toleration counts, from the time the taint was added. Pure.
    static func verdict(on pod: Pod, taints: [Taint], now: Time) -> Verdict {
        var end: Duration?
        for taint in taints {
            let tolerations = pod.spec.tolerations.filter { $0.tolerates(taint) }
            guard !tolerations.isEmpty else { return .goes(after: .zero) }
            let limits = tolerations.compactMap(\.tolerationSeconds)
            guard let seconds = limits.min() else { continue }
            let left = (taint.timeAdded ?? now) + .seconds(max(0, seconds)) - now
            end = min(end ?? left, left)
        }
        return end.map { .goes(after: $0) } ?? .stays
    }

    private func evict(_ pod: Pod) async throws(APIError) {
        events.record(
            pod, .normal, reason: "TaintManagerEviction", "Marking for deletion Pod \(pod.key)")
        do {
            try await client.updateStatus(
                pod.withDisruption(
                    reason: "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", now: .now()))
            var options = DeleteOptions()
            var preconditions = Preconditions()
            preconditions.uid = pod.uid
            options.preconditions = preconditions
            try await client.delete(Pod.self, pod.key, options: options)
        } catch  where error.isNotFound {
            // It went by itself.
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, workers: Int, logger: Logger
    ) -> ControllerRunner<TaintEviction> {
        let nodes = informers.informer(for: Node.self)
        let pods = informers.informer(for: Pod.self)
        pods.addIndex(.node)
        let queue = WorkQueue<ObjectKey>()
        let (nodeLister, podLister) = (nodes.lister, pods.lister)
        let nodeSeen: @Sendable (Node) -> Void = { node in
            for pod in podLister.list(index: "node", value: node.name) { queue.add(pod.key) }
        }
        nodes.addHandler(
            onAdd: { node in if !node.noExecuteTaints.isEmpty { nodeSeen(node) } },
            onUpdate: { old, new in if old.noExecuteTaints != new.noExecuteTaints { nodeSeen(new) } })
        let podSeen: @Sendable (Pod) -> Void = { pod in
            guard let name = pod.spec.nodeName, let node = nodeLister[ObjectKey(namespace: "", name: name)],
                !node.noExecuteTaints.isEmpty
            else { return }
            queue.add(pod.key)
        }
        pods.addHandler(
            onAdd: podSeen,
            onUpdate: { old, new in
                if old.spec.nodeName != new.spec.nodeName || old.spec.tolerations != new.spec.tolerations {
                    podSeen(new)
                }
            })
        let controller = TaintEviction(client: client, nodes: nodes.lister, pods: pods.lister, events: events)
        return ControllerRunner(
            name: "taint-eviction-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }
}

extension Toleration {
    /// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#concepts
    func tolerates(_ taint: Taint) -> Bool {
        if let effect, !effect.isEmpty, effect != taint.effect { return false }
        if let key, !key.isEmpty, key != taint.key { return false }
        switch self.operator ?? "" {
        case "Exists": return true
        case "", "Equal": return (key ?? "").isEmpty ? false : (value ?? "") == (taint.value ?? "")
        default: return false
        }
    }
}

extension Pod {
    /// With the condition that says why it is about to be disrupted.
    func withDisruption(reason: String, _ message: String, now: Time) -> Pod {
        var pod = self
        var condition = PodCondition()
        condition.type = PodConditionType.disruptionTarget
        condition.status = ConditionStatus.true
        condition.reason = reason
        condition.message = message
        condition.lastTransitionTime = now
        pod.status.conditions.removeAll { $0.type == condition.type }
        pod.status.conditions.append(condition)
        return pod
    }
}

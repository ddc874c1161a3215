internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Notices nodes that fell silent, and marks and taints them and those with trouble
/// (https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller).
///
/// A renewed lease costs nothing here: each node has one timer, which asks how long the silence has lasted.
struct NodeLifecycleController: Reconciler {
    let client: Client
    let nodes: Lister<Node>
    let pods: Lister<Pod>
    let heartbeats: Heartbeats
    let events: EventRecorder
    /// Silence after which a node is taken for unreachable.
    let gracePeriod: Duration

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard var node = nodes[key] else { return .never }
        let silence = heartbeats.silence(of: key.name)
        let isSilent = silence >= gracePeriod
        if isSilent {
            let conditions = NodeHealth.conditionsAfterSilence(node, now: .now())
            if conditions != node.status.conditions {
                let wasReady = node.isReady
                node.status.conditions = conditions
                node = try await client.updateStatus(node)
                if wasReady { reportNotReady(node) }
            }
        }
        try await setTaints(of: node)
        if let status = node.readyStatus, status != ConditionStatus.true { try await markPodsNotReady(on: node) }
        // Silent nodes wake us by their next lease.
        return isSilent ? .never : .after(gracePeriod - silence + .milliseconds(50))
    }

    private func reportNotReady(_ node: Node) {
        var reference = ObjectReference(to: node)
        // As upstream: events about nodes carry the name where others carry the UID.
        reference.uid = node.name
        events.record(
            reference, .normal, reason: "NodeNotReady", "Node \(node.name) status is now: NodeNotReady")
    }

    private func setTaints(of node: Node) async throws(APIError) {
        let mayEvict = nodes.all.contains { $0.name == node.name ? node.isReady : $0.isReady }
        let taints = NodeHealth.taints(of: node, mayEvict: mayEvict, now: .now())
        guard taints != node.spec.taints else { return }
        var spec = Value.object(OrderedFields())
        spec["taints"] = .array(taints.compactMap { try? Value(json: $0.jsonBytes()) })
        var metadata = Value.object(OrderedFields())
        // The whole list is replaced: refused if someone else changed it since.
        metadata["resourceVersion"] = node.metadata.resourceVersion.map { .string($0) }
        let patch = Value.object(OrderedFields([("metadata", metadata), ("spec", spec)]))
        try await client.patch(Node.resource, node.key, .merge(patch))
    }

    /// Nobody can vouch for the pods of a node that is not ready: Services leave them out.
    private func markPodsNotReady(on node: Node) async throws(APIError) {
        for pod in pods.list(index: "node", value: node.name) where pod.isReady {
            var changed = pod
            guard let index = changed.status.conditions.firstIndex(where: { $0.type == PodConditionType.ready }) else {
                continue
            }
            changed.status.conditions[index].status = ConditionStatus.false
            changed.status.conditions[index].lastTransitionTime = .now()
            try await updateStatus(changed)
        }
    }

    private func updateStatus(_ pod: Pod) async throws(APIError) {
        do {
            try await client.updateStatus(pod)
        } catch  where error.isNotFound {
            // It is gone, which is as good.
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, gracePeriod: Duration, workers: Int,
        logger: Logger
    ) -> ControllerRunner<NodeLifecycleController> {
        let nodes = informers.informer(for: Node.self)
        let leases = informers.informer(for: Lease.self, namespace: WellKnownNamespace.kubeNodeLease)
        let pods = informers.informer(for: Pod.self)
        pods.addIndex(.node)
        let heartbeats = Heartbeats()
        let queue = WorkQueue<ObjectKey>()
        let lister = nodes.lister
        nodes.addHandler(
            onAdd: { node in
                queue.add(node.key)
                var reference = ObjectReference(to: node)
                reference.uid = node.name
                events.record(
                    reference, .normal, reason: "RegisteredNode",
                    "Node \(node.name) event: Registered Node \(node.name) in Controller")
            },
            onUpdate: { old, new in
                if isHeartbeat(old, new) { heartbeats.statusSeen(new.name) }
                queue.add(new.key)
                // Whether pods may be evicted anywhere hangs on whether any node is ready.
                if old.isReady != new.isReady { for other in lister.keys { queue.add(other) } }
            },
            onDelete: { node in
                heartbeats.forget(node.name)
                queue.add(node.key)
            })
        let leaseSeen: @Sendable (Lease) -> Void = { lease in
            heartbeats.leaseSeen(lease.name, renewTime: lease.spec.renewTime)
            guard let node = lister[ObjectKey(namespace: "", name: lease.name)] else { return }
            // Only a node that had been given up needs a look; the others have their timer.
            if node.readyStatus == ConditionStatus.unknown { queue.add(node.key) }
        }
        leases.addHandler(onAdd: leaseSeen, onUpdate: { _, new in leaseSeen(new) })
        let controller = NodeLifecycleController(
            client: client, nodes: nodes.lister, pods: pods.lister, heartbeats: heartbeats, events: events,
            gracePeriod: gracePeriod)
        return ControllerRunner(
            name: "node-lifecycle-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }

    /// The kubelet, not this controller, wrote the status.
    private static func isHeartbeat(_ old: Node, _ new: Node) -> Bool {
        let times = [old, new].map { node in
            node.status.conditions.first { $0.type == NodeConditionType.ready }?.lastHeartbeatTime
        }
        return times[0] != times[1]
    }
}

extension InformerIndex where T == Pod {
    /// Pods by the node they are bound to.
    static var node: InformerIndex {
        InformerIndex("node") { $0.spec.nodeName.map { [$0] } ?? [] }
    }
}

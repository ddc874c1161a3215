internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

extension ReplicaController {
    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, workers: Int, logger: Logger
    ) -> ControllerRunner<ReplicaController> {
        let owners = informers.informer(for: Owner.self)
        let pods = informers.informer(for: Pod.self)
        pods.addIndex(.orphans)
        let expectations = Expectations<ObjectKey>()
        let queue = WorkQueue<ObjectKey>()
        let controller = ReplicaController(
            client: client, owners: owners.lister, pods: pods.lister, expectations: expectations, events: events)
        owners.addHandler(
            onAdd: { queue.add($0.key) },
            onUpdate: { old, new in
                // Replaced under the same name: what was in flight belonged to the other.
                if old.uid != new.uid { expectations.forget(new.key) }
                queue.add(new.key)
            },
            onDelete: { owner in
                expectations.forget(owner.key)
                queue.add(owner.key)
            })
        let router = PodEventRouter<Owner>(owners: owners.lister, expectations: expectations, queue: queue)
        pods.addHandler(onAdd: router.added, onUpdate: router.updated, onDelete: router.deleted)
        return ControllerRunner(
            name: Owner.eventComponent, reconciler: controller, queue: queue, workers: workers, logger: logger)
    }
}

extension InformerIndex where T == Pod {
    /// Pods that nobody controls, by namespace.
    static var orphans: InformerIndex {
        InformerIndex("orphans") { $0.controllerReference == nil ? [$0.metadata.namespace ?? ""] : [] }
    }
}

/// Finds the owners that a pod's change concerns.
struct PodEventRouter<Owner: PodReplicator>: Sendable {
    let owners: Lister<Owner>
    let expectations: Expectations<ObjectKey>
    let queue: WorkQueue<ObjectKey>

    @Sendable func added(_ pod: Pod) {
        // After a restart of ours a pod may be seen first when it is on its way out.
        guard !pod.isBeingDeleted else { return deleted(pod) }
        guard let key = ownerKey(pod) else {
            if pod.controllerReference == nil { enqueueAdopters(of: pod) }
            return
        }
        expectations.creationObserved(key)
        queue.add(key)
    }

    @Sendable func updated(_ old: Pod, _ new: Pod) {
        // A pod that stops no longer counts; its end itself comes much later.
        if new.isBeingDeleted, !old.isBeingDeleted { deleted(new) }
        let (oldKey, newKey) = (ownerKey(old), ownerKey(new))
        if let oldKey, oldKey != newKey { queue.add(oldKey) }
        if let newKey {
            queue.add(newKey)
        } else if new.controllerReference == nil,
            old.metadata.labels != new.metadata.labels || old.controllerReference != nil
        {
            enqueueAdopters(of: new)
        }
    }

    @Sendable func deleted(_ pod: Pod) {
        guard let key = ownerKey(pod) else { return }
        expectations.deletionObserved(key, uid: pod.uid)
        queue.add(key)
    }

    /// The owner that is there under that name and is the same object.
    private func ownerKey(_ pod: Pod) -> ObjectKey? {
        guard let reference = pod.controllerReference, reference.kind == Owner.resource.kind else { return nil }
        let key = ObjectKey(namespace: pod.metadata.namespace ?? "", name: reference.name)
        guard let owner = owners[key], owner.uid == reference.uid else { return nil }
        return key
    }

    private func enqueueAdopters(of pod: Pod) {
        for owner in owners.list(namespace: pod.metadata.namespace ?? "")
        where owner.podRequirements.matches(pod.metadata.labels) {
            queue.add(owner.key)
        }
    }
}

internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Makes the claims that pods describe in place, owned by the pod so that they go with it:
/// https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
struct EphemeralVolumes: Reconciler {
    let client: Client
    let events: EventRecorder
    let pods: Lister<Pod>
    let claims: Lister<PersistentVolumeClaim>

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let pod = pods[key], pod.metadata.deletionTimestamp == nil else { return .never }
        for volume in pod.spec.volumes {
            guard let template = volume.ephemeral?.volumeClaimTemplate else { continue }
            let name = pod.key.name + "-" + volume.name
            if let existing = claims[ObjectKey(namespace: key.namespace, name: name)] {
                check(existing, pod)
                continue
            }
            do throws(APIError) {
                try await client.create(claim(name, template, pod))
            } catch {
                if error.isNamespaceTerminating { return .never }
                // Perhaps ours, which the cache does not show yet: the next look tells.
                if error.isAlreadyExists { return .backoff }
                events.record(
                    pod, .warning, reason: "FailedCreate",
                    "ephemeral volume controller failed to create PVC \(key.namespace)/\(name): \(error.message)")
                throw error
            }
        }
        return .never
    }

    private func claim(_ name: String, _ template: PersistentVolumeClaimTemplate, _ pod: Pod) -> PersistentVolumeClaim {
        var claim = PersistentVolumeClaim()
        claim.metadata.name = name
        claim.metadata.namespace = pod.key.namespace
        claim.metadata.labels = template.metadata.labels
        claim.metadata.annotations = template.metadata.annotations
        var owner = OwnerReference()
        owner.apiVersion = "v1"
        owner.kind = "Pod"
        owner.name = pod.key.name
        owner.uid = pod.metadata.uid ?? ""
        owner.controller = true
        owner.blockOwnerDeletion = true
        claim.metadata.ownerReferences = [owner]
        claim.spec = template.spec
        return claim
    }

    /// A claim of that name that belongs to somebody else is not touched.
    private func check(_ claim: PersistentVolumeClaim, _ pod: Pod) {
        let isOurs = claim.metadata.ownerReferences.contains { $0.controller == true && $0.uid == pod.metadata.uid }
        guard !isOurs else { return }
        events.record(
            pod, .warning, reason: "FailedBinding",
            "ephemeral volume: PVC \(claim.key) was not created for pod \(pod.key) (pod is not owner)")
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, logger: Logger
    ) -> ControllerRunner<EphemeralVolumes> {
        let pods = informers.informer(for: Pod.self)
        let claims = informers.informer(for: PersistentVolumeClaim.self)
        let queue = WorkQueue<ObjectKey>()
        pods.addHandler(onAdd: { pod in
            if pod.spec.volumes.contains(where: { $0.ephemeral != nil }) { queue.add(pod.key) }
        })
        // One that was taken away under a pod that is still to start.
        claims.addHandler(onDelete: { claim in
            guard let owner = claim.metadata.ownerReferences.first(where: { $0.kind == "Pod" }) else { return }
            queue.add(ObjectKey(namespace: claim.key.namespace, name: owner.name))
        })
        let controller = EphemeralVolumes(client: client, events: events, pods: pods.lister, claims: claims.lister)
        return ControllerRunner(
            name: "ephemeral-volume-controller", reconciler: controller, queue: queue, workers: 1, logger: logger)
    }
}

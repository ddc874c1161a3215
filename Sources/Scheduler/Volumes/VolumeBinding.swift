internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// Keeps pods where their volumes are, and chooses volumes together with the node where the class asks for it:
/// https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
struct VolumeBinding: FilterPlugin {
    let name = "VolumeBinding"
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .nodeChanged, .claimChanged, .volumeChanged, .classChanged]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        guard !context.pod.claims.isEmpty, let state = context.volumes else { return nil }
        do throws(PodClaims.Hindrance) {
            let claims = try PodClaims.find(context.pod.claims, in: state)
            return SimpleNodeFilter { _, node in claims.reject(node, state) }
        } catch {
            return RejectEveryNode(message: error.message)
        }
    }
}

/// A claim with the mode `ReadWriteOncePod` serves one pod of the whole cluster.
struct VolumeRestrictions: FilterPlugin {
    let name = "VolumeRestrictions"
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .podRemoved, .claimChanged]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        guard let state = context.volumes else { return nil }
        let exclusive = Set(
            context.pod.claims.map(\.key).filter {
                state.claims[$0]?.spec.accessModes.contains("ReadWriteOncePod") == true
            })
        guard !exclusive.isEmpty else { return nil }
        let users = context.nodes.flatMap(\.pods.values).filter { pod in
            pod.uid != context.pod.uid && pod.claims.contains { exclusive.contains($0.key) }
        }
        guard !users.isEmpty else { return nil }
        let isFinal = !users.contains { $0.priority < context.pod.priority }
        return SimpleNodeFilter { _, _ in
            [
                Rejection(
                    "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
                    isFinal: isFinal)
            ]
        }
    }
}

/// What a pod's volumes need before the pod may be bound, done beside the scheduling of others.
struct VolumePreparation: Sendable {
    let client: Client
    let state: VolumeState
    let waiters: ClaimWaiters
    let pods: Lister<Pod>

    /// As upstream's `bindTimeout`.
    private static let waitMax = Duration.seconds(600)

    enum Outcome: Sendable {
        case ready
        /// The pod needs no node any more.
        case gone
        case failed(String)
    }

    /// Writes down what was chosen and returns once every claim is bound.
    func prepare(_ plan: VolumePlan, for pod: Pod, on node: String) async -> Outcome {
        do throws(APIError) {
            defer { state.forget(plan) }
            for (claim, volume) in plan.matches { try await reserve(volume, for: claim) }
            for claim in plan.provisions { try await select(node, for: claim) }
        } catch {
            return .failed("binding volumes: \(error.message)")
        }
        let outcome = await waiters.wait(limit: Self.waitMax) { check(plan, pod, node) }
        return outcome ?? .failed("binding volumes: context deadline exceeded")
    }

    private func reserve(_ volume: PersistentVolume, for claim: PersistentVolumeClaim) async throws(APIError) {
        guard volume.spec.claimRef?.uid != claim.metadata.uid else { return }
        var changed = volume
        if !volume.isFor(claim) { changed.metadata.annotations[VolumeAnnotation.boundByController] = "yes" }
        var reference = ObjectReference(to: claim)
        reference.fieldPath = nil
        changed.spec.claimRef = reference
        state.volumes.wrote(try await client.update(changed))
    }

    private func select(_ node: String, for claim: PersistentVolumeClaim) async throws(APIError) {
        guard claim.metadata.annotations[VolumeAnnotation.selectedNode] != node else { return }
        var changed = claim
        changed.metadata.annotations[VolumeAnnotation.selectedNode] = node
        state.claims.wrote(try await client.update(changed))
    }

    private func check(_ plan: VolumePlan, _ pod: Pod, _ node: String) -> Outcome? {
        guard let current = pods[pod.key], current.metadata.uid == pod.metadata.uid,
            current.metadata.deletionTimestamp == nil
        else { return .gone }
        var isReady = true
        for key in plan.waits {
            guard let claim = state.claims[key] else {
                return .failed("binding volumes: persistentvolumeclaim \"\(key.name)\" not found")
            }
            if claim.isFullyBound { continue }
            isReady = false
            let isPromised = plan.provisions.contains { $0.key == key }
            // The provisioner cannot make it there: another node is to be found.
            if isPromised, claim.metadata.annotations[VolumeAnnotation.selectedNode] != node {
                return .failed(
                    "binding volumes: selectedNode annotation reset for PVC \"\(key.name)\", rescheduling the pod")
            }
        }
        return isReady ? .ready : nil
    }
}

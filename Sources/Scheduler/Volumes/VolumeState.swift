internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Synchronization

/// Claims, volumes and classes as scheduling sees them: what the informers say, plus what was decided or written here
/// and does not show there yet.
final class VolumeState: Sendable {
    let claims: WrittenObjects<PersistentVolumeClaim>
    let volumes: WrittenObjects<PersistentVolume>
    let classes: Lister<StorageClass>

    private struct Assumed {
        /// Volumes that were chosen for a claim.
        var volumes: [String: ObjectKey] = [:]
        /// Nodes that claims were promised to.
        var nodes: [ObjectKey: String] = [:]
    }

    /// Bounded by the pods whose volumes are being made.
    private let assumed = Mutex(Assumed())

    init(
        claims: Lister<PersistentVolumeClaim>, volumes: Lister<PersistentVolume>, classes: Lister<StorageClass>
    ) {
        self.claims = WrittenObjects(claims)
        self.volumes = WrittenObjects(volumes)
        self.classes = classes
    }

    /// The node that the claim's volume is made on, if that was decided.
    func selectedNode(of claim: PersistentVolumeClaim) -> String? {
        let told = claim.metadata.annotations[VolumeAnnotation.selectedNode] ?? ""
        return told.isEmpty ? assumed.withLock { $0.nodes[claim.key] } : told
    }

    /// Volumes that were not given away.
    func freeVolumes() -> [PersistentVolume] {
        let taken = assumed.withLock { $0.volumes }
        return volumes.all.filter { taken[$0.key.name] == nil }
    }

    func assume(_ plan: VolumePlan, on node: String) {
        assumed.withLock { assumed in
            for (claim, volume) in plan.matches { assumed.volumes[volume.key.name] = claim.key }
            for claim in plan.provisions { assumed.nodes[claim.key] = node }
        }
    }

    /// It is written now, or has failed.
    func forget(_ plan: VolumePlan) {
        assumed.withLock { assumed in
            for (_, volume) in plan.matches { assumed.volumes[volume.key.name] = nil }
            for claim in plan.provisions { assumed.nodes[claim.key] = nil }
        }
    }
}

internal import APIMachinery
internal import Glibc
internal import KubeAPI
internal import KubeClient

/// The volume behind a pod's claim, on this node.
struct ClaimedVolume: Sendable {
    let pod: Pod
    /// The name that the pod gives it.
    let name: String
    let claim: ObjectKey
    let isReadOnly: Bool
    /// The pod's own directory.
    let directory: String
    let client: Client
    let nodeName: String

    /// The path on the node, once claim and volume are bound and this node reaches the volume.
    func prepare() async throws -> String {
        let claim = try await boundClaim()
        let key = ObjectKey(namespace: "", name: claim.spec.volumeName ?? "")
        let volume: PersistentVolume
        do {
            volume = try await client.get(PersistentVolume.self, key)
        } catch {
            throw unprocessed("failed to fetch PV \(key.name) from API server: \(error.message)")
        }
        guard volume.spec.claimRef?.uid == claim.metadata.uid else {
            throw unprocessed("PV \"\(key.name)\" is not bound to PVC \"\(self.claim)\"")
        }
        if volume.spec.nodeAffinity?.required != nil {
            let node = try await client.get(Node.self, ObjectKey(namespace: "", name: nodeName))
            guard volume.isReachable(nodeName: nodeName, labels: node.metadata.labels) else {
                throw VolumeError(
                    "MountVolume.NodeAffinity check failed for volume \"\(key.name)\" : no matching NodeSelectorTerms")
            }
        }
        return try await path(of: volume)
    }

    private func boundClaim() async throws -> PersistentVolumeClaim {
        let found: PersistentVolumeClaim
        do {
            found = try await client.get(PersistentVolumeClaim.self, claim)
        } catch {
            throw unprocessed("error processing PVC \(claim): failed to fetch PVC from API server: \(error.message)")
        }
        guard found.status.phase == "Bound", !(found.spec.volumeName ?? "").isEmpty else {
            throw unprocessed("error processing PVC \(claim): PVC is not bound")
        }
        // One that the pod has already keeps working until the pod is gone.
        if found.metadata.deletionTimestamp != nil, !FileSystem.exists(mark(found.spec.volumeName ?? "")) {
            throw unprocessed("error processing PVC \(claim): PVC is being deleted")
        }
        return found
    }

    private func path(of volume: PersistentVolume) async throws -> String {
        let volumeName = volume.key.name
        let isBlock = volume.spec.volumeMode == "Block"
        if let source = volume.spec.hostPath, !isBlock {
            try await BlockingWork.run {
                do {
                    try HostPath.check(source)
                } catch {
                    throw VolumeError(volume: volumeName, reason: String(describing: error))
                }
            }
            return source.path
        }
        guard let source = volume.spec.local else {
            throw VolumeError.withoutPlugin(pod: pod, volume: name)
        }
        let (group, policy) = (pod.spec.securityContext?.fsGroup, pod.spec.securityContext?.fsGroupChangePolicy)
        let (mark, isReadOnly) = (mark(volumeName), isReadOnly)
        try await BlockingWork.run {
            var info = stat()
            guard stat(source.path, &info) == 0 else {
                throw VolumeError(
                    "MountVolume.NewMounter initialization failed for volume \"\(volumeName)\" : path "
                        + "\"\(source.path)\" does not exist")
            }
            if isBlock {
                guard info.st_mode & S_IFMT == S_IFBLK else {
                    throw VolumeError(
                        "MapVolume.MapBlockVolume failed for volume \"\(volumeName)\" : \(source.path) is not a block "
                            + "device")
                }
                return
            }
            guard !FileSystem.exists(mark) else { return }
            if let group, info.st_mode & S_IFMT == S_IFDIR,
                policy != "OnRootMismatch"
                    || !FileTree.hasGroup(source.path, gid_t(group), isReadOnly: isReadOnly)
            {
                try FileTree.setGroup(source.path, gid_t(group), isReadOnly: isReadOnly)
            }
            try FileSystem.createDirectory(mark, mode: 0o750)
        }
        return source.path
    }

    /// Tells that the volume was given to the pod's group, which happens once a pod.
    private func mark(_ volume: String) -> String { "\(directory)/volumes/kubernetes.io~local-volume/\(volume)" }

    private func unprocessed(_ reason: String) -> VolumeError { .unprocessed(pod: pod, volume: name, reason) }
}

extension VolumeError {
    /// What upstream says where it cannot tell what a volume is.
    static func unprocessed(pod: Pod, volume: String, _ reason: String) -> VolumeError {
        VolumeError(
            "Unable to attach or mount volumes: unmounted volumes=[\(volume)], unattached volumes=[], failed to process "
                + "volumes=[\(volume)]: \(reason)")
    }

    static func withoutPlugin(pod: Pod, volume: String) -> VolumeError {
        unprocessed(
            pod: pod, volume: volume,
            "failed to get Plugin from volumeSpec for volume \"\(volume)\" err=no volume plugin matched")
    }
}

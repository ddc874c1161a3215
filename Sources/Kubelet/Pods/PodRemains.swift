internal import CRI

/// What is left of a pod on the node after its containers have ended.
struct PodRemains: Sendable {
    private let cri: CRIClient
    private let configuration: KubeletConfiguration

    init(_ cri: CRIClient, _ configuration: KubeletConfiguration) {
        self.cri = cri
        self.configuration = configuration
    }

    /// Takes an ended pod's volumes away: nothing reads them any more. Best effort, as `remove`.
    func releaseVolumes(uid: String) async {
        await releaseImages(uid: uid)
        let directory = configuration.podDirectory(uid) + "/volumes"
        let subPaths = SubPath.directory(configuration.podDirectory(uid))
        _ = try? await BlockingWork.run {
            FileSystem.unmountAll(below: subPaths)
            FileSystem.unmountAll(below: directory)
            // What could not be unmounted belongs to somebody else.
            guard FileSystem.mounts(below: directory).isEmpty else { return }
            try FileSystem.remove(directory)
        }
    }

    /// The runtime need not keep the layers of image volumes any more.
    private func releaseImages(uid: String) async {
        let directory = configuration.podDirectory(uid)
        let found = try? await BlockingWork.run {
            let volumes = ImageVolume.found(podUID: uid, podDirectory: directory)
            if !volumes.isEmpty {
                FileSystem.unmountAll(below: SubPath.directory(directory))
                FileSystem.unmountAll(below: ImageVolume.directory(directory))
            }
            return volumes
        }
        guard let found, !found.isEmpty else { return }
        let snapshots = ImageSnapshots(cri: cri, snapshotter: configuration.runtime.snapshotter)
        for volume in found { await snapshots.remove(key: volume.key) }
    }

    /// Removes sandboxes, volumes, logs and cgroups. Best effort: what fails is found again at the next start.
    /// `cgroup`: the pod's own, `/skiff/burstable/pod<uid>`, or `nil` to look for it.
    func remove(uid: String, cgroup: String?) async {
        if let sandboxes = try? await cri.listPodSandboxes(labels: [RuntimeLabels.podUID: uid]) {
            for sandbox in sandboxes { try? await cri.removePodSandbox(sandbox.id) }
        }
        await releaseImages(uid: uid)
        let configuration = configuration
        _ = try? await BlockingWork.run {
            let directory = configuration.podDirectory(uid)
            FileSystem.unmountAll(below: directory)
            try? FileSystem.remove(directory)
            let logs = configuration.runtime.podLogDirectory
            for name in FileSystem.entries(logs) where name.hasSuffix("_" + uid) {
                try? FileSystem.remove(logs + "/" + name)
            }
            let root = configuration.cgroupRoot
            let candidates =
                cgroup.map { [$0] } ?? ["", "/burstable", "/besteffort"].map { "\(root)\($0)/pod\(uid)" }
            for path in candidates { ControlGroups.machine.remove(path) }
        }
    }
}

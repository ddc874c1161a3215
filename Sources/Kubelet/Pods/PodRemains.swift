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

    /// Removes sandboxes, volumes, logs and cgroups. Best effort: what fails is found again at the next start.
    /// `cgroup`: the pod's own, `/skiff/burstable/pod<uid>`, or `nil` to look for it.
    func remove(uid: String, cgroup: String?) async {
        if let sandboxes = try? await cri.listPodSandboxes(labels: [RuntimeLabels.podUID: uid]) {
            for sandbox in sandboxes { try? await cri.removePodSandbox(sandbox.id) }
        }
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

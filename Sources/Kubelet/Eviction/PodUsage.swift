internal import APIMachinery
internal import CRI
internal import KubeAPI

/// What one pod uses of what can run out.
struct PodUsage: Sendable {
    struct Container: Sendable {
        var memory: Int64 = 0
        /// Its writable layer and its logs.
        var layer = DiskAmount()
        var logs = DiskUsage()
    }

    /// What the runtime says of a writable layer.
    struct DiskAmount: Sendable {
        var bytes: Int64 = 0
        var inodes: Int64 = 0
    }

    /// By name; those that run.
    var containers: [String: Container] = [:]
    /// Volumes that lie on the node's disk.
    var volumes: [String: DiskUsage] = [:]
    /// Bytes of volumes in memory.
    var memoryVolumes: [String: Int64] = [:]
    var memory: Int64 = 0
    var processes: Int64 = 0

    var diskBytes: Int64 {
        containers.values.reduce(0) { $0 + $1.layer.bytes + $1.logs.bytes } + volumes.values.reduce(0) { $0 + $1.bytes }
    }

    var inodes: Int64 {
        containers.values.reduce(0) { $0 + $1.layer.inodes + $1.logs.inodes }
            + volumes.values.reduce(0) { $0 + $1.inodes }
    }
}

/// Measures pods when there is a reason to.
struct PodUsageReader: Sendable {
    let cri: CRIClient
    let configuration: KubeletConfiguration
    let groups: PodGroups

    /// Directories of volumes that count as the pod's own use of the disk.
    private static func kind(of volume: Volume) -> String? {
        if volume.emptyDir != nil { return "empty-dir" }
        if volume.configMap != nil { return "configmap" }
        if volume.secret != nil { return "secret" }
        if volume.downwardAPI != nil { return "downward-api" }
        if volume.projected != nil { return "projected" }
        return nil
    }

    /// What each pod uses, by uid; `stats` are those of their containers, by the runtime.
    func usages(of pods: [Pod], _ stats: [CRIContainerStats]) async -> [String: PodUsage] {
        var result: [String: PodUsage] = [:]
        let byUID = Dictionary(grouping: stats) { $0.attributes.labels[RuntimeLabels.podUID] ?? "" }
        for pod in pods {
            guard let uid = pod.metadata.uid else { continue }
            let stats = byUID[uid] ?? []
            // Trees may be large: each pod's walk is a turn of its own among other blocking work.
            result[uid] = try? await BlockingWork.run { measure(pod, uid, stats) }
        }
        return result
    }

    private func measure(_ pod: Pod, _ uid: String, _ stats: [CRIContainerStats]) -> PodUsage {
        var usage = PodUsage()
        (usage.memory, usage.processes) = groups.usage(of: pod)
        let logs = configuration.logDirectory(
            namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "", uid: uid)
        let names = Set(pod.runnableContainers.map(\.name))
        for stat in stats {
            let name = stat.attributes.metadata.name
            guard names.contains(name) else { continue }
            var container = usage.containers[name] ?? PodUsage.Container()
            container.memory += Int64(clamping: stat.memory.workingSetBytes.value)
            container.layer.bytes += Int64(clamping: stat.writableLayer.usedBytes.value)
            container.layer.inodes += Int64(clamping: stat.writableLayer.inodesUsed.value)
            container.logs = DiskUsage(of: "\(logs)/\(name)")
            usage.containers[name] = container
        }
        if usage.memory == 0 { usage.memory = usage.containers.values.reduce(0) { $0 + $1.memory } }
        for volume in pod.spec.volumes {
            guard let kind = Self.kind(of: volume) else { continue }
            let path = "\(configuration.podDirectory(uid))/volumes/kubernetes.io~\(kind)/\(volume.name)"
            if volume.emptyDir?.medium == "Memory" {
                usage.memoryVolumes[volume.name] = DiskUsage.ofMount(path)
            } else if volume.emptyDir?.medium?.hasPrefix("HugePages") != true {
                usage.volumes[volume.name] = DiskUsage(of: path)
            }
        }
        return usage
    }
}

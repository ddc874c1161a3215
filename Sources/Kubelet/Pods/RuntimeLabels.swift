internal import APIMachinery
internal import CRI
internal import KubeAPI

/// What the node agent writes on sandboxes and containers, so that the next Skiff (or a person with `ctr`) knows them.
/// The names are upstream's.
enum RuntimeLabels {
    static let podName = "io.kubernetes.pod.name"
    static let podNamespace = "io.kubernetes.pod.namespace"
    static let podUID = "io.kubernetes.pod.uid"
    static let containerName = "io.kubernetes.container.name"

    static let containerHash = "io.kubernetes.container.hash"
    static let restartCount = "io.kubernetes.container.restartCount"
    static let terminationMessagePath = "io.kubernetes.container.terminationMessagePath"
    static let terminationMessagePolicy = "io.kubernetes.container.terminationMessagePolicy"
    static let priority = "io.kubernetes.pod.priority"
    static let gracePeriod = "io.kubernetes.pod.terminationGracePeriod"

    static func labels(of pod: Pod) -> [String: String] {
        [
            podName: pod.metadata.name ?? "", podNamespace: pod.metadata.namespace ?? "",
            podUID: pod.metadata.uid ?? "",
        ]
    }

    static func labels(of pod: Pod, container: String) -> [String: String] {
        var labels = labels(of: pod)
        labels[containerName] = container
        return labels
    }

    /// A container must be made anew when this changes: only name and image can be edited in place.
    static func hash(of container: Container) -> String {
        // FNV-1a: stable across processes, unlike Swift's hashing.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in (container.name + "\u{0}" + (container.image ?? "")).utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return String(hash, radix: 16)
    }
}

internal import APIMachinery
internal import KubeAPI

/// What scheduling needs of a node itself.
final class NodeFacts: Sendable {
    let name: String
    let labels: [String: String]
    let taints: [Taint]
    let isUnschedulable: Bool
    let allocatable: ResourceAmounts
    let podsMax: Int
    /// Size of each image the node has, by every name it goes by.
    let imageBytes: [String: Int64]

    init(_ node: Node) {
        name = node.metadata.name ?? ""
        labels = node.metadata.labels
        taints = node.spec.taints
        isUnschedulable = node.spec.unschedulable ?? false
        allocatable = ResourceAmounts(node.status.allocatable)
        podsMax = Int(node.status.allocatable[ComputeResource.pods]?.value ?? 0)
        var imageBytes: [String: Int64] = [:]
        for image in node.status.images {
            for name in image.names { imageBytes[name] = image.sizeBytes ?? 0 }
        }
        self.imageBytes = imageBytes
    }

    /// The first taint with one of `effects` that none of the tolerations tolerates.
    func untoleratedTaint(by tolerations: [Toleration], effects: Set<String>) -> Taint? {
        taints.first { taint in
            effects.contains(taint.effect) && !tolerations.contains { $0.tolerates(taint) }
        }
    }
}

/// A node with the pods on it, those included that are about to be bound.
struct NodeInfo: Sendable {
    /// `nil` while only pods of the node are known.
    var node: NodeFacts?
    private(set) var pods: [String: PodFacts] = [:]
    private(set) var requested = ResourceAmounts()
    private(set) var scoringRequested = ResourceAmounts()
    private(set) var hostPorts: [HostPort: Int] = [:]
    /// Pods with any (anti-)affinity: the only ones that others' places depend on.
    private(set) var affinityPods: [String: PodFacts] = [:]

    mutating func add(_ pod: PodFacts) {
        remove(uid: pod.uid)
        pods[pod.uid] = pod
        requested += pod.requests
        scoringRequested += pod.scoringRequests
        for port in pod.hostPorts { hostPorts[port, default: 0] += 1 }
        if pod.hasPodAffinity { affinityPods[pod.uid] = pod }
    }

    mutating func remove(uid: String) {
        guard let pod = pods.removeValue(forKey: uid) else { return }
        requested -= pod.requests
        scoringRequested -= pod.scoringRequests
        for port in pod.hostPorts {
            let count = (hostPorts[port] ?? 1) - 1
            hostPorts[port] = count > 0 ? count : nil
        }
        affinityPods[uid] = nil
    }
}

extension Toleration {
    /// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    func tolerates(_ taint: Taint) -> Bool {
        if let effect, !effect.isEmpty, effect != taint.effect { return false }
        if let key, !key.isEmpty, key != taint.key { return false }
        switch `operator` ?? "" {
        case TolerationOperator.exists: return true
        case "", TolerationOperator.equal: return !(key ?? "").isEmpty && (value ?? "") == (taint.value ?? "")
        case TolerationOperator.lt, TolerationOperator.gt:
            guard let bound = Int64(value ?? ""), let actual = Int64(taint.value ?? "") else { return false }
            return `operator` == TolerationOperator.lt ? actual < bound : actual > bound
        default: return false
        }
    }
}

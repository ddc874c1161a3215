internal import APIMachinery
internal import KubeAPI

/// Which pods go first when there are too many
/// (https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset). Pure.
struct PodDeletionRanking {
    private let podsByNode: [String: Int]
    private let now: Time

    /// `related`: active pods of this owner and its siblings; where many share a node, those go first.
    init(related: [Pod], now: Time) {
        var podsByNode: [String: Int] = [:]
        for pod in related where pod.isActive {
            if let node = pod.spec.nodeName { podsByNode[node, default: 0] += 1 }
        }
        self.podsByNode = podsByNode
        self.now = now
    }

    /// The `count` pods to delete.
    func select(_ count: Int, of pods: [Pod]) -> [Pod] {
        // With all to go, or none, order does not matter.
        guard count < pods.count else { return pods }
        return Array(pods.sorted(by: goesBefore).prefix(count))
    }

    /// True if `left` is the lesser loss.
    func goesBefore(_ left: Pod, _ right: Pod) -> Bool {
        if let verdict = Self.order(Self.assigned(left), Self.assigned(right)) { return verdict }
        if let verdict = Self.order(Self.phaseRank(left), Self.phaseRank(right)) { return verdict }
        if let verdict = Self.order(left.isReady ? 1 : 0, right.isReady ? 1 : 0) { return verdict }
        if let verdict = Self.order(Self.cost(left), Self.cost(right)) { return verdict }
        if let verdict = Self.order(crowding(right), crowding(left)) { return verdict }
        if left.isReady, right.isReady, left.readySince != right.readySince {
            return isYounger(left.readySince, right.readySince, left, right)
        }
        if let verdict = Self.order(right.restartsMax, left.restartsMax) { return verdict }
        let created = (left.metadata.creationTimestamp, right.metadata.creationTimestamp)
        if created.0 != created.1 { return isYounger(created.0, created.1, left, right) }
        return false
    }

    private static func order<Rank: Comparable>(_ left: Rank, _ right: Rank) -> Bool? {
        left == right ? nil : left < right
    }

    private static func assigned(_ pod: Pod) -> Int { (pod.spec.nodeName ?? "").isEmpty ? 0 : 1 }

    private static func phaseRank(_ pod: Pod) -> Int {
        switch pod.status.phase {
        case "Running": 2
        case "Unknown": 1
        default: 0
        }
    }

    /// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
    private static func cost(_ pod: Pod) -> Int32 {
        pod.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"].flatMap { Int32($0) } ?? 0
    }

    private func crowding(_ pod: Pod) -> Int { podsByNode[pod.spec.nodeName ?? ""] ?? 0 }

    /// Ages are compared by their order of magnitude, so that not always the newest go: within one magnitude the UID,
    /// which is random, decides.
    private func isYounger(_ left: Time?, _ right: Time?, _ leftPod: Pod, _ rightPod: Pod) -> Bool {
        guard let left, let right else { return left == nil && right != nil }
        let ranks = (magnitude(of: now - left), magnitude(of: now - right))
        return ranks.0 == ranks.1 ? leftPod.uid < rightPod.uid : ranks.0 < ranks.1
    }

    private func magnitude(of age: Duration) -> Int {
        let seconds = age.components.seconds
        return seconds < 1 ? -1 : Int64.bitWidth - seconds.leadingZeroBitCount
    }
}

internal import APIMachinery
internal import KubeAPI

/// The bounds that a Deployment's strategy sets
/// (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment). Pure.
struct RolloutBounds: Equatable {
    /// `spec.replicas`.
    let wanted: Int
    /// Pods above `wanted` that a rollout may have.
    let surge: Int
    /// Pods below `wanted` that may be missing.
    let unavailable: Int

    init(_ spec: DeploymentSpec) {
        let wanted = Int(spec.replicas ?? 1)
        let rolling = spec.isRolling ? spec.strategy.rollingUpdate : nil
        self.init(
            wanted: wanted, isRolling: spec.isRolling, maxSurge: rolling?.maxSurge,
            maxUnavailable: rolling?.maxUnavailable)
    }

    /// Percentages of `wanted`: surge rounds up, unavailability down. Both zero would stop all progress: one pod may
    /// then be missing.
    init(wanted: Int, isRolling: Bool, maxSurge: IntOrString?, maxUnavailable: IntOrString?) {
        self.wanted = wanted
        guard isRolling else {
            surge = 0
            unavailable = 0
            return
        }
        let surge = maxSurge?.scaled(of: wanted, roundingUp: true) ?? 0
        let unavailable = maxUnavailable?.scaled(of: wanted, roundingUp: false) ?? 0
        self.surge = surge
        self.unavailable = min(wanted, surge == 0 && unavailable == 0 ? 1 : unavailable)
    }

    /// Pods in all, at most.
    var total: Int { wanted + surge }
    /// Pods available, at least.
    var availableMin: Int { wanted - unavailable }
}

/// A ReplicaSet's numbers, as the arithmetic needs them.
struct ReplicaSetSize: Equatable {
    var name: String
    /// `spec.replicas`.
    var replicas: Int
    /// `status.availableReplicas`.
    var available: Int = 0
    /// Annotation `deployment.kubernetes.io/max-replicas`: the total allowed when this size was set.
    var totalBefore: Int?
    var created: Int64 = 0
}

/// How many pods the new ReplicaSet gets, and how many the old ones lose, in one step of a rolling update. Pure.
enum RollingUpdatePlan {
    /// The size of the new ReplicaSet: as many more as fit under the total, never beyond what is wanted.
    static func newSize(of current: Int, all: Int, _ bounds: RolloutBounds, isRolling: Bool) -> Int {
        guard isRolling else { return bounds.wanted }
        guard all < bounds.total else { return current }
        return current + min(bounds.total - all, bounds.wanted - current)
    }

    /// New sizes of old ReplicaSets, by name; only those that change.
    ///
    /// First those that are not healthy lose what is not available anyway; then the oldest lose what the available
    /// pods of all leave above the minimum.
    static func oldSizes(_ old: [ReplicaSetSize], new: ReplicaSetSize?, _ bounds: RolloutBounds) -> [String: Int] {
        let oldPods = old.reduce(0) { $0 + $1.replicas }
        guard oldPods > 0 else { return [:] }
        let newUnavailable = new.map { $0.replicas - $0.available } ?? 0
        let removableMax = oldPods + (new?.replicas ?? 0) - bounds.availableMin - newUnavailable
        guard removableMax > 0 else { return [:] }

        var sets = old.sorted { ($0.created, $0.name) < ($1.created, $1.name) }
        var unhealthyRemoved = 0
        for index in sets.indices where unhealthyRemoved < removableMax {
            let unhealthy = max(0, sets[index].replicas - sets[index].available)
            let count = min(unhealthy, removableMax - unhealthyRemoved)
            sets[index].replicas -= count
            unhealthyRemoved += count
        }
        let available = old.reduce(new?.available ?? 0) { $0 + $1.available }
        var left = available - bounds.availableMin
        for index in sets.indices where left > 0 {
            let count = min(sets[index].replicas, left)
            sets[index].replicas -= count
            left -= count
        }
        let before = Dictionary(old.map { ($0.name, $0.replicas) }, uniquingKeysWith: { first, _ in first })
        var changes: [String: Int] = [:]
        for set in sets where before[set.name] != set.replicas { changes[set.name] = set.replicas }
        return changes
    }
}

/// Sharing out a change of `spec.replicas` in the middle of a rollout. Pure.
enum ReplicaSetScaling {
    /// New size of every set, by name: each keeps its part of the whole, what rounding leaves goes to the largest.
    /// (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling)
    static func proportions(
        _ sets: [ReplicaSetSize], _ bounds: RolloutBounds, reportedReplicas: Int
    ) -> [String: Int] {
        let allowed = bounds.wanted > 0 ? bounds.total : 0
        let toAdd = allowed - sets.reduce(0) { $0 + $1.replicas }
        // Growing, newer of equals come first; shrinking, older.
        let sorted = sets.sorted { left, right in
            if left.replicas != right.replicas { return left.replicas > right.replicas }
            return toAdd > 0 ? left.created > right.created : left.created < right.created
        }
        var added = 0
        var sizes: [String: Int] = [:]
        for set in sorted {
            let part = toAdd == 0 ? 0 : share(of: set, toAdd - added, bounds, reportedReplicas)
            sizes[set.name] = set.replicas + part
            added += part
        }
        if let largest = sorted.first, toAdd != 0 {
            sizes[largest.name] = max(0, (sizes[largest.name] ?? 0) + toAdd - added)
        }
        return sizes
    }

    private static func share(
        of set: ReplicaSetSize, _ left: Int, _ bounds: RolloutBounds, _ reportedReplicas: Int
    ) -> Int {
        guard set.replicas != 0, left != 0 else { return 0 }
        guard bounds.wanted != 0 else { return max(-set.replicas, left) }
        let totalBefore = set.totalBefore ?? reportedReplicas
        guard totalBefore > 0 else { return 0 }
        let scaled = (Double(set.replicas * bounds.total) / Double(totalBefore)).rounded()
        let part = Int(scaled) - set.replicas
        return left > 0 ? min(part, left) : max(part, left)
    }
}

extension DeploymentSpec {
    var isRolling: Bool { strategy.type == "RollingUpdate" }
    var isPaused: Bool { paused ?? false }

    /// `nil` where there is none: progress is then not judged.
    var progressDeadline: Duration? {
        guard let seconds = progressDeadlineSeconds, seconds != Int32.max else { return nil }
        return .seconds(seconds)
    }
}

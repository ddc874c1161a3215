internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// One pass over one Deployment: the objects as read, and the steps that may be taken.
///
/// `deployment` and `sets` are kept up to date with what the pass writes, so that the status at its end fits.
struct DeploymentRollout {
    let client: Client
    let events: EventRecorder
    private(set) var deployment: Deployment
    /// All of the Deployment's ReplicaSets.
    private(set) var sets: [ReplicaSet]
    /// For looking up a set that a create met.
    let replicaSets: Lister<ReplicaSet>
    /// UID of the set that makes pods of the current template.
    private var newUID: String?

    init(
        client: Client, events: EventRecorder, deployment: Deployment, sets: [ReplicaSet],
        replicaSets: Lister<ReplicaSet>
    ) {
        self.client = client
        self.events = events
        self.deployment = deployment
        self.replicaSets = replicaSets
        // Oldest first: of several sets that fit the template, upstream takes the oldest.
        self.sets = sets.sorted {
            ($0.metadata.creationTimestamp?.seconds ?? 0, $0.name) < (
                $1.metadata.creationTimestamp?.seconds ?? 0, $1.name
            )
        }
        newUID = self.sets.first { $0.makesPods(of: deployment.spec.template) }?.uid
    }

    var new: ReplicaSet? { sets.first { $0.uid == newUID } }
    var old: [ReplicaSet] { sets.filter { $0.uid != newUID } }
    var bounds: RolloutBounds { RolloutBounds(deployment.spec) }

    /// `spec.replicas` changed since its sets were last sized.
    var isScaling: Bool {
        sets.contains { set in
            guard set.wantedReplicas > 0,
                let desired = set.metadata.annotations[DeploymentAnnotations.desiredReplicas].flatMap({ Int($0) })
            else { return false }
            return desired != bounds.wanted
        }
    }

    // MARK: Steps

    /// Paused, or resized while rolling out: sizes are adjusted, the rollout itself stands still.
    mutating func scaleOnly() async throws(APIError) {
        try await adoptNewSet(creating: false)
        try await scale()
        if deployment.spec.isPaused { try await deleteSurplusHistory() }
        try await reportCounts()
    }

    /// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
    mutating func stepRolling() async throws(APIError) {
        try await adoptNewSet(creating: true)
        if let new {
            let all = sets.reduce(0) { $0 + $1.wantedReplicas }
            let current = new.wantedReplicas
            let size =
                current > bounds.wanted
                ? bounds.wanted : RollingUpdatePlan.newSize(of: current, all: all, bounds, isRolling: true)
            if try await resize(new, to: size) { return try await reportProgress() }
        }
        let active = old.filter { $0.wantedReplicas > 0 }
        let changes = RollingUpdatePlan.oldSizes(active.map(\.size), new: new?.size, bounds)
        for set in active {
            if let size = changes[set.name] { try await resize(set, to: size) }
        }
        if changes.isEmpty, deployment.status.isComplete(deployment) { try await deleteSurplusHistory() }
        try await reportProgress()
    }

    /// All old pods end before the first new one starts
    /// (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment).
    mutating func stepRecreate(podsOf: (ReplicaSet) -> [Pod]) async throws(APIError) {
        try await adoptNewSet(creating: false)
        var didScaleDown = false
        for set in old where set.wantedReplicas > 0 {
            if try await resize(set, to: 0) { didScaleDown = true }
        }
        let isOldRunning = old.contains { set in
            set.status.replicas > 0 || podsOf(set).contains { !$0.isTerminal }
        }
        if didScaleDown || isOldRunning { return try await reportProgress() }
        if new == nil { try await adoptNewSet(creating: true) }
        if let new { try await resize(new, to: bounds.wanted) }
        if deployment.status.isComplete(deployment) { try await deleteSurplusHistory() }
        try await reportProgress()
    }

    // MARK: Sizes

    /// Follows `spec.replicas` without rolling on.
    private mutating func scale() async throws(APIError) {
        let active = sets.filter { $0.wantedReplicas > 0 }
        if active.count <= 1 {
            guard let only = active.first ?? new ?? old.last else { return }
            try await resize(only, to: bounds.wanted)
            return
        }
        if let new, isSaturated(new) {
            for set in old where set.wantedReplicas > 0 { try await resize(set, to: 0) }
            return
        }
        guard deployment.spec.isRolling else { return }
        let sizes = ReplicaSetScaling.proportions(
            active.map(\.size), bounds, reportedReplicas: Int(deployment.status.replicas ?? 0))
        for set in active { try await resize(set, to: sizes[set.name] ?? set.wantedReplicas) }
    }

    /// The new set alone carries the whole Deployment.
    private func isSaturated(_ set: ReplicaSet) -> Bool {
        set.metadata.annotations[DeploymentAnnotations.desiredReplicas].flatMap { Int($0) } == bounds.wanted
            && set.wantedReplicas == bounds.wanted && Int(set.status.availableReplicas ?? 0) == bounds.wanted
    }

    /// Writes size and size annotations, if they differ. Returns whether the size changed.
    @discardableResult
    private mutating func resize(_ set: ReplicaSet, to size: Int) async throws(APIError) -> Bool {
        let before = set.wantedReplicas
        let annotations = DeploymentAnnotations.withSizes(set.metadata.annotations, bounds)
        guard before != size || annotations != set.metadata.annotations else { return false }
        var changed = set
        changed.spec.replicas = Int32(size)
        changed.metadata.annotations = annotations
        replace(try await client.update(changed))
        guard before != size else { return false }
        let direction = before < size ? "up" : "down"
        events.record(
            deployment, .normal, reason: "ScalingReplicaSet",
            "Scaled \(direction) replica set \(set.name) from \(before) to \(size)")
        return true
    }

    // MARK: Kept state

    mutating func replace(_ set: ReplicaSet) {
        guard let index = sets.firstIndex(where: { $0.uid == set.uid }) else { return }
        sets[index] = set
    }

    mutating func add(new set: ReplicaSet) {
        if !sets.contains(where: { $0.uid == set.uid }) { sets.append(set) }
        newUID = set.uid
    }

    mutating func replace(_ deployment: Deployment) {
        self.deployment = deployment
    }
}

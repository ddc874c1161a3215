internal import APIMachinery
internal import KubeAPI

/// Conditions and counts of a Deployment
/// (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status). Pure.
extension DeploymentStatus {
    func condition(_ type: String) -> DeploymentCondition? { conditions.first { $0.type == type } }

    /// Sets a condition. One that says the same already stays as it is, with its times.
    mutating func set(_ type: String, _ status: String, reason: String, _ message: String, now: Time) {
        let current = condition(type)
        if let current, current.status == status, current.reason == reason { return }
        var new = DeploymentCondition()
        new.type = type
        new.status = status
        new.reason = reason
        new.message = message
        new.lastUpdateTime = now
        new.lastTransitionTime = current?.status == status ? current?.lastTransitionTime ?? now : now
        set(new)
    }

    private mutating func set(_ condition: DeploymentCondition) {
        conditions.removeAll { $0.type == condition.type }
        conditions.append(condition)
    }

    /// The counts, and `Available`, as its ReplicaSets have them now; other conditions are kept.
    static func counting(_ all: [ReplicaSet], new: ReplicaSet?, of deployment: Deployment, now: Time) -> Self {
        let bounds = RolloutBounds(deployment.spec)
        let available = all.reduce(0) { $0 + ($1.status.availableReplicas ?? 0) }
        let asked = all.reduce(0) { $0 + Int32($1.wantedReplicas) }
        var status = deployment.status
        status.observedGeneration = deployment.metadata.generation
        status.replicas = nonZero(all.reduce(0) { $0 + $1.status.replicas })
        status.updatedReplicas = nonZero(new?.status.replicas ?? 0)
        status.readyReplicas = nonZero(all.reduce(0) { $0 + ($1.status.readyReplicas ?? 0) })
        status.availableReplicas = nonZero(available)
        status.unavailableReplicas = nonZero(max(0, asked - available))
        let terminating = all.map(\.status.terminatingReplicas)
        status.terminatingReplicas = terminating.contains(nil) ? nil : terminating.reduce(0) { $0 + ($1 ?? 0) }
        if Int(available) >= bounds.availableMin {
            status.set(
                "Available", "True", reason: "MinimumReplicasAvailable", "Deployment has minimum availability.",
                now: now)
        } else {
            status.set(
                "Available", "False", reason: "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.", now: now)
        }
        return status
    }

    /// Zero is not encoded, and so reads back as absent.
    private static func nonZero(_ count: Int32) -> Int32? { count == 0 ? nil : count }

    /// All pods are new, there, and available.
    func isComplete(_ deployment: Deployment) -> Bool {
        let wanted = deployment.spec.replicas ?? 1
        return (updatedReplicas ?? 0) == wanted && (replicas ?? 0) == wanted && (availableReplicas ?? 0) == wanted
            && (observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
    }

    /// Something moved towards completion since `old`.
    func isProgress(since old: DeploymentStatus) -> Bool {
        let leftOver = (replicas ?? 0) - (updatedReplicas ?? 0)
        let leftOverBefore = (old.replicas ?? 0) - (old.updatedReplicas ?? 0)
        return (updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) || leftOver < leftOverBefore
            || (readyReplicas ?? 0) > (old.readyReplicas ?? 0)
            || (availableReplicas ?? 0) > (old.availableReplicas ?? 0)
    }

    /// Time left until the deadline; negative once it has passed. `nil` where none is running.
    func timeToDeadline(_ deployment: Deployment, now: Time) -> Duration? {
        guard let deadline = deployment.spec.progressDeadline, let progressing = condition("Progressing"),
            progressing.reason != "NewReplicaSetAvailable", progressing.reason != "ProgressDeadlineExceeded",
            let since = progressing.lastUpdateTime
        else { return nil }
        return since + deadline - now
    }

    /// Judges progress: sets, keeps or removes `Progressing`, and takes over a ReplicaSet's failure.
    mutating func judgeProgress(_ all: [ReplicaSet], new: ReplicaSet?, of deployment: Deployment, now: Time) {
        let current = deployment.status.condition("Progressing")
        let wasComplete = replicas == updatedReplicas && current?.reason == "NewReplicaSetAvailable"
        let subject =
            new.map { "ReplicaSet \"\($0.name)\"" } ?? "Deployment \"\(deployment.name)\""
        if deployment.spec.progressDeadline == nil {
            conditions.removeAll { $0.type == "Progressing" }
        } else if !wasComplete {
            if isComplete(deployment) {
                set(
                    "Progressing", "True", reason: "NewReplicaSetAvailable", "\(subject) has successfully progressed.",
                    now: now)
            } else if isProgress(since: deployment.status) {
                setProgressing(subject, current, now)
            } else if isTimedOut(deployment, now: now) {
                set(
                    "Progressing", "False", reason: "ProgressDeadlineExceeded", "\(subject) has timed out progressing.",
                    now: now)
            }
        }
        takeOverFailure(all, new: new)
    }

    /// Always anew: `lastUpdateTime` is what the deadline counts from.
    private mutating func setProgressing(_ subject: String, _ current: DeploymentCondition?, _ now: Time) {
        var condition = DeploymentCondition()
        condition.type = "Progressing"
        condition.status = "True"
        condition.reason = "ReplicaSetUpdated"
        condition.message = "\(subject) is progressing."
        condition.lastUpdateTime = now
        condition.lastTransitionTime = current?.status == "True" ? current?.lastTransitionTime ?? now : now
        set(condition)
    }

    private func isTimedOut(_ deployment: Deployment, now: Time) -> Bool {
        if condition("Progressing")?.reason == "ProgressDeadlineExceeded" { return true }
        return timeToDeadline(deployment, now: now).map { $0 < .zero } ?? false
    }

    private mutating func takeOverFailure(_ all: [ReplicaSet], new: ReplicaSet?) {
        conditions.removeAll { $0.type == "ReplicaFailure" }
        let candidates = (new.map { [$0] } ?? []) + all
        let failures = candidates.lazy.compactMap { set in set.status.conditions.first { $0.type == "ReplicaFailure" } }
        guard let failure = failures.first else { return }
        var condition = DeploymentCondition()
        condition.type = "ReplicaFailure"
        condition.status = failure.status
        condition.reason = failure.reason
        condition.message = failure.message
        condition.lastTransitionTime = failure.lastTransitionTime
        condition.lastUpdateTime = failure.lastTransitionTime
        conditions.append(condition)
    }
}

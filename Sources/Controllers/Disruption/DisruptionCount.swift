internal import APIMachinery
internal import KubeAPI

/// What a budget's status says (https://kubernetes.io/docs/tasks/run-application/configure-pdb/). Pure.
struct DisruptionCount: Equatable {
    /// How long an eviction may take until the pod counts again.
    static let deletionTimeout = Duration.seconds(120)

    var expected = 0
    var desired = 0
    var healthy = 0
    /// Evicted pods whose deletion was not seen yet.
    var disrupted: [String: Time] = [:]
    /// Pods that were evicted, and are still there.
    var overdue: [Pod] = []
    /// When the first of `disrupted` is overdue.
    var nextLook: Duration?

    /// Nothing may be disrupted of what nobody is known to want.
    var allowed: Int { expected <= 0 ? 0 : max(0, healthy - desired) }

    /// `expected`: by the pods' controllers; only asked where the budget needs it.
    init(
        _ spec: PodDisruptionBudgetSpec, disrupted before: [String: Time], _ pods: [Pod], now: Time,
        expected scale: () throws -> Int
    ) rethrows {
        if let most = spec.maxUnavailable {
            expected = try scale()
            desired = max(0, expected - (most.scaled(of: expected, roundingUp: true) ?? 0))
        } else if let least = spec.minAvailable {
            if case .int(let count) = least {
                expected = pods.count
                desired = Int(count)
            } else {
                expected = try scale()
                desired = least.scaled(of: expected, roundingUp: true) ?? 0
            }
        }
        for pod in pods where !pod.isBeingDeleted {
            guard let since = before[pod.name] else { continue }
            let end = since + Self.deletionTimeout
            if end < now {
                overdue.append(pod)
            } else {
                disrupted[pod.name] = since
                nextLook = min(nextLook ?? Self.deletionTimeout, end - now)
            }
        }
        healthy = pods.count { $0.isReady && !$0.isBeingDeleted && disrupted[$0.name] == nil }
    }

    /// `status` with these figures.
    func status(from old: PodDisruptionBudgetStatus, generation: Int64, now: Time) -> PodDisruptionBudgetStatus {
        var status = old
        status.expectedPods = Int32(clamping: expected)
        status.desiredHealthy = Int32(clamping: desired)
        status.currentHealthy = Int32(clamping: healthy)
        status.disruptionsAllowed = Int32(clamping: allowed)
        status.disruptedPods = disrupted
        status.observedGeneration = generation
        status.setDisruptionAllowed(allowed > 0, reason: allowed > 0 ? "SufficientPods" : "InsufficientPods", now: now)
        return status
    }
}

extension PodDisruptionBudgetStatus {
    /// Sets the one condition of a budget. Its time is that of the last change from True to False or back.
    mutating func setDisruptionAllowed(_ isAllowed: Bool, reason: String, _ message: String = "", now: Time) {
        let type = "DisruptionAllowed"
        var condition = Condition()
        condition.type = type
        condition.status = isAllowed ? "True" : "False"
        condition.reason = reason
        condition.message = message
        condition.observedGeneration = observedGeneration
        condition.lastTransitionTime = now
        guard let index = conditions.firstIndex(where: { $0.type == type }) else {
            conditions.append(condition)
            return
        }
        if conditions[index].status == condition.status {
            condition.lastTransitionTime = conditions[index].lastTransitionTime
        }
        conditions[index] = condition
    }
}

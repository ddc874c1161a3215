internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// What the Deployment reports about itself.
extension DeploymentRollout {
    /// Counts and availability alone: while paused, resized or deleted.
    mutating func reportCounts() async throws(APIError) {
        try await write(DeploymentStatus.counting(sets, new: new, of: deployment, now: .now()))
    }

    /// Counts, availability, and whether the rollout progresses.
    mutating func reportProgress() async throws(APIError) {
        let now = Time.now()
        var status = DeploymentStatus.counting(sets, new: new, of: deployment, now: now)
        status.judgeProgress(sets, new: new, of: deployment, now: now)
        try await write(status)
    }

    /// While paused no progress is expected, and the deadline does not run.
    mutating func noteWhetherPaused() async throws(APIError) {
        guard deployment.spec.progressDeadline != nil else { return }
        let current = deployment.status.condition("Progressing")
        guard current?.reason != "ProgressDeadlineExceeded" else { return }
        let isNoted = current?.reason == "DeploymentPaused"
        if deployment.spec.isPaused, !isNoted {
            try await setProgressing("Unknown", reason: "DeploymentPaused", "Deployment is paused")
        } else if !deployment.spec.isPaused, isNoted {
            try await setProgressing("Unknown", reason: "DeploymentResumed", "Deployment is resumed")
        }
    }

    mutating func setProgressing(_ value: String, reason: String, _ message: String) async throws(APIError) {
        var status = deployment.status
        status.set("Progressing", value, reason: reason, message, now: .now())
        try await write(status)
    }

    /// Writes `status` if it differs.
    mutating func write(_ status: DeploymentStatus) async throws(APIError) {
        guard status != deployment.status else { return }
        var changed = deployment
        changed.status = status
        do {
            replace(try await client.updateStatus(changed))
        } catch  where error.isNotFound {
            replace(changed)
        }
    }
}

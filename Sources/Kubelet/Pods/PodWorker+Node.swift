internal import KubeAPI

extension PodWorker {
    /// Ends the pod because the node says so: it fails with `verdict` once nothing of it runs, and stays to be seen.
    /// False for a pod that ends or has ended anyway.
    func endByNode(_ verdict: PodVerdict, grace: Int64) -> Bool {
        guard !isFinished, !isTerminating, self.verdict == nil, pod.status.phase != PodPhase.failed,
            pod.status.phase != PodPhase.succeeded
        else { return false }
        self.verdict = verdict
        graceOfNode = grace
        isTerminating = true
        wake()
        return true
    }

    /// Whether nothing of the pod runs any more, and the API server was told.
    var hasEnded: Bool {
        isFinished
            || (!isTerminationUnderWay && !seen.containers.values.contains { $0.isRunning }
                && (pod.status.phase == PodPhase.failed || pod.status.phase == PodPhase.succeeded))
    }
}

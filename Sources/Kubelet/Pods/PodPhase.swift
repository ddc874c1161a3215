internal import KubeAPI

/// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
extension PodStatusBuilder {
    /// How many containers are in which state, as far as the phase cares.
    private struct Tally {
        var running = 0
        /// Not started yet.
        var waiting = 0
        /// Ended, or between two lives.
        var stopped = 0
        var succeeded = 0
        /// Init containers that have yet to do their part.
        var initializing = 0
    }

    func phase(_ status: PodStatus, before: String?) -> String {
        if before == PodPhase.succeeded || before == PodPhase.failed { return before ?? "" }
        if verdict != nil, !isEnding { return PodPhase.failed }
        if PodPlan.initFailed(pod, seen) { return PodPhase.failed }
        let tally = tally(status)
        if isTerminating, tally.running == 0 {
            // Nothing will start again, so what never ran has failed.
            let isGood = tally.stopped == pod.spec.containers.count && tally.succeeded == tally.stopped
            return isGood ? PodPhase.succeeded : PodPhase.failed
        }
        if tally.initializing > 0 || tally.waiting > 0 { return PodPhase.pending }
        if tally.running > 0 { return PodPhase.running }
        guard tally.stopped > 0 else { return PodPhase.pending }
        let isAnyRestarted = pod.spec.containers.contains { container in
            guard let record = seen.containers[container.name], let code = record.exitCode else { return false }
            return record.startsOver || isRestartingAll || pod.restarts(container, afterExit: code)
        }
        if isAnyRestarted { return PodPhase.running }
        return tally.succeeded == tally.stopped ? PodPhase.succeeded : PodPhase.failed
    }

    private func tally(_ status: PodStatus) -> Tally {
        var tally = Tally()
        let isPast = seen.hasStartedMain(of: pod)
        for (container, status) in zip(pod.spec.initContainers, status.initContainerStatuses) {
            if container.isSidecar {
                if status.state.running != nil {
                    tally.running += 1
                    if status.started != true, !isPast { tally.initializing += 1 }
                } else if status.state.terminated == nil, status.lastState.terminated == nil {
                    if !isPast { tally.initializing += 1 }
                    tally.waiting += isTerminating ? 0 : 1
                }
            } else if !isPast, !status.ready {
                tally.initializing += 1
            }
        }
        for status in status.containerStatuses {
            if status.state.running != nil {
                tally.running += 1
            } else if let ended = status.state.terminated {
                tally.stopped += 1
                if ended.exitCode == 0 { tally.succeeded += 1 }
            } else if status.lastState.terminated != nil {
                tally.stopped += 1  // Between two lives.
            } else {
                tally.waiting += 1
            }
        }
        return tally
    }
}

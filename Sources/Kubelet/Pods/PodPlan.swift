internal import APIMachinery
internal import CRI
internal import KubeAPI

/// What to do next for a pod, decided from its specification and what is known of it. Pure: the worker acts on it.
struct PodPlan: Sendable, Equatable {
    /// A sandbox is missing or dead and must be made.
    var makeSandbox = false
    /// Containers to start now.
    var start: [String] = []
    /// Containers that wait for their back-off, and until when.
    var waiting: [String: ContinuousClock.Instant] = [:]
    /// Running containers to stop, with the words for the event.
    var stop: [String: String] = [:]
    /// All has ended and nothing will start again: what stays (sidecars, visitors) ends too, then the sandbox may go.
    var isTerminal = false
    /// A rule of this container starts the whole pod over.
    var restartAll: String?
    /// When to look again if nothing happens before.
    var deadline: ContinuousClock.Instant?

    private mutating func look(at instant: ContinuousClock.Instant) {
        deadline = deadline.map { min($0, instant) } ?? instant
    }
}

/// The inputs of a plan besides the pod.
struct PodObservation: Sendable {
    var sandbox: SandboxRecord?
    var isSandboxBusy = false
    var sandboxRetryAt: ContinuousClock.Instant?
    var containers: [String: ContainerRecord] = [:]
    /// When each container's newest life was seen to end.
    var exits: [String: ContinuousClock.Instant] = [:]

    /// Whether a main container of `pod` has lived in the current sandbox: init containers are over then.
    func hasStartedMain(of pod: Pod) -> Bool {
        pod.spec.containers.contains { container in
            guard let record = containers[container.name] else { return false }
            return record.status != nil && record.sandboxID == sandbox?.id && !record.startsOver
        }
    }
}

extension PodPlan {
    static func make(_ pod: Pod, _ seen: PodObservation, now: ContinuousClock.Instant) -> PodPlan {
        var plan = PodPlan()
        if let name = restartOfAll(pod, seen) {
            plan.restartAll = name
            return plan
        }
        if isOver(pod, seen) {
            plan.isTerminal = true
            return plan
        }
        if let retry = seen.sandboxRetryAt, retry > now { plan.look(at: retry) }
        if seen.sandbox?.isReady != true {
            let mayTry = seen.sandboxRetryAt.map { $0 <= now } ?? true
            if !seen.isSandboxBusy && mayTry { plan.makeSandbox = true }
        }
        plan.planEphemeral(pod, seen, now)
        guard plan.planInit(pod, seen, now) else { return plan }
        for container in pod.spec.containers { plan.planMain(container, pod, seen, now) }
        return plan
    }

    /// - Returns: true once the main containers may start.
    private mutating func planInit(_ pod: Pod, _ seen: PodObservation, _ now: ContinuousClock.Instant) -> Bool {
        let sandboxID = seen.sandbox?.id
        // Once a main container has lived in this sandbox, only sidecars matter.
        let isPast = seen.hasStartedMain(of: pod)
        func record(_ container: Container) -> ContainerRecord { seen.containers[container.name] ?? ContainerRecord() }
        func isCurrent(_ record: ContainerRecord) -> Bool {
            !record.startsOver && (record.sandboxID == sandboxID || (sandboxID == nil && record.status == nil))
        }
        // What comes before the newest one was done; a sidecar among it that fell over comes back beside it.
        let newest = pod.spec.initContainers.lastIndex { container in
            let record = record(container)
            return record.status != nil && isCurrent(record)
        }
        for (index, container) in pod.spec.initContainers.enumerated() {
            let record = record(container)
            let isCurrent = isCurrent(record)
            let wasPassed = isPast || newest.map { index < $0 } ?? false
            if container.isSidecar {
                if record.isRunning && isCurrent {
                    planChange(container, record)
                    if record.hasStarted || wasPassed { continue }
                    return false
                }
                planStart(container, record, seen, now, restarts: record.hasExited && isCurrent)
                if wasPassed { continue }
                return false
            }
            if wasPassed || (record.hasExited && isCurrent && record.exitCode == 0) { continue }
            planStart(container, record, seen, now, restarts: record.hasExited && isCurrent)
            return false
        }
        return true
    }

    private mutating func planMain(
        _ container: Container, _ pod: Pod, _ seen: PodObservation, _ now: ContinuousClock.Instant
    ) {
        let record = seen.containers[container.name] ?? ContainerRecord()
        if record.isRunning { return planChange(container, record) }
        if let code = record.exitCode, !record.startsOver, !pod.restarts(container, afterExit: code) { return }
        planStart(container, record, seen, now, restarts: record.hasExited)
    }

    /// A running container whose image was changed must be made anew.
    private mutating func planChange(_ container: Container, _ record: ContainerRecord) {
        if let made = record.status?.annotations[RuntimeLabels.containerHash],
            made != RuntimeLabels.hash(of: container)
        {
            stop[container.name] = "Container \(container.name) definition changed, will be restarted"
        } else if record.resizeRestarts {
            stop[container.name] = "Container \(container.name) resize requires restart, will be restarted"
        }
    }

    /// Starts the container now, or notes when.
    mutating func planStart(
        _ container: Container, _ record: ContainerRecord, _ seen: PodObservation, _ now: ContinuousClock.Instant,
        restarts: Bool
    ) {
        guard record.activity == .idle, !record.isRunning else { return }
        if record.image.isWaiting(at: now), let until = record.image.until {
            if let notice = record.image.noticeAt, notice > now { look(at: notice) }
            return look(at: until)
        }
        if let retry = record.retryAt, retry > now { return look(at: retry) }
        if restarts, !record.resizeRestarts {
            let due = record.crash.due(afterExit: seen.exits[container.name] ?? now)
            if due > now {
                waiting[container.name] = due
                return look(at: due)
            }
        }
        start.append(container.name)
    }

    /// True where an init container ended badly and will not be tried again.
    static func initFailed(_ pod: Pod, _ seen: PodObservation) -> Bool {
        if seen.hasStartedMain(of: pod) { return false }
        return pod.spec.initContainers.contains { container in
            guard let record = seen.containers[container.name], record.activity == .idle, !record.startsOver,
                let code = record.exitCode
            else { return false }
            return pod.failsWith(container, exit: code)
        }
    }

    /// True once every container has ended for good.
    private static func isOver(_ pod: Pod, _ seen: PodObservation) -> Bool {
        if initFailed(pod, seen) { return true }
        return pod.spec.containers.allSatisfy { container in
            guard let record = seen.containers[container.name], record.activity == .idle, !record.startsOver,
                let code = record.exitCode
            else { return false }
            return !pod.restarts(container, afterExit: code)
        }
    }

    /// The container whose end, by a rule of its own, starts the pod over.
    private static func restartOfAll(_ pod: Pod, _ seen: PodObservation) -> String? {
        guard pod.canRestartAll else { return nil }
        return pod.allContainers.first { container in
            guard let record = seen.containers[container.name], record.activity == .idle, !record.startsOver,
                let code = record.exitCode
            else { return false }
            return container.rule(for: code)?.action == ContainerRestartAction.all
        }?.name
    }
}

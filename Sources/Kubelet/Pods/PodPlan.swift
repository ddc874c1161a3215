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
    /// All has ended and nothing will start again: the sandbox may go.
    var isTerminal = false
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
}

extension PodPlan {
    static func make(_ pod: Pod, _ seen: PodObservation, now: ContinuousClock.Instant) -> PodPlan {
        var plan = PodPlan()
        if isOver(pod, seen) {
            plan.isTerminal = true
            // Sidecars and visitors have no reason to outlive the others.
            let others = pod.spec.initContainers.map(\.name) + pod.spec.ephemeralContainers.map(\.name)
            for name in others where seen.containers[name]?.isRunning == true {
                plan.stop[name] = "Stopping container \(name)"
            }
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
        let isPast = pod.spec.containers.contains { main in
            let record = seen.containers[main.name]
            return record?.status != nil && record?.sandboxID == sandboxID
        }
        for container in pod.spec.initContainers {
            let record = seen.containers[container.name] ?? ContainerRecord()
            let isOfSandbox = record.sandboxID == sandboxID || (sandboxID == nil && record.status == nil)
            if container.isSidecar {
                if record.isRunning && isOfSandbox {
                    if record.hasStarted { continue }
                    return isPast
                }
                planStart(container, record, seen, now, restarts: record.hasExited && isOfSandbox)
                if isPast { continue }
                return false
            }
            if isPast || (record.hasExited && isOfSandbox && record.exitCode == 0) { continue }
            planStart(container, record, seen, now, restarts: record.hasExited && isOfSandbox)
            return false
        }
        return true
    }

    private mutating func planMain(
        _ container: Container, _ pod: Pod, _ seen: PodObservation, _ now: ContinuousClock.Instant
    ) {
        let record = seen.containers[container.name] ?? ContainerRecord()
        if record.isRunning {
            if record.status?.annotations[RuntimeLabels.containerHash] != RuntimeLabels.hash(of: container) {
                stop[container.name] = "Container \(container.name) definition changed, will be restarted"
            }
            return
        }
        if let code = record.exitCode, !pod.restarts(afterExit: code) { return }
        planStart(container, record, seen, now, restarts: record.hasExited)
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
        if restarts {
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
        guard pod.spec.restartPolicy == "Never" else { return false }
        return pod.spec.initContainers.contains { container in
            guard !container.isSidecar, let record = seen.containers[container.name], record.activity == .idle,
                let code = record.exitCode
            else { return false }
            return code != 0
        }
    }

    /// True once every container has ended for good.
    private static func isOver(_ pod: Pod, _ seen: PodObservation) -> Bool {
        if initFailed(pod, seen) { return true }
        return pod.spec.containers.allSatisfy { container in
            guard let record = seen.containers[container.name], record.activity == .idle, let code = record.exitCode
            else { return false }
            return !pod.restarts(afterExit: code)
        }
    }
}

extension Pod {
    /// Whether the restart policy asks for a new life after an exit with `code`.
    func restarts(afterExit code: Int32) -> Bool {
        switch spec.restartPolicy ?? "Always" {
        case "Never": false
        case "OnFailure": code != 0
        default: true
        }
    }

    /// Every container, init containers first.
    var allContainers: [Container] { spec.initContainers + spec.containers }
}

extension Container {
    /// An init container that stays: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    var isSidecar: Bool { restartPolicy == "Always" }
}

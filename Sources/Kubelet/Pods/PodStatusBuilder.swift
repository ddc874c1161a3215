internal import APIMachinery
internal import CRI
internal import KubeAPI

/// Tells a pod's status from what is known of it. Pure.
struct PodStatusBuilder: Sendable {
    let pod: Pod
    let seen: PodObservation
    let nodeAddress: String
    /// Set where the node itself ended or refused the pod.
    let verdict: PodVerdict?
    /// The pod is being ended: what runs no more will not run again.
    let isTerminating: Bool
    let now: Time

    func build() -> PodStatus {
        let before = pod.status
        var status = before
        status.observedGeneration = pod.metadata.generation
        status.hostIP = nodeAddress
        status.hostIPs = [Self.hostIP(nodeAddress)]
        status.startTime = before.startTime ?? now
        status.qosClass = before.qosClass ?? PodFacts.qosClass(pod)
        let ips = pod.spec.hostNetwork == true ? [nodeAddress] : seen.sandbox?.ips ?? []
        if !ips.isEmpty {
            status.podIP = ips.first
            status.podIPs = ips.map { address in
                var ip = PodIP()
                ip.ip = address
                return ip
            }
        }
        let isInitialized = isInitialized
        status.initContainerStatuses = pod.spec.initContainers.map {
            containerStatus($0, before: before.initContainerStatuses, default: .initializing)
        }
        status.containerStatuses = pod.spec.containers.map {
            containerStatus(
                $0, before: before.containerStatuses,
                default: isInitialized || pod.spec.initContainers.isEmpty ? .creating : .initializing)
        }
        status.ephemeralContainerStatuses = pod.ephemeralContainers.map {
            containerStatus($0, before: before.ephemeralContainerStatuses, default: .creating)
        }
        if verdict != nil, seen.containers.isEmpty {
            // Refused at the door: no container was ever on its way.
            status.initContainerStatuses = []
            status.containerStatuses = []
        }
        status.phase = phase(status, before: before.phase)
        if let verdict, !isEnding {
            status.reason = verdict.reason
            status.message = verdict.message
        }
        status.conditions = conditions(status, isInitialized: isInitialized, before: before.conditions)
        return status
    }

    /// Conditions that the node agent writes.
    private static let ownConditions: Set<String> = [
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady",
    ]

    /// What we last told, with what others wrote: a watch may bring a version older than our last write.
    static func merge(ours: PodStatus, theirs: PodStatus) -> PodStatus {
        guard ours.startTime != nil else { return theirs }
        if theirs.phase == PodPhase.failed || theirs.phase == PodPhase.succeeded { return theirs }
        var merged = ours
        merged.conditions =
            ours.conditions.filter { ownConditions.contains($0.type) }
            + theirs.conditions.filter { !ownConditions.contains($0.type) }
        return merged
    }

    private static func hostIP(_ address: String) -> HostIP {
        var ip = HostIP()
        ip.ip = address
        return ip
    }

    // MARK: - Containers

    private func containerStatus(
        _ container: Container, before: [ContainerStatus], default waiting: WaitingReason
    ) -> ContainerStatus {
        let old = before.first { $0.name == container.name }
        guard let record = seen.containers[container.name] else {
            if let old, verdict != nil || isTerminating { return old }
            var status = ContainerStatus()
            status.name = container.name
            status.image = container.image ?? ""
            status.started = false
            status.state.waiting = Self.waiting(waiting)
            return status
        }
        var status = ContainerStatus()
        status.name = container.name
        status.restartCount = Int32(record.restartCount)
        status.image = record.status?.image.image ?? old?.image ?? container.image ?? ""
        if status.image.isEmpty || status.image.hasPrefix("sha256:") { status.image = container.image ?? "" }
        status.imageID = record.status?.imageRef ?? ""
        status.containerID = record.id.map { "containerd://" + $0 }
        status.started = false
        var resources = ResourceRequirements()
        resources.limits = container.resources.limits
        resources.requests = container.resources.requests
        status.resources = resources
        status.allocatedResources = container.resources.requests
        if record.status != nil { status.volumeMounts = container.mountStatuses }
        if record.isRunning {
            var running = ContainerStateRunning()
            running.startedAt = record.status.map { Time(nanoseconds: $0.startedAt) }
            status.state.running = running
            status.started = record.hasStarted
            status.ready = record.hasStarted && record.isReady
            if let last = record.lastTermination { status.lastState.terminated = last }
        } else if let termination = record.termination, record.hasExited {
            setEnded(&status, container, record, termination)
        } else {
            status.state.waiting = Self.waiting(record.waiting ?? waiting)
            if let last = record.lastTermination { status.lastState.terminated = last }
        }
        return status
    }

    /// A container that ended: it stays `terminated` unless something keeps its next life waiting.
    private func setEnded(
        _ status: inout ContainerStatus, _ container: Container, _ record: ContainerRecord,
        _ termination: ContainerStateTerminated
    ) {
        if let waiting = record.waiting, !isTerminating, verdict == nil {
            status.state.waiting = Self.waiting(waiting)
            status.lastState.terminated = termination
        } else {
            status.state.terminated = termination
            if let last = record.lastTermination { status.lastState.terminated = last }
        }
        let isInit = pod.spec.initContainers.contains { $0.name == container.name }
        if isInit, !container.isSidecar { status.ready = termination.exitCode == 0 }
    }

    private static func waiting(_ reason: WaitingReason) -> ContainerStateWaiting {
        var waiting = ContainerStateWaiting()
        waiting.reason = reason.reason
        waiting.message = reason.message
        return waiting
    }

    // MARK: - Pod

    /// The node ends the pod, but something of it still runs: it has not failed yet.
    private var isEnding: Bool { isTerminating && seen.containers.values.contains { $0.isRunning } }

    private var isInitialized: Bool {
        pod.spec.initContainers.allSatisfy { container in
            guard let record = seen.containers[container.name] else { return false }
            return container.isSidecar ? record.hasStarted : record.exitCode == 0
        }
    }

    /// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
    private func phase(_ status: PodStatus, before: String?) -> String {
        if before == PodPhase.succeeded || before == PodPhase.failed { return before ?? "" }
        if verdict != nil, !isEnding { return PodPhase.failed }
        if PodPlan.initFailed(pod, seen) { return PodPhase.failed }
        var running = 0
        var waiting = 0
        var failed = 0
        var succeeded = 0
        for container in status.containerStatuses {
            if container.state.running != nil {
                running += 1
            } else if let ended = container.state.terminated {
                if ended.exitCode == 0 { succeeded += 1 } else { failed += 1 }
            } else if container.lastState.terminated != nil {
                running += 1  // Between two lives.
            } else {
                waiting += 1
            }
        }
        if waiting > 0 {
            let isOver = isTerminating && running == 0
            return isOver ? PodPhase.failed : before == PodPhase.running ? PodPhase.running : PodPhase.pending
        }
        if !isInitialized && !isTerminating && running == 0 && failed + succeeded == 0 { return PodPhase.pending }
        if running > 0 { return PodPhase.running }
        let policy = pod.spec.restartPolicy ?? "Always"
        if !isTerminating {
            if policy == "Always" { return PodPhase.running }
            if policy == "OnFailure", failed > 0 { return PodPhase.running }
        }
        return failed == 0 ? PodPhase.succeeded : PodPhase.failed
    }

    /// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
    private func conditions(_ status: PodStatus, isInitialized: Bool, before: [PodCondition]) -> [PodCondition] {
        let phase = status.phase
        let isOver = phase == PodPhase.succeeded || phase == PodPhase.failed
        var made: [PodCondition] = []
        func add(_ type: String, _ isTrue: Bool, _ reason: String? = nil, _ message: String? = nil) {
            var condition = PodCondition()
            condition.type = type
            condition.status = isTrue ? "True" : "False"
            condition.reason = reason
            condition.message = message
            condition.observedGeneration = pod.metadata.generation
            let old = before.first { $0.type == type }
            condition.lastTransitionTime = old?.status == condition.status ? old?.lastTransitionTime : now
            made.append(condition)
        }
        add("PodReadyToStartContainers", seen.sandbox?.isReady == true && !isOver)
        let unready = status.containerStatuses.filter { !$0.ready }.map(\.name)
        let text = "containers with unready status: [\(unready.joined(separator: " "))]"
        if isOver && phase == PodPhase.succeeded {
            add("Initialized", true, "PodCompleted")
            add("Ready", false, "PodCompleted")
            add("ContainersReady", false, "PodCompleted")
        } else {
            if isInitialized || pod.spec.initContainers.isEmpty {
                add("Initialized", true)
            } else {
                let incomplete = pod.spec.initContainers.map(\.name).filter { name in
                    seen.containers[name]?.exitCode != 0 && seen.containers[name]?.hasStarted != true
                }
                add(
                    "Initialized", false, "ContainersNotInitialized",
                    "containers with incomplete status: [\(incomplete.joined(separator: " "))]")
            }
            if phase == PodPhase.failed {
                add("Ready", false, "PodFailed")
                add("ContainersReady", false, "PodFailed")
            } else if unready.isEmpty {
                let missing = pod.spec.readinessGates.map(\.conditionType).filter { gate in
                    before.first { $0.type == gate }?.status != "True"
                }
                if missing.isEmpty {
                    add("Ready", true)
                } else {
                    let list = missing.map { "corresponding condition of pod readiness gate \"\($0)\" does not exist." }
                    add("Ready", false, "ReadinessGatesNotReady", list.joined(separator: ", "))
                }
                add("ContainersReady", true)
            } else {
                add("Ready", false, "ContainersNotReady", text)
                add("ContainersReady", false, "ContainersNotReady", text)
            }
        }
        if let verdict, verdict.isDisruption, isOver {
            add(PodConditionType.disruptionTarget, true, "TerminationByKubelet", verdict.message)
        }
        let scheduled = before.first { $0.type == "PodScheduled" }
        if scheduled == nil { add("PodScheduled", true) }
        let ours = Set(made.map(\.type))
        return made + before.filter { !ours.contains($0.type) }
    }
}

/// The node's own decision that a pod fails.
struct PodVerdict: Sendable, Equatable {
    let reason: String
    let message: String
    /// The pod was ended for the node's sake, not for what it is.
    var isDisruption = false
}

extension Time {
    /// From the runtime's clock readings.
    init(nanoseconds: Int64) {
        self.init(seconds: nanoseconds / 1_000_000_000)
    }
}

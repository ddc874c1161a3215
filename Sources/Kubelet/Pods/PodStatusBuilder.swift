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
    /// A rule starts the whole pod over, and its containers are being ended for that.
    var isRestartingAll = false
    /// `PodResizePending` and `PodResizeInProgress`, as they are now.
    var resize: [PodCondition] = []
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
        let waiting = pod.spec.initContainers.isEmpty ? WaitingReason.creating : .initializing
        status.initContainerStatuses = pod.spec.initContainers.map {
            containerStatus($0, before: before.initContainerStatuses, default: .initializing)
        }
        status.containerStatuses = pod.spec.containers.map {
            containerStatus($0, before: before.containerStatuses, default: waiting)
        }.sorted { $0.name < $1.name }
        status.ephemeralContainerStatuses = pod.ephemeralContainers.map {
            containerStatus($0, before: before.ephemeralContainerStatuses, default: waiting)
        }
        limitMessages(&status)
        if verdict != nil, seen.containers.isEmpty {
            // Refused at the door: no container was ever on its way.
            status.initContainerStatuses = []
            status.containerStatuses = []
        }
        status.phase = phase(status, before: before.phase)
        if status.phase != before.phase {
            status.reason = nil
            status.message = nil
        }
        if let verdict, !isEnding {
            status.reason = verdict.reason
            status.message = verdict.message
        }
        status.conditions = conditions(status, before: before.conditions)
        return status
    }

    /// Conditions that the node agent writes.
    static let ownConditions: Set<String> = [
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "AllContainersRestarting",
        PodConditionType.resizePending, PodConditionType.resizeInProgress,
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
            if let old, verdict != nil || isTerminating || old.state.terminated != nil { return old }
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
        status.resources = record.isRunning ? record.actual ?? own(container.resources) : own(container.resources)
        status.allocatedResources = container.resources.requests
        if record.status != nil { status.volumeMounts = container.mountStatuses }
        if record.isRunning { status.stopSignal = container.lifecycle?.stopSignal }
        if record.isRunning {
            var running = ContainerStateRunning()
            running.startedAt = record.status.map { Time(nanoseconds: $0.startedAt) }
            status.state.running = running
            status.started = record.hasStarted
            // An init container that does not stay is ready once it has done its part.
            let isInit = pod.spec.initContainers.contains { $0.name == container.name }
            status.ready = record.hasStarted && record.isReady && (!isInit || container.isSidecar)
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

    private func own(_ resources: ResourceRequirements) -> ResourceRequirements {
        var own = ResourceRequirements()
        own.limits = resources.limits
        own.requests = resources.requests
        return own
    }

    private static let messageBytesMax = 12 << 10

    /// All last words of a pod together have a bound, shared evenly.
    private func limitMessages(_ status: inout PodStatus) {
        let count = pod.spec.containers.count + pod.spec.initContainers.count + pod.spec.ephemeralContainers.count
        let share = Self.messageBytesMax / max(count, 1)
        func cut(_ ended: inout ContainerStateTerminated?) {
            guard let message = ended?.message, message.utf8.count > share else { return }
            ended?.message = String(decoding: Array(message.utf8.prefix(share)), as: UTF8.self)
        }
        func cut(_ statuses: inout [ContainerStatus]) {
            for index in statuses.indices {
                cut(&statuses[index].state.terminated)
                cut(&statuses[index].lastState.terminated)
            }
        }
        cut(&status.initContainerStatuses)
        cut(&status.containerStatuses)
        cut(&status.ephemeralContainerStatuses)
    }

    /// The node ends the pod, but something of it still runs: it has not failed yet.
    var isEnding: Bool { isTerminating && seen.containers.values.contains { $0.isRunning } }
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

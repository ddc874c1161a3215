internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Runs one pod: brings the runtime to what the specification asks, and the status to what the runtime does.
///
/// Level-triggered: every wake-up (a new specification, an event of the runtime, a deadline, the end of an operation)
/// makes a `PodPlan` from all that is known and starts what it says. Operations run beside the loop, so that nothing
/// waits for a slow pull or a long grace period.
actor PodWorker {
    let uid: String
    let shared: PodServices
    let publisher: StatusPublisher
    /// The pod as the node runs it: with the resources that it was given.
    var pod: Pod
    /// The pod as the API has it: with the resources that it asks for.
    var desired: Pod
    var allocation: PodAllocation
    /// What the pod had before a resize that is under way.
    var previousAllocation: PodAllocation?
    var resize = ResizeState()
    var seen = PodObservation()
    /// Paths on the node by volume name; `nil` until all are made.
    var volumes: [String: String]?
    /// Paths of images that are mounted, by volume name.
    var imageVolumes: [String: String] = [:]
    var areVolumesBusy = false
    var volumesRetryAt: ContinuousClock.Instant?
    var volumeFailures = 0
    var tokens = VolumeTokens()
    /// The volumes are made, but of content that may have changed since.
    var areVolumesStale = false
    var sandboxFailures = 0
    /// Set where the node ended or refused the pod.
    var verdict: PodVerdict?
    /// The pod is to end: deleted, or beyond its deadline.
    var isTerminating = false
    var isTerminationUnderWay = false
    /// The API object is gone; there is nobody to tell a status.
    var isGone = false
    var isFinished = false
    /// The file of this static pod is gone, or asks for another one.
    var isWithdrawn = false
    /// The sandbox of a terminal pod was taken down.
    var isSandboxReleased = false
    /// Start operations waiting for the sandbox and the volumes.
    var prerequisites: [CheckedContinuation<Bool, Never>] = []
    /// The life of each container that its probes look at.
    var probed: [String: String] = [:]
    /// Containers whose end was told before their start had returned.
    var earlyExits: Set<String> = []
    /// Seconds of grace that the node itself gives, whatever the pod asks for.
    var graceOfNode: Int64?
    /// Seconds of grace last told to the runtime, to notice a shorter one.
    var grace: Int64?
    /// When the grace period of all containers that are being ended is over.
    var endBy = ContinuousClock.now
    /// Hooks under way, by container.
    var hooks: [String: Task<HookFailure?, Never>] = [:]
    /// Containers being created or started right now.
    var launching = 0
    var quietWaiters: [CheckedContinuation<Void, Never>] = []
    /// Sidecars of a pod that is done are being ended.
    var isEndingRest = false
    /// A container's rule starts the pod over.
    var isRestartingAll = false

    /// The pod's place among those that start.
    let startOrder: UInt64
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private var alarm: ContinuousClock.Instant?

    init(pod: Pod, shared: PodServices, verdict: PodVerdict? = nil) {
        uid = pod.metadata.uid ?? ""
        startOrder = shared.turns.nextOrder()
        self.pod = pod
        desired = pod
        allocation = PodAllocation(of: pod)
        self.shared = shared
        self.verdict = verdict
        publisher = StatusPublisher(client: shared.client, logger: shared.logger, pod: pod, isStatic: pod.isStatic)
        (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Makes the worker look at its pod again.
    nonisolated func wake() { waker.yield() }

    /// Takes in what was found in the runtime at start.
    func adopt(_ found: PodObservation) {
        seen = found
        let isOver = pod.status.phase == PodPhase.succeeded || pod.status.phase == PodPhase.failed
        let told = pod.status
        for container in pod.runnableContainers {
            guard
                let old = (told.containerStatuses + told.initContainerStatuses + told.ephemeralContainerStatuses)
                    .first(where: { $0.name == container.name })
            else { continue }
            var record = seen.containers[container.name] ?? ContainerRecord()
            record.restartCount = max(record.restartCount, Int(old.restartCount))
            if record.lastTermination == nil { record.lastTermination = old.lastState.terminated }
            // What the probes had found holds until they find otherwise.
            if record.isRunning, container.hasProbes {
                record.hasStarted = old.started ?? record.hasStarted
                record.isReady = container.readinessProbe == nil || old.ready
            }
            // A container that had ended and was swept away by the runtime must not live again.
            let livesOnce = pod.spec.ephemeralContainers.contains { $0.name == container.name }
            if record.status == nil, isOver || livesOnce { record.termination = old.state.terminated }
            if record.status != nil || record.termination != nil { seen.containers[container.name] = record }
        }
    }

    /// A new version of the pod.
    func update(_ new: Pod) async {
        guard !isFinished else { return }
        let known = pod.status
        if pod.metadata.labels != new.metadata.labels || pod.metadata.annotations != new.metadata.annotations {
            areVolumesStale = true  // The downward API shows them.
        }
        desired = new
        pod = allocation.applied(to: new)
        pod.status = PodStatusBuilder.merge(ours: known, theirs: new.status)
        await publisher.observed(new)
        wake()
    }

    /// A ConfigMap or Secret that the pod uses came, changed or went.
    func contentChanged() {
        areVolumesStale = true
        let now = ContinuousClock.now
        for (name, record) in seen.containers where record.waiting?.reason == "CreateContainerConfigError" {
            seen.containers[name]?.retryAt = now
        }
        if volumes == nil { volumesRetryAt = nil }
        wake()
    }

    /// The API object is gone.
    func removed() {
        isGone = true
        wake()
    }

    /// The static pod's file no longer asks for it.
    func withdraw() {
        isWithdrawn = true
        wake()
    }

    /// The pod that stands for this static one in the API came, changed or (`nil`) went.
    func mirrorChanged(_ mirror: Pod?) async { await publisher.address(mirror) }

    /// Works until the pod and everything of it is gone, or the task is cancelled (which leaves containers running).
    func run() async {
        await withDiscardingTaskGroup { group in
            wake()
            for await _ in wakes {
                for operation in step() { group.addTask { await operation() } }
                if let alarm = nextAlarm() {
                    group.addTask { [weak self] in
                        try? await Task.sleep(until: alarm, clock: .continuous)
                        self?.wake()
                    }
                }
                if isFinished { break }
            }
            releasePrerequisites(false)
            for hook in hooks.values { hook.cancel() }
            group.cancelAll()
        }
        if isFinished {
            shared.index.update(pod.key, uid: uid, nil)
            shared.content.forget(uid)
            shared.probes.forget(pod: uid)
            shared.allocations.forget(uid)
        }
    }

    typealias Operation = @Sendable () async -> Void

    /// Decides what to do now. Never waits.
    private func step() -> [Operation] {
        guard !isFinished else { return [] }
        let now = ContinuousClock.now
        checkDeadline()
        if pod.metadata.deletionTimestamp != nil || isGone || isWithdrawn { isTerminating = true }
        if isTerminating { return terminationSteps() }
        let isOver = pod.status.phase == PodPhase.succeeded || pod.status.phase == PodPhase.failed
        if verdict != nil || (isOver && !seen.containers.values.contains { $0.isRunning }) {
            return [{ await self.publish() }] + releaseSandbox()
        }
        let plan = PodPlan.make(pod, seen, now: now)
        noteWaiting(plan)
        noteImageBackOff(now)
        var operations: [Operation] = [{ await self.publish() }]
        if isRestartingAll { return operations }
        if let cause = plan.restartAll {
            isRestartingAll = true
            return [{ await self.restartAll(cause) }]
        }
        if plan.isTerminal {
            if !isEndingRest, seen.containers.values.contains(where: \.isRunning) {
                isEndingRest = true
                operations.append { await self.endRest() }
            }
            return operations + releaseSandbox()
        }
        operations += preparations(plan, now)
        for name in plan.start {
            seen.containers[name, default: ContainerRecord()].activity = .starting
            operations.append { await self.start(name) }
        }
        for (name, message) in plan.stop where seen.containers[name]?.activity == .idle {
            seen.containers[name]?.activity = .stopping
            operations.append { await self.stop(name, message: message) }
        }
        operations += probeSteps() + resizeSteps(now)
        if let deadline = plan.deadline { alarm = alarm.map { min($0, deadline) } ?? deadline }
        return operations
    }

    private func preparations(_ plan: PodPlan, _ now: ContinuousClock.Instant) -> [Operation] {
        var operations: [Operation] = []
        if plan.makeSandbox {
            seen.isSandboxBusy = true
            operations.append { await self.makeSandbox() }
        }
        if volumes == nil, !areVolumesBusy {
            if let retry = volumesRetryAt, retry > now {
                alarm = alarm.map { min($0, retry) } ?? retry
            } else {
                areVolumesBusy = true
                operations.append { await self.prepareVolumes() }
            }
        } else if !areVolumesBusy {
            operations += refreshes(now)
        }
        return operations
    }

    /// Brings the content of the volumes up to date where it may have changed or a token nears its end.
    private func refreshes(_ now: ContinuousClock.Instant) -> [Operation] {
        if let due = [tokens.refreshAt, areVolumesStale ? volumesRetryAt : nil].compactMap(\.self).min(), due > now {
            alarm = alarm.map { min($0, due) } ?? due
        }
        if let due = tokens.refreshAt, due <= now { areVolumesStale = true }
        guard areVolumesStale, volumesRetryAt.map({ $0 <= now }) ?? true else { return [] }
        areVolumesStale = false
        areVolumesBusy = true
        return [{ await self.prepareVolumes() }]
    }

    private func releaseSandbox() -> [Operation] {
        guard !isSandboxReleased, let sandbox = seen.sandbox,
            !seen.containers.values.contains(where: { $0.isRunning || $0.activity != .idle })
        else { return [] }
        isSandboxReleased = true
        return [{ await self.stopSandbox(sandbox.id) }]
    }

    /// Asks for a look at the pod at `instant`, if nothing happens before.
    func look(at instant: ContinuousClock.Instant) { alarm = alarm.map { min($0, instant) } ?? instant }

    /// The next time to wake up, if it is not asked for already.
    private func nextAlarm() -> ContinuousClock.Instant? {
        defer { alarm = nil }
        return alarm
    }

    /// `activeDeadlineSeconds`: https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup
    private func checkDeadline() {
        guard let seconds = pod.spec.activeDeadlineSeconds, let start = pod.status.startTime, verdict == nil,
            pod.status.phase == PodPhase.running || pod.status.phase == PodPhase.pending
        else { return }
        let left = Duration.seconds(seconds) - (Time.now() - start)
        if left <= .zero {
            verdict = PodVerdict(
                reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline")
            isTerminating = true
            shared.recorder.record(
                pod, .normal, reason: "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline")
        } else {
            let due = ContinuousClock.now + left
            alarm = alarm.map { min($0, due) } ?? due
        }
    }

    /// Containers that sit out their back-off say so.
    private func noteWaiting(_ plan: PodPlan) {
        for (name, _) in plan.waiting {
            guard var record = seen.containers[name], record.waiting?.reason != "CrashLoopBackOff" else { continue }
            let seconds = record.crash.delay.components.seconds
            let delay = seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
            let who = "\(pod.metadata.name ?? "")_\(pod.metadata.namespace ?? "")(\(uid))"
            record.waiting = WaitingReason(
                reason: "CrashLoopBackOff",
                message: "back-off \(delay) restarting failed container=\(name) pod=\(who)")
            seen.containers[name] = record
            shared.recorder.record(
                reference(to: name), .warning, reason: "BackOff",
                "Back-off restarting failed container \(name) in pod \(who)")
        }
    }

    /// A failed pull shows its own words first, then that it waits for the next.
    private func noteImageBackOff(_ now: ContinuousClock.Instant) {
        for (name, record) in seen.containers {
            guard record.waiting?.reason == "ErrImagePull", let due = record.image.noticeAt, due <= now,
                let last = record.image.lastError
            else { continue }
            let image = pod.runnableContainers.first { $0.name == name }?.image ?? ""
            let text = "Back-off pulling image \"\(image)\""
            seen.containers[name]?.waiting = WaitingReason(
                reason: "ImagePullBackOff", message: "\(text): \(last.reason): \(last.message ?? "")")
            shared.recorder.record(reference(to: name), .normal, reason: "BackOff", text)
            shared.recorder.record(reference(to: name), .warning, reason: "Failed", "Error: ImagePullBackOff")
        }
    }

    // MARK: - Telling others

    func publish() async {
        updateIndex()
        guard !isGone else { return }
        let builder = PodStatusBuilder(
            pod: pod, seen: seen, nodeAddress: shared.node.address, verdict: verdict, isTerminating: isTerminating,
            isRestartingAll: isRestartingAll, resize: resizeConditions, now: .now())
        let status = builder.build()
        // Conditions of the next step build on these.
        pod.status = status
        if pod.isStatic { shared.pods[static: pod.key] = pod }
        await publisher.publish(status)
    }

    func updateIndex() {
        // Another pod may have the name by now.
        guard !isGone else { return }
        var entry = PodRuntimeIndex.Entry(uid: uid)
        entry.sandboxID = seen.sandbox.flatMap { $0.isReady ? $0.id : nil }
        entry.podIP = seen.sandbox?.ips.first
        let directory = shared.configuration.logDirectory(
            namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "", uid: uid)
        for (name, record) in seen.containers {
            func container(_ id: String, _ count: Int, _ isRunning: Bool) -> PodRuntimeIndex.Container {
                PodRuntimeIndex.Container(
                    id: id, name: name, restartCount: count, logPath: "\(directory)/\(name)/\(count).log",
                    isRunning: isRunning)
            }
            if let id = record.id { entry.containers[name] = container(id, record.restartCount, record.isRunning) }
            if let id = record.previousID, record.restartCount > 0 {
                entry.previous[name] = container(id, record.restartCount - 1, false)
            }
        }
        shared.index.update(pod.key, uid: uid, entry)
    }

    /// An event's subject: the pod, with the container in its field path.
    func reference(to container: String) -> ObjectReference {
        var reference = ObjectReference(to: pod)
        let isInit = pod.spec.initContainers.contains { $0.name == container }
        let isEphemeral = pod.spec.ephemeralContainers.contains { $0.name == container }
        let list = isInit ? "initContainers" : isEphemeral ? "ephemeralContainers" : "containers"
        reference.fieldPath = "spec.\(list){\(container)}"
        return reference
    }
}

internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient

/// Where a pod's resize is.
struct ResizeState: Sendable {
    /// Why it waits (`Deferred`) or never will be (`Infeasible`), for the specification that asked for it.
    var pending: (reason: String, message: String, generation: Int64?)?
    /// The specification whose resources are being brought to the runtime.
    var inProgress: Int64?
    /// Why that does not succeed.
    var error: String?
    var retryAt: ContinuousClock.Instant?
    var isBusy = false
}

/// In-place changes of cpu and memory.
extension PodWorker {
    private static let resizeRetry = Duration.seconds(10)

    /// Takes up what an earlier Skiff gave the pod, and what its containers are really held to.
    func loadAllocation() async {
        let ids = seen.containers.compactMap { $1.isRunning ? $1.id : nil }
        if !ids.isEmpty {
            let file = PodAllocation.file(shared.configuration.podDirectory(uid))
            if let saved = try? await BlockingWork.run({ PodAllocation.load(file) }) { allocation = saved }
            pod = allocation.applied(to: desired)
            for (name, record) in seen.containers where record.isRunning {
                if let id = record.id { await readActual(name, id, isAdopted: true) }
            }
        }
        let isOver = pod.status.phase == PodPhase.succeeded || pod.status.phase == PodPhase.failed
        if verdict == nil, !isOver { shared.allocations.set(uid, PodFacts.requests(pod)) }
    }

    /// Notes what the kernel holds a container to.
    func readActual(_ name: String, _ id: String, isAdopted: Bool = false) async {
        let path = shared.groups.path(of: pod) + "/" + id
        guard let actual = try? await BlockingWork.run({ ActualResources.read(path) }),
            let container = pod.allContainers.first(where: { $0.name == name }), seen.containers[name]?.id == id
        else { return }
        let given = seen.containers[name]?.given
        seen.containers[name]?.actual = actual.described(as: given ?? container.resources)
        if isAdopted, actual.holds(container.resources) { seen.containers[name]?.given = container.resources }
    }

    /// Decides on a resize that is asked for, and begins one that was granted. Never waits.
    func resizeSteps(_ now: ContinuousClock.Instant) -> [Operation] {
        guard !pod.isStatic else { return [] }
        decideResize()
        if let retryAt = resize.retryAt, retryAt > now {
            look(at: retryAt)
            return []
        }
        // What restarts for it, or is on its way, wakes us when it is done.
        let mayComplete = resize.inProgress != nil && isSettled
        guard !resize.isBusy, !containersToResize.isEmpty || mayComplete else { return [] }
        resize.isBusy = true
        return [{ await self.actuateResize() }]
    }

    private func decideResize() {
        guard allocation.differs(from: desired) else {
            resize.pending = nil
            return
        }
        let generation = desired.metadata.generation
        let answer = shared.allocations.resize(
            uid, to: PodFacts.requests(desired), allocatable: shared.node.allocatable)
        switch answer {
        case .granted:
            previousAllocation = previousAllocation ?? allocation
            allocation = PodAllocation(of: desired)
            pod = allocation.applied(to: pod)
            resize = ResizeState(inProgress: generation ?? 0, isBusy: resize.isBusy)
            recordResize(.normal, "ResizeStarted", "Pod resize started", pod)
        case .deferred(let message): suspend("Deferred", "ResizeDeferred", message)
        case .infeasible(let message): suspend("Infeasible", "ResizeInfeasible", message)
        }
    }

    private func suspend(_ reason: String, _ event: String, _ message: String) {
        let generation = desired.metadata.generation
        let isNew = resize.pending?.reason != reason || resize.pending?.generation != generation
        resize.pending = (reason, message, generation)
        if isNew { recordResize(.warning, event, "Pod resize \(reason)", desired, error: message) }
    }

    /// Others gave something back.
    func retryResize() {
        if resize.pending != nil { wake() }
    }

    /// Running containers that the runtime still holds to something else.
    private var containersToResize: [Container] {
        pod.allContainers.filter { container in
            guard let record = seen.containers[container.name], record.isRunning, record.activity == .idle,
                !record.resizeRestarts
            else { return false }
            return record.given?.limits != container.resources.limits
                || record.given?.requests != container.resources.requests
        }
    }

    /// The pod's own bounds grow first and shrink last, so that its containers always fit.
    private func actuateResize() async {
        let wanted = allocation
        let before = (previousAllocation ?? wanted).applied(to: pod)
        let file = PodAllocation.file(shared.configuration.podDirectory(uid))
        let pod = pod
        do {
            try await BlockingWork.run { try wanted.save(file, for: pod) }
            await shared.groups.place(pod, noLessThan: before)
            for container in containersToResize { try await resize(container) }
            if seen.containers.values.contains(where: { $0.resizeRestarts }) {
                // Goes on when their new lives have begun.
                resize.isBusy = false
                return wake()
            }
            await shared.groups.place(pod)
            resize.error = nil
            resize.retryAt = nil
            if wanted == allocation, containersToResize.isEmpty, isSettled {
                if resize.inProgress != nil {
                    recordResize(.normal, "ResizeCompleted", "Pod resize completed", pod)
                }
                resize.inProgress = nil
                previousAllocation = nil
                shared.allocations.reconsider()
            }
        } catch {
            let words = (error as? CRIError)?.message ?? "\(error)"
            if resize.error != words { recordResize(.warning, "ResizeError", "Pod resize error", pod, error: words) }
            resize.error = words
            resize.inProgress = resize.inProgress ?? desired.metadata.generation ?? 0
            resize.retryAt = .now + Self.resizeRetry
        }
        resize.isBusy = false
        wake()
    }

    /// No container is between two lives.
    private var isSettled: Bool {
        seen.containers.values.allSatisfy { $0.activity == .idle && !$0.resizeRestarts }
    }

    private func resize(_ container: Container) async throws {
        let name = container.name
        guard let record = seen.containers[name], let id = record.id, record.isRunning else { return }
        if let given = record.given, container.needsRestart(from: given) {
            seen.containers[name]?.resizeRestarts = true
            return wake()
        }
        let path = shared.groups.path(of: pod) + "/" + id
        if let limit = container.resources.limits["memory"]?.value {
            let used = try await BlockingWork.run { ControlGroups.machine.workingSet(path) } ?? 0
            if limit > 0, limit < used {
                throw ConfigurationError(
                    "attempting to set container \"\(name)\" memory limit (\(limit)) below current usage (\(used))")
            }
        }
        let limits = ContainerLimits(pod: pod, container: container, node: shared.node)
        try await shared.cri.updateContainerResources(id, limits.resources())
        guard seen.containers[name]?.id == id else { return }
        seen.containers[name]?.given = container.resources
        await readActual(name, id)
    }

    // MARK: - What is told

    /// Conditions of the pod's status.
    var resizeConditions: [PodCondition] {
        var made: [PodCondition] = []
        if let pending = resize.pending {
            made.append(Self.condition(PodConditionType.resizePending, pending.reason, pending.message))
            made[0].observedGeneration = pending.generation
        }
        if let generation = resize.inProgress {
            let reason = resize.error == nil ? nil : "Error"
            var condition = Self.condition(PodConditionType.resizeInProgress, reason, resize.error)
            condition.observedGeneration = generation
            made.append(condition)
        }
        return made
    }

    private static func condition(_ type: String, _ reason: String?, _ message: String?) -> PodCondition {
        var condition = PodCondition()
        condition.type = type
        condition.status = "True"
        condition.reason = reason
        condition.message = message
        return condition
    }

    private func recordResize(
        _ severity: EventSeverity, _ reason: String, _ words: String, _ pod: Pod, error: String? = nil
    ) {
        func list(_ containers: [Container]) -> Value {
            .array(
                containers.map { container in
                    .object(
                        OrderedFields([
                            ("name", .string(container.name)),
                            ("resources", (try? Value(json: container.resources.jsonBytes())) ?? .null),
                        ]))
                })
        }
        var fields: [(key: String, value: Value)] = []
        if !pod.spec.initContainers.isEmpty { fields.append(("initContainers", list(pod.spec.initContainers))) }
        fields.append(("containers", list(pod.spec.containers)))
        fields.append(("generation", .int(desired.metadata.generation ?? 0)))
        if let error { fields.append(("error", .string(error))) }
        shared.recorder.record(
            pod, severity, reason: reason, "\(words): \(Value.object(OrderedFields(fields)).jsonText)")
    }
}

extension Container {
    /// Whether one of the resources that differ from `given` asks for a new life.
    fileprivate func needsRestart(from given: ResourceRequirements) -> Bool {
        resizePolicy.contains { policy in
            let name = policy.resourceName
            return policy.restartPolicy == "RestartContainer"
                && (given.limits[name] != resources.limits[name] || given.requests[name] != resources.requests[name])
        }
    }
}

internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Registers the node and keeps its status true: written when it changes, and every five minutes as a sign of life
/// (the lease is the heartbeat): https://kubernetes.io/docs/reference/node/node-status/
actor NodeReporter {
    private let configuration: KubeletConfiguration
    private let facts: NodeFacts
    private let cri: CRIClient
    private let client: Client
    private let recorder: EventRecorder
    private let state: NodeState
    private let logger: Logger
    private var reported: Node?
    private var reportedAt: ContinuousClock.Instant?
    private var isStartTold = false

    private static let checkInterval = Duration.seconds(60)
    private static let reportInterval = Duration.seconds(300)
    private static let quietFailuresMax = 8
    /// Bound of the list of images, as upstream has it.
    private static let imagesMax = 50

    init(
        configuration: KubeletConfiguration, facts: NodeFacts, cri: CRIClient, client: Client,
        recorder: EventRecorder, state: NodeState, logger: Logger
    ) {
        self.configuration = configuration
        self.facts = facts
        self.cri = cri
        self.client = client
        self.recorder = recorder
        self.state = state
        self.logger = logger
    }

    /// The owner of the node's lease.
    var reference: OwnerReference? {
        guard let reported, let uid = reported.metadata.uid else { return nil }
        var owner = OwnerReference()
        owner.apiVersion = "v1"
        owner.kind = "Node"
        owner.name = facts.name
        owner.uid = uid
        return owner
    }

    /// Makes or takes over the Node object, Ready from the first moment. Tries until the API server takes it.
    func register() async {
        if !isStartTold {
            recorder.record(ObjectReference(node: facts.name), .normal, reason: "Starting", "Starting kubelet.")
        }
        var pause = Duration.milliseconds(20)
        var failures = 0
        while !Task.isCancelled {
            do {
                reported = try await registerOnce()
                reportedAt = .now
                return
            } catch {
                failures += 1
                // The first tries may come before the API is up.
                logger.log(
                    level: failures == Self.quietFailuresMax ? .warning : .debug,
                    "cannot register the node yet: \(error)")
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    /// Reports until the task is cancelled: every minute what changed, and at once what the node's watchers found.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [state] in
                while !Task.isCancelled {
                    do { try await Task.sleep(for: Self.checkInterval, tolerance: .seconds(5)) } catch { return }
                    state.report()
                }
            }
            for await _ in state.changes { await report() }
        }
    }

    private func registerOnce() async throws -> Node {
        var node = try await existing() ?? Node()
        let isNew = node.metadata.name == nil
        node.metadata.name = facts.name
        node.metadata.labels.merge(labels) { _, ours in ours }
        if node.spec.podCIDR == nil {
            node.spec.podCIDR = configuration.runtime.podCIDR
            node.spec.podCIDRs = [configuration.runtime.podCIDR]
        }
        let wanted = await status(before: node.status)
        let before = node.status
        node.status = wanted
        var answer = isNew ? try await client.create(node) : try await client.update(node)
        if answer.status != wanted {
            answer.status = wanted
            answer = try await client.updateStatus(answer)
        }
        recordTransitions(from: before, to: wanted)
        recordStart(bootedBefore: before.nodeInfo.bootID)
        return answer
    }

    private func existing() async throws(APIError) -> Node? {
        do {
            return try await client.get(Node.self, ObjectKey(namespace: "", name: facts.name))
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    private func report() async {
        guard let last = reported else { return await register() }
        let wanted = await status(before: last.status)
        let isDue = reportedAt.map { ContinuousClock.now - $0 >= Self.reportInterval } ?? true
        guard isDue || Self.isDifferent(wanted, last.status) else { return }
        do {
            guard let patch = Self.patch(to: wanted) else { return }
            recordTransitions(from: last.status, to: wanted)
            let key = ObjectKey(namespace: "", name: facts.name)
            reported = try await client.patch(Node.self, key, .strategic(patch), subresource: "status")
            reportedAt = .now
        } catch {
            if error.isNotFound { return await register() }
            logger.warning("cannot report the node's status: \(error)")
        }
    }

    private static func patch(to status: NodeStatus) -> Value? {
        guard let value = try? Value(json: status.jsonBytes()) else { return nil }
        var fields = OrderedFields()
        fields["status"] = value
        return .object(fields)
    }

    /// Times of heartbeats are no difference.
    private static func isDifferent(_ left: NodeStatus, _ right: NodeStatus) -> Bool {
        func plain(_ status: NodeStatus) -> NodeStatus {
            var status = status
            for index in status.conditions.indices { status.conditions[index].lastHeartbeatTime = nil }
            return status
        }
        return plain(left) != plain(right)
    }

    // MARK: - Status

    private var labels: [String: String] {
        configuration.labels.merging([
            "kubernetes.io/hostname": facts.name, "kubernetes.io/os": "linux",
            "kubernetes.io/arch": facts.architecture, "beta.kubernetes.io/os": "linux",
            "beta.kubernetes.io/arch": facts.architecture,
        ]) { given, _ in given }
    }

    private func status(before: NodeStatus) async -> NodeStatus {
        var status = before
        status.capacity = facts.capacity
        status.allocatable = facts.allocatable
        status.addresses = [("InternalIP", facts.address), ("Hostname", facts.name)].map { type, value in
            var address = NodeAddress()
            address.type = type
            address.address = value
            return address
        }
        status.daemonEndpoints.kubeletEndpoint.Port = configuration.port
        var info = NodeSystemInfo()
        info.architecture = facts.architecture
        info.bootID = facts.bootID
        info.kernelVersion = facts.kernelVersion
        info.kubeletVersion = configuration.version
        info.machineID = facts.machineID
        info.operatingSystem = "linux"
        info.osImage = facts.osImage
        info.systemUUID = facts.systemUUID
        info.containerRuntimeVersion = before.nodeInfo.containerRuntimeVersion
        if let version = try? await cri.version() {
            info.containerRuntimeVersion = "\(version.runtimeName)://\(version.runtimeVersion)"
        }
        status.nodeInfo = info
        if let images = try? await cri.listImages() { status.images = Self.images(images) }
        let problem = await runtimeProblem()
        status.conditions = conditions(problem, before: before.conditions)
        return status
    }

    private static func images(_ images: [CRIImage]) -> [ContainerImage] {
        images.sorted { $0.size > $1.size }.prefix(imagesMax).map { image in
            var result = ContainerImage()
            result.names = image.repoDigests + image.repoTags
            result.sizeBytes = Int64(image.size)
            return result
        }
    }

    private func runtimeProblem() async -> String? {
        do {
            let unmet = try await cri.status().first { !$0.status }
            return unmet.map { "container runtime \($0.type) is false: \($0.reason) \($0.message)" }
        } catch {
            return "container runtime is down: \(error)"
        }
    }

    private func conditions(_ problem: String?, before: [NodeCondition]) -> [NodeCondition] {
        let now = Time.now()
        func condition(_ type: String, _ isTrue: Bool, _ reason: String, _ message: String) -> NodeCondition {
            var condition = NodeCondition()
            condition.type = type
            condition.status = isTrue ? "True" : "False"
            condition.reason = reason
            condition.message = message
            condition.lastHeartbeatTime = now
            let old = before.first { $0.type == type }
            condition.lastTransitionTime = old?.status == condition.status ? old?.lastTransitionTime : now
            return condition
        }
        let state = state.current
        let pressures = EvictionSignal.Pressure.allCases.map { pressure in
            let isOn = state.pressures.contains(pressure)
            return condition(pressure.rawValue, isOn, pressure.reason(isOn), pressure.message(isOn))
        }
        let problem = state.isShuttingDown ? "node is shutting down" : problem
        let ready =
            problem.map { condition("Ready", false, "KubeletNotReady", $0) }
            ?? condition("Ready", true, "KubeletReady", "kubelet is posting ready status")
        return pressures + [ready]
    }

    /// What the node's agent tells when it has begun, once; and that the machine is not the one that was reported last.
    private func recordStart(bootedBefore: String) {
        guard !isStartTold else { return }
        isStartTold = true
        let node = ObjectReference(node: facts.name)
        recorder.record(
            node, .normal, reason: "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
        if !bootedBefore.isEmpty, bootedBefore != facts.bootID {
            recorder.record(
                node, .warning, reason: "Rebooted",
                "Node \(facts.name) has been rebooted, boot id: \(facts.bootID)")
        }
    }

    /// `kubectl describe node` shows when a condition changed.
    private func recordTransitions(from before: NodeStatus, to after: NodeStatus) {
        for condition in after.conditions {
            guard before.conditions.first(where: { $0.type == condition.type })?.status != condition.status else {
                continue
            }
            let isOn = condition.status == ConditionStatus.true
            let reason =
                EvictionSignal.Pressure(rawValue: condition.type)?.transition(isOn)
                ?? (isOn ? "NodeReady" : "NodeNotReady")
            recorder.record(
                ObjectReference(node: facts.name), .normal, reason: reason,
                "Node \(facts.name) status is now: \(reason)")
        }
    }
}

extension EvictionSignal.Pressure {
    fileprivate func reason(_ isOn: Bool) -> String {
        switch self {
        case .memory: isOn ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory"
        case .disk: isOn ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure"
        case .pid: isOn ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID"
        }
    }

    fileprivate func message(_ isOn: Bool) -> String {
        switch self {
        case .memory: "kubelet has \(isOn ? "in" : "")sufficient memory available"
        case .disk: isOn ? "kubelet has disk pressure" : "kubelet has no disk pressure"
        case .pid: "kubelet has \(isOn ? "in" : "")sufficient PID available"
        }
    }

    /// The reason of the event when the condition turns.
    fileprivate func transition(_ isOn: Bool) -> String {
        switch self {
        case .memory: isOn ? "NodeHasInsufficientMemory" : "NodeHasSufficientMemory"
        case .disk: isOn ? "NodeHasDiskPressure" : "NodeHasNoDiskPressure"
        case .pid: isOn ? "NodeHasInsufficientPID" : "NodeHasSufficientPID"
        }
    }
}

internal import APIMachinery
internal import KubeAPI
internal import Logging
internal import Synchronization

/// The node's tree of control groups, as upstream's cgroupfs driver has it: a root for all pods, below it Guaranteed
/// pods and a group each for Burstable and BestEffort ones. Kept when pods come, change and go, never by the clock.
final class PodGroups: Sendable {
    private let root: String
    private let node: NodeFacts
    private let settings: NodeSettings
    private let groups: ControlGroups
    private let logger: Logger
    /// Thousandths of a processor that each Burstable pod asks for.
    private let burstable = Mutex<[String: Int64]>([:])

    init(
        root: String, node: NodeFacts, settings: NodeSettings, groups: ControlGroups = .machine, logger: Logger
    ) {
        self.root = root
        self.node = node
        self.settings = settings
        self.groups = groups
        self.logger = logger
    }

    /// What all pods together may have: the node's capacity less what is kept for the system.
    /// https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/
    var rootLimits: ControlGroupLimits {
        var limits = ControlGroupLimits()
        limits.cpuShares = ControlGroupLimits.shares(milliCPU: node.unreserved("cpu").milliValue)
        limits.memory = node.unreserved("memory").value
        return limits
    }

    /// Makes the groups that every pod lies below. Blocks.
    func makeRoots() {
        do {
            try groups.set(root, rootLimits)
            try groups.set(root + "/besteffort", Self.bestEffort)
            try groups.set(root + "/burstable", burstableLimits)
        } catch {
            logger.warning("pods are not held to the node's resources: \(error)")
        }
    }

    /// Makes the pod's own group, or brings it to what the pod now asks for. Returns once it is in force.
    /// `noLessThan`: what the pod had before counts where it is more, while its containers are being changed.
    func place(_ pod: Pod, noLessThan before: Pod? = nil) async {
        let uid = pod.metadata.uid ?? ""
        var sumChanged = false
        if PodFacts.qosClass(pod) == "Burstable" {
            let asked = PodFacts.requests(pod)["cpu"]?.milliValue ?? 0
            sumChanged = burstable.withLock { $0.updateValue(asked, forKey: uid) != asked }
        }
        let path = path(of: pod)
        var limits = PodLimits.of(pod, pidsMax: settings.podPIDsMax)
        if let before { limits.raise(to: PodLimits.of(before, pidsMax: settings.podPIDsMax)) }
        let wanted = limits
        let isBurstableChanged = sumChanged
        do {
            try await BlockingWork.run { [self] in
                if isBurstableChanged { try groups.set(root + "/burstable", burstableLimits) }
                try groups.set(path, wanted)
            }
        } catch {
            logger.warning("pod \(pod.key) is not held to its resources: \(error)")
        }
    }

    /// The pod has ended for good: its share goes back.
    func forget(_ uid: String) async {
        guard burstable.withLock({ $0.removeValue(forKey: uid) }) != nil else { return }
        _ = try? await BlockingWork.run { [self] in try groups.set(root + "/burstable", burstableLimits) }
    }

    /// `/skiff/burstable/pod<uid>`.
    func path(of pod: Pod) -> String { Self.path(of: pod, root: root) }

    static func path(of pod: Pod, root: String) -> String {
        let group =
            switch PodFacts.qosClass(pod) {
            case "Guaranteed": ""
            case "Burstable": "/burstable"
            default: "/besteffort"
            }
        return "\(root)\(group)/pod\(pod.metadata.uid ?? "")"
    }

    /// Memory that all pods hold.
    var workingSet: Int64? { groups.workingSet(root) }

    /// Memory that one pod holds, and its processes.
    func usage(of pod: Pod) -> (memory: Int64, processes: Int64) {
        let path = path(of: pod)
        return (groups.workingSet(path) ?? 0, groups.processes(path) ?? 0)
    }

    private static let bestEffort: ControlGroupLimits = {
        var limits = ControlGroupLimits()
        limits.cpuShares = ControlGroupLimits.sharesMin
        return limits
    }()

    private var burstableLimits: ControlGroupLimits {
        var limits = ControlGroupLimits()
        limits.cpuShares = ControlGroupLimits.shares(milliCPU: burstable.withLock { $0.values.reduce(0, +) })
        return limits
    }
}

/// What a pod's own group is held to.
enum PodLimits {
    static func of(_ pod: Pod, pidsMax: Int64) -> ControlGroupLimits {
        var limits = ControlGroupLimits()
        limits.pids = pidsMax > 0 ? pidsMax : -1
        let requests = PodFacts.requests(pod)
        let most = PodFacts.limits(pod)
        for (name, quantity) in most where name.hasPrefix("hugepages-") {
            limits.hugepages[pageSize(String(name.dropFirst(10)))] = quantity.value
        }
        let qos = PodFacts.qosClass(pod)
        guard qos != "BestEffort" else {
            limits.cpuShares = ControlGroupLimits.sharesMin
            limits.memory = -1
            return limits
        }
        limits.cpuShares = ControlGroupLimits.shares(milliCPU: requests["cpu"]?.milliValue ?? 0)
        // One container without a limit leaves the pod without one.
        let cpu = PodFacts.isLimited(pod, "cpu") ? most["cpu"]?.milliValue ?? 0 : 0
        limits.cpuQuota = cpu > 0 ? ControlGroupLimits.quota(milliCPU: cpu) : -1
        let memory = PodFacts.isLimited(pod, "memory") ? most["memory"]?.value ?? 0 : 0
        limits.memory = memory > 0 ? memory : -1
        return limits
    }

    /// `2Mi`, as Kubernetes has it, is the kernel's `2MB`.
    static func pageSize(_ text: String) -> String {
        let bytes = Quantity(text)?.value ?? 0
        for (unit, size) in [("GB", Int64(1) << 30), ("MB", 1 << 20), ("KB", 1 << 10)] where bytes >= size {
            return "\(bytes / size)\(unit)"
        }
        return "\(bytes)B"
    }
}

internal import APIMachinery
internal import CRI
internal import Glibc
internal import KubeAPI
internal import KubeClient

/// What the node and its containers use at one moment.
struct ResourceUsage: Sendable {
    /// CPU and memory of a container, a pod or the node.
    struct Amount: Sendable, Equatable {
        /// CPU time since the start.
        var cpuNanoseconds: UInt64 = 0
        /// CPU rate over `window`.
        var nanoCores: UInt64 = 0
        /// Memory that cannot be taken back without a loss.
        var workingSetBytes: UInt64 = 0
        var usageBytes: UInt64 = 0
        var rssBytes: UInt64 = 0

        static func + (left: Amount, right: Amount) -> Amount {
            Amount(
                cpuNanoseconds: left.cpuNanoseconds + right.cpuNanoseconds, nanoCores: left.nanoCores + right.nanoCores,
                workingSetBytes: left.workingSetBytes + right.workingSetBytes,
                usageBytes: left.usageBytes + right.usageBytes, rssBytes: left.rssBytes + right.rssBytes)
        }
    }

    struct Container: Sendable {
        let id: String
        let name: String
        let image: String
        let startTime: Time?
        let diskBytes: UInt64
        let amount: Amount
    }

    struct Pod: Sendable {
        let key: ObjectKey
        let uid: String
        let labels: [String: String]
        let startTime: Time?
        var containers: [Container]

        var amount: Amount { containers.reduce(Amount()) { $0 + $1.amount } }
    }

    let time: Time
    /// What the rates are taken over.
    let window: Duration
    let node: Amount
    let nodeMemoryBytes: UInt64
    let nodeLabels: [String: String]
    let nodeStartTime: Time
    let pods: [Pod]
}

/// Measures when asked, and only then: an idle node is not sampled. A rate is taken against the reading before, or, the
/// first time, over the whole life of the container.
actor ResourceMeter {
    private struct Reading {
        let time: ContinuousClock.Instant
        let cpuNanoseconds: UInt64
    }

    /// Readings this near are the same one.
    private static let freshness = Duration.seconds(1)
    /// A rate needs some time to mean something.
    private static let windowMin = Duration.seconds(5)

    private let cri: CRIClient
    private let pods: NodePods
    private let nodeName: String
    private let client: Client
    private let began: (instant: ContinuousClock.Instant, time: Time) = (.now, .now())
    /// The readings that rates are taken against; those that take their place once they are old enough; the newest.
    private var base: (time: ContinuousClock.Instant, readings: [String: Reading])?
    private var next: (time: ContinuousClock.Instant, readings: [String: Reading])?
    private var newest: [String: Reading] = [:]
    private var last: (time: ContinuousClock.Instant, usage: ResourceUsage)?

    init(cri: CRIClient, pods: NodePods, nodeName: String, client: Client) {
        self.cri = cri
        self.pods = pods
        self.nodeName = nodeName
        self.client = client
    }

    func usage() async throws(CRIError) -> ResourceUsage {
        if let last, ContinuousClock.now - last.time < Self.freshness { return last.usage }
        let stats = try await cri.listContainerStats()
        let labels =
            (try? await client.get(Node.self, ObjectKey(namespace: "", name: nodeName)))?.metadata.labels ?? [:]
        let machine = MachineUsage()
        let now = ContinuousClock.now
        if let next, now - next.time >= Self.windowMin {
            base = next
            self.next = nil
        }
        newest = [:]
        let byUID = Dictionary(grouping: stats) { $0.attributes.labels[RuntimeLabels.podUID] ?? "" }
        let measured = pods.all.compactMap { pod -> ResourceUsage.Pod? in
            guard let uid = pod.metadata.uid, let found = byUID[uid] else { return nil }
            return measure(pod, uid, found, now)
        }
        let node = ResourceUsage.Amount(
            cpuNanoseconds: machine.cpuNanoseconds,
            nanoCores: rate("", machine.cpuNanoseconds, began: machine.bootedBefore, now),
            workingSetBytes: machine.workingSetBytes, usageBytes: machine.usageBytes, rssBytes: machine.rssBytes)
        let result = ResourceUsage(
            time: .now(), window: base.map { now - $0.time } ?? max(now - began.instant, Self.freshness), node: node,
            nodeMemoryBytes: machine.totalBytes, nodeLabels: labels, nodeStartTime: began.time,
            pods: measured.sorted { ($0.key.namespace, $0.key.name) < ($1.key.namespace, $1.key.name) })
        if next == nil { next = (now, newest) }
        last = (now, result)
        return result
    }

    private func measure(
        _ pod: KubeAPI.Pod, _ uid: String, _ stats: [CRIContainerStats], _ now: ContinuousClock.Instant
    ) -> ResourceUsage.Pod {
        var statuses: [String: ContainerStatus] = [:]
        for status in pod.status.containerStatuses + pod.status.initContainerStatuses
            + pod.status.ephemeralContainerStatuses
        {
            if status.state.running != nil, let id = status.containerID?.split(separator: "/").last {
                statuses[String(id)] = status
            }
        }
        let containers = stats.compactMap { stat -> ResourceUsage.Container? in
            guard let status = statuses[stat.attributes.id] else { return nil }
            let started = status.state.running?.startedAt
            let cpu = stat.cpu.usageCoreNanoSeconds.value
            let amount = ResourceUsage.Amount(
                cpuNanoseconds: cpu,
                nanoCores: rate(stat.attributes.id, cpu, began: started.map { Time.now() - $0 } ?? .zero, now),
                workingSetBytes: stat.memory.workingSetBytes.value,
                usageBytes: max(stat.memory.usageBytes.value, stat.memory.workingSetBytes.value),
                rssBytes: stat.memory.rssBytes.value)
            return ResourceUsage.Container(
                id: stat.attributes.id, name: status.name, image: status.image, startTime: started,
                diskBytes: stat.writableLayer.usedBytes.value, amount: amount)
        }
        return ResourceUsage.Pod(
            key: pod.key, uid: uid, labels: pod.metadata.labels, startTime: pod.status.startTime,
            containers: containers.sorted { $0.name < $1.name })
    }

    /// Nanoseconds of CPU time a second. `began`: how long ago the counter was zero.
    private func rate(
        _ id: String, _ cpuNanoseconds: UInt64, began: Duration, _ now: ContinuousClock.Instant
    ) -> UInt64 {
        newest[id] = Reading(time: now, cpuNanoseconds: cpuNanoseconds)
        let (used, over): (UInt64, Duration)
        if let reading = base?.readings[id], cpuNanoseconds >= reading.cpuNanoseconds {
            (used, over) = (cpuNanoseconds - reading.cpuNanoseconds, now - reading.time)
        } else {
            (used, over) = (cpuNanoseconds, max(began, .seconds(1)))
        }
        let seconds = Double(over.components.seconds) + Double(over.components.attoseconds) / 1e18
        return UInt64(Double(used) / max(seconds, 0.001))
    }
}

/// The machine's own counters, from `/proc`.
struct MachineUsage {
    private(set) var cpuNanoseconds: UInt64 = 0
    private(set) var bootedBefore = Duration.zero
    private(set) var totalBytes: UInt64 = 0
    private(set) var usageBytes: UInt64 = 0
    private(set) var workingSetBytes: UInt64 = 0
    private(set) var rssBytes: UInt64 = 0

    /// Reads two small files of the kernel's, which never wait for a disk.
    init() {
        self.init(stat: FileSystem.text("/proc/stat") ?? "", memory: FileSystem.text("/proc/meminfo") ?? "")
        if let uptime = FileSystem.text("/proc/uptime")?.split(separator: " ").first.flatMap({ Double($0) }) {
            bootedBefore = .seconds(uptime)
        }
    }

    init(stat: String, memory: String) {
        // user nice system idle iowait irq softirq steal: all but the two idle ones.
        let ticks = stat.split(separator: "\n").first?.split(separator: " ").dropFirst().compactMap { UInt64($0) } ?? []
        let busy = ticks.prefix(8).enumerated().reduce(UInt64(0)) {
            $1.offset == 3 || $1.offset == 4 ? $0 : $0 + $1.element
        }
        cpuNanoseconds = busy * (1_000_000_000 / UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1)))
        var kilobytes: [Substring: UInt64] = [:]
        for line in memory.split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == " " || $0 == ":" })
            if parts.count >= 2 { kilobytes[parts[0]] = UInt64(parts[1]) }
        }
        func bytes(_ name: Substring) -> UInt64 { (kilobytes[name] ?? 0) * 1024 }
        totalBytes = bytes("MemTotal")
        usageBytes = totalBytes - min(totalBytes, bytes("MemFree"))
        workingSetBytes = usageBytes - min(usageBytes, bytes("Inactive(file)"))
        rssBytes = bytes("AnonPages")
    }
}

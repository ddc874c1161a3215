internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Keeps the node usable: shows pressure, gives back what nobody uses, and ends pods where that is not enough; and ends
/// pods that put more on the node's disk than they may.
///
/// What can run out within seconds is looked at every ten seconds, and every second while it is near its threshold:
/// a look reads a few small files of the kernel's. Pods are measured only under pressure, and those with a limit of
/// local storage every ten seconds.
actor Evictor {
    private let shared: PodServices
    private let pods: NodePods
    private let workers: PodWorkers
    private let state: NodeState
    private let images: ImageCollector
    private let containers: ContainerCollector
    private let signals: NodeSignals
    private let usages: PodUsageReader
    private var tracker: PressureTracker
    private var readings: [EvictionSignal: SignalReading] = [:]
    private var storageCheckedAt = ContinuousClock.now

    private static let interval = Duration.seconds(10)
    private static let nearInterval = Duration.seconds(1)
    /// How long a pod may take to be gone before the next one is looked for.
    private static let cleanupMax = 30
    /// Twice a second after something was removed.
    private static let reclaimChecks = 6
    /// Grace, in seconds, of a pod that has to go at once.
    private static let immediateGrace: Int64 = 1

    init(
        shared: PodServices, pods: NodePods, workers: PodWorkers, state: NodeState, images: ImageCollector,
        containers: ContainerCollector
    ) {
        self.shared = shared
        self.pods = pods
        self.workers = workers
        self.state = state
        self.images = images
        self.containers = containers
        signals = NodeSignals(
            nodeDirectory: shared.configuration.runtime.dataDirectory, imageDirectory: images.directory,
            groups: shared.groups)
        usages = PodUsageReader(cri: shared.cri, configuration: shared.configuration, groups: shared.groups)
        tracker = PressureTracker(shared.configuration.settings.eviction)
    }

    /// Watches until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let evicted = await look()
            if !evicted.isEmpty {
                await waitForEnd(of: evicted)
                continue
            }
            let pause = tracker.isNear(readings) ? Self.nearInterval : Self.interval
            do { try await Task.sleep(for: pause, tolerance: pause / 10) } catch { return }
        }
    }

    /// One look at the node. Returns the pods that were told to end.
    private func look() async -> [String] {
        await readSignals()
        let found = await checkLocalStorage()
        guard found.isEmpty else { return found }
        guard let threshold = tracker.due.first else { return [] }
        return await relieve(threshold)
    }

    private func readSignals() async {
        let signals = signals
        guard let readings = try? await BlockingWork.run({ signals.read() }) else { return }
        self.readings = readings
        tracker.observe(readings, at: .now)
        let pressures = tracker.pressures
        state.update { $0.pressures = pressures }
    }

    private var activePods: [Pod] {
        pods.all.filter { pod in
            pod.status.phase != PodPhase.failed && pod.status.phase != PodPhase.succeeded
                && pod.metadata.deletionTimestamp == nil
        }
    }

    // MARK: - Pressure

    private func relieve(_ threshold: EvictionThreshold) async -> [String] {
        let resource = threshold.signal.resource
        shared.logger.warning(
            "the node runs short of \(resource)",
            metadata: [
                "signal": "\(threshold.signal.rawValue)",
                "available": "\(readings[threshold.signal]?.available ?? 0)",
            ])
        shared.recorder.record(
            nodeReference, .warning, reason: "EvictionThresholdMet", "Attempting to reclaim \(resource)")
        if threshold.signal.pressure == .disk {
            var isRoomMade = await containers.removeUnused()
            if await images.removeUnused() > 0 { isRoomMade = true }
            if await isRelieved(tracker.due, patiently: isRoomMade) {
                await readSignals()
                return []
            }
        }
        return await evictOne(threshold)
    }

    /// Whether none of `thresholds` is met any more. The runtime frees what it was told to remove a moment later.
    private func isRelieved(_ thresholds: [EvictionThreshold], patiently: Bool) async -> Bool {
        for _ in 0..<(patiently ? Self.reclaimChecks : 1) {
            let signals = signals
            if let after = try? await BlockingWork.run({ signals.read() }), !tracker.isAnyMet(thresholds, after) {
                return true
            }
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return true }
        }
        return false
    }

    private func evictOne(_ threshold: EvictionThreshold) async -> [String] {
        let active = activePods
        let stats = (try? await shared.cri.listContainerStats()) ?? []
        let order = EvictionOrder(signal: threshold.signal, usages: await usages.usages(of: active, stats))
        for pod in order.sorted(active) {
            let limit = shared.configuration.settings.eviction.podGraceMax
            let grace =
                threshold.isHard
                ? Self.immediateGrace : min(limit, pod.spec.terminationGracePeriodSeconds ?? limit)
            let message = order.message(for: pod, threshold, readings[threshold.signal])
            if await evict(pod, message, grace: grace) { return pod.metadata.uid.map { [$0] } ?? [] }
        }
        return []
    }

    private func evict(_ pod: Pod, _ message: String, grace: Int64) async -> Bool {
        if PodFacts.isCritical(pod) {
            shared.logger.error("pod \(pod.key) is critical and cannot be evicted")
            return false
        }
        let verdict = PodVerdict(reason: "Evicted", message: message, isDisruption: true)
        guard await workers.end(pod.metadata.uid ?? "", verdict, grace: grace) else { return false }
        shared.recorder.record(pod, .warning, reason: "Evicted", message)
        shared.logger.warning("evicted pod \(pod.key): \(message)")
        return true
    }

    private func waitForEnd(of evicted: [String]) async {
        for _ in 0..<Self.cleanupMax {
            do { try await Task.sleep(for: .seconds(1), tolerance: .milliseconds(200)) } catch { return }
            if await workers.haveEnded(evicted) { return }
        }
    }

    // MARK: - Local storage

    /// Pods that exceed a limit of their own. Measures nothing where no pod has one.
    private func checkLocalStorage() async -> [String] {
        guard ContinuousClock.now - storageCheckedAt >= Self.interval - .seconds(1) else { return [] }
        storageCheckedAt = .now
        let limited = activePods.filter { LocalStorageLimits.applies(to: $0) }
        guard !limited.isEmpty else { return [] }
        var stats: [CRIContainerStats] = []
        for pod in limited {
            stats += (try? await shared.cri.listContainerStats(labels: RuntimeLabels.labels(of: pod))) ?? []
        }
        let measured = await usages.usages(of: limited, stats)
        var evicted: [String] = []
        for pod in limited {
            guard let uid = pod.metadata.uid, let usage = measured[uid],
                let message = LocalStorageLimits.violation(pod, usage)
            else { continue }
            if await evict(pod, message, grace: Self.immediateGrace) { evicted.append(uid) }
        }
        return evicted
    }

    private var nodeReference: ObjectReference { ObjectReference(node: shared.node.name) }
}

extension ObjectReference {
    /// The node as events of its agent name it.
    init(node name: String) {
        self.init()
        kind = "Node"
        self.name = name
        uid = name
    }
}

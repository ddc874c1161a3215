internal import APIMachinery
internal import KubeAPI
internal import Logging

/// Ends this node's pods in order before the machine shuts down, and keeps new ones away:
/// https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#graceful-node-shutdown
struct NodeShutdown: Sendable {
    let shared: PodServices
    let pods: NodePods
    let workers: PodWorkers

    private var settings: ShutdownSettings { shared.configuration.settings.shutdown }
    private static let verdict = PodVerdict(
        reason: "Terminated", message: "Pod was terminated in response to imminent node shutdown.",
        isDisruption: true)

    /// Listens for the machine's shutdown until the task is cancelled, where the settings ask for it.
    func run() async {
        guard settings.isOn else { return }
        let listener = ShutdownListener(delay: settings.total, logger: shared.logger)
        await listener.run { isShutdown in
            if isShutdown { await begin() } else { cancel() }
        }
    }

    /// Returns once every pod has ended, or the time is up.
    func begin() async {
        shared.logger.warning("the machine shuts down; ending all pods")
        shared.state.update { $0.isShuttingDown = true }
        let groups = settings.groups
        let active = pods.all.filter { $0.status.phase != PodPhase.failed && $0.status.phase != PodPhase.succeeded }
        let byGroup = Dictionary(grouping: active) {
            ShutdownSettings.index(of: $0.spec.priority ?? 0, in: groups)
        }
        for (index, group) in groups.enumerated() {
            await end(byGroup[index] ?? [], within: group.seconds)
        }
        shared.logger.warning("all pods have ended for the shutdown")
    }

    private func cancel() {
        shared.state.update { $0.isShuttingDown = false }
    }

    private func end(_ pods: [Pod], within seconds: Int64) async {
        var waiting: [String] = []
        for pod in pods {
            guard let uid = pod.metadata.uid else { continue }
            let grace = min(seconds, pod.spec.terminationGracePeriodSeconds ?? 30)
            _ = await workers.end(uid, Self.verdict, grace: grace)
            waiting.append(uid)
        }
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline, !Task.isCancelled, await !workers.haveEnded(waiting) {
            try? await Task.sleep(for: .milliseconds(100))
        }
    }
}

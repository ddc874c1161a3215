internal import APIMachinery
internal import KubeAPI
internal import Kubelet
internal import Synchronization
internal import Transport

/// Follows our own node until it is Ready, and reports the steps on the way.
///
/// After a restart the stored node says Ready still, from before. So its heartbeat must have come from this process.
final class NodeReadiness: Sendable {
    private struct State {
        var isRegistered = false
        var isReady = false
        var isAlive = false
        var isReported = false
    }

    private let name: String
    private let start: MicroTime
    private let report: @Sendable (Progress.Word, String) -> Void
    private let state = Mutex(State())

    init(name: String, start: MicroTime, report: @escaping @Sendable (Progress.Word, String) -> Void) {
        self.name = name
        self.start = start
        self.report = report
    }

    func saw(_ node: Node) {
        guard node.metadata.name == name else { return }
        let isNew = state.withLock { state in
            defer { state.isRegistered = true }
            state.isReady = node.status.conditions.contains { condition in
                condition.type == NodeConditionType.ready && condition.status == ConditionStatus.true
            }
            return !state.isRegistered
        }
        if isNew { report(.stage, "node \(name) is registered") }
        reportIfReady()
    }

    func saw(_ lease: Lease) {
        guard lease.metadata.name == name, let time = lease.spec.renewTime, time >= start else { return }
        state.withLock { $0.isAlive = true }
        reportIfReady()
    }

    private func reportIfReady() {
        let isNews = state.withLock { state in
            guard state.isReady, state.isAlive, !state.isReported else { return false }
            state.isReported = true
            return true
        }
        guard isNews else { return }
        report(.stage, "node \(name) is Ready")
        report(.ready, name)
    }
}

/// Holds the node agent's handlers: the API server is built before the agent.
final class NodeSlot: Sendable {
    private let slot = Mutex<KubeletService?>(nil)

    func fill(_ kubelet: KubeletService) { slot.withLock { $0 = kubelet } }

    var handler: (any HTTPHandler)? { slot.withLock { $0?.handler } }

    /// `metrics.k8s.io`, also before the agent is there.
    var metrics: any HTTPHandler { Metrics(slot: self) }

    private struct Metrics: HTTPHandler {
        let slot: NodeSlot

        func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
            if let metrics = slot.slot.withLock({ $0?.metrics }) { return metrics.handle(request, responder) }
            let text = "the node agent is still starting"
            responder.respond(status: 503, headers: ["Content-Type": "text/plain"], body: .bytes(Array(text.utf8)))
        }
    }
}

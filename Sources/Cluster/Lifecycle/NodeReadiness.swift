internal import APIMachinery
internal import KubeAPI
internal import Synchronization
internal import Transport

/// Follows our own node's object until it is Ready, and reports the two steps on the way.
final class NodeReadiness: Sendable {
    private let report: @Sendable (Progress.Word, String) -> Void
    private let steps = Mutex((isRegistered: false, isReady: false))

    init(report: @escaping @Sendable (Progress.Word, String) -> Void) {
        self.report = report
    }

    func saw(_ node: Node) {
        let isReady = node.status.conditions.contains { condition in
            condition.type == NodeConditionType.ready && condition.status == ConditionStatus.true
        }
        let name = node.metadata.name ?? ""
        let (isNew, becameReady) = steps.withLock { steps in
            defer { steps = (true, steps.isReady || isReady) }
            return (!steps.isRegistered, isReady && !steps.isReady)
        }
        if isNew { report(.stage, "node \(name) is registered") }
        if becameReady {
            report(.stage, "node \(name) is Ready")
            report(.ready, name)
        }
    }
}

/// Holds the node agent's handler: the API server is built before the agent.
final class NodeSlot: Sendable {
    private let slot = Mutex<(any HTTPHandler)?>(nil)

    var handler: (any HTTPHandler)? {
        get { slot.withLock { $0 } }
        set { slot.withLock { $0 = newValue } }
    }
}

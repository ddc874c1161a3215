internal import APIMachinery
internal import KubeAPI

/// What a Node's state means: its conditions after silence, its taints. Pure.
enum NodeHealth {
    /// Conditions that only the kubelet can know.
    static let kubeletConditions = [
        NodeConditionType.ready, NodeConditionType.memoryPressure, NodeConditionType.diskPressure,
        NodeConditionType.pidPressure,
    ]

    /// The conditions of a node that has not been heard of for too long.
    static func conditionsAfterSilence(_ node: Node, now: Time) -> [NodeCondition] {
        var conditions = node.status.conditions
        for type in kubeletConditions {
            guard let index = conditions.firstIndex(where: { $0.type == type }) else {
                var condition = NodeCondition()
                condition.type = type
                condition.status = ConditionStatus.unknown
                condition.reason = "NodeStatusNeverUpdated"
                condition.message = "Kubelet never posted node status."
                condition.lastHeartbeatTime = node.metadata.creationTimestamp
                condition.lastTransitionTime = now
                conditions.append(condition)
                continue
            }
            guard conditions[index].status != ConditionStatus.unknown else { continue }
            conditions[index].status = ConditionStatus.unknown
            conditions[index].reason = "NodeStatusUnknown"
            conditions[index].message = "Kubelet stopped posting node status."
            conditions[index].lastTransitionTime = now
        }
        return conditions
    }

    /// The node's taints as its conditions and `spec.unschedulable` ask for; taints of others are kept.
    /// (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions)
    ///
    /// `mayEvict`: false while no node is ready: then the fault is more likely ours than theirs.
    static func taints(of node: Node, mayEvict: Bool, now: Time) -> [Taint] {
        var wanted: [(key: String, effect: String)] = []
        for (type, statusTaints) in taintsByCondition {
            guard let condition = node.status.conditions.first(where: { $0.type == type }) else { continue }
            if let key = statusTaints[condition.status] { wanted.append((key, TaintEffect.noSchedule)) }
        }
        if node.spec.unschedulable == true { wanted.append((TaintKey.unschedulable, TaintEffect.noSchedule)) }
        let ready = node.readyStatus
        if mayEvict, ready == ConditionStatus.false { wanted.append((TaintKey.notReady, TaintEffect.noExecute)) }
        if mayEvict, ready == ConditionStatus.unknown { wanted.append((TaintKey.unreachable, TaintEffect.noExecute)) }

        var taints = node.spec.taints.filter { taint in
            !isOurs(taint) || wanted.contains { $0.key == taint.key && $0.effect == taint.effect }
        }
        for (key, effect) in wanted where !taints.contains(where: { $0.key == key && $0.effect == effect }) {
            var taint = Taint()
            taint.key = key
            taint.effect = effect
            taint.timeAdded = now
            taints.append(taint)
        }
        return taints
    }

    /// Condition, then its status, to the taint that goes with it.
    private static let taintsByCondition: [(type: String, taints: [String: String])] = [
        (
            NodeConditionType.ready,
            [ConditionStatus.false: TaintKey.notReady, ConditionStatus.unknown: TaintKey.unreachable]
        ),
        (NodeConditionType.memoryPressure, [ConditionStatus.true: TaintKey.memoryPressure]),
        (NodeConditionType.diskPressure, [ConditionStatus.true: TaintKey.diskPressure]),
        (NodeConditionType.pidPressure, [ConditionStatus.true: TaintKey.pidPressure]),
        (NodeConditionType.networkUnavailable, [ConditionStatus.true: TaintKey.networkUnavailable]),
    ]

    private static func isOurs(_ taint: Taint) -> Bool {
        if taint.effect == TaintEffect.noExecute {
            return taint.key == TaintKey.notReady || taint.key == TaintKey.unreachable
        }
        guard taint.effect == TaintEffect.noSchedule else { return false }
        return taint.key == TaintKey.unschedulable
            || taintsByCondition.contains { $0.taints.values.contains(taint.key) }
    }
}

extension Node {
    /// `True`, `False` or `Unknown`; `nil` before the kubelet has said anything.
    var readyStatus: String? { status.conditions.first { $0.type == NodeConditionType.ready }?.status }

    var isReady: Bool { readyStatus == ConditionStatus.true }

    var noExecuteTaints: [Taint] { spec.taints.filter { $0.effect == TaintEffect.noExecute } }
}

internal import APIMachinery
internal import KubeAPI

/// The node's last word on a pod that was bound to it: it may not fit after all.
struct PodAdmission: Sendable {
    let node: NodeFacts
    var state = NodeState.Value()

    /// Why the pod cannot run here; `nil` lets it in.
    /// `allocated`: what a pod holds, which a resize may have made different from what it asks for.
    func refusal(
        of pod: Pod, among all: [Pod], allocated: (String) -> [String: Quantity]? = { _ in nil }
    ) -> PodVerdict? {
        guard pod.metadata.deletionTimestamp == nil, pod.status.startTime == nil else { return nil }
        let others = all.filter { other in
            other.metadata.uid != pod.metadata.uid && other.status.phase != PodPhase.failed
                && other.status.phase != PodPhase.succeeded
                && (other.status.startTime != nil || allocated(other.metadata.uid ?? "") != nil)
        }
        if let system = pod.spec.os?.name, system != "linux" {
            return PodVerdict(
                reason: "PodOSNotSupported",
                message: "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS")
        }
        if let refusal = PodFeatures.refusal(of: pod) { return refusal }
        if let refusal = refusalByState(pod) { return refusal }
        let podsMax = Int(node.allocatable["pods"]?.value ?? 0)
        var used: [String: Quantity] = [:]
        for other in others {
            used.merge(allocated(other.metadata.uid ?? "") ?? PodFacts.requests(other)) { $0 + $1 }
        }
        if others.count >= podsMax {
            return verdict("pods", requested: 1, used: Int64(others.count), capacity: Int64(podsMax))
        }
        for (name, asked) in PodFacts.requests(pod).sorted(by: { $0.key < $1.key }) where !asked.isZero {
            let capacity = node.allocatable[name] ?? .zero
            let taken = used[name] ?? .zero
            guard capacity < taken + asked else { continue }
            let isCPU = name == "cpu"
            func number(_ quantity: Quantity) -> Int64 { isCPU ? quantity.milliValue : quantity.value }
            return verdict(name, requested: number(asked), used: number(taken), capacity: number(capacity))
        }
        return nil
    }

    /// A node that runs short of something takes nothing more, but for memory pods that asked for some.
    private func refusalByState(_ pod: Pod) -> PodVerdict? {
        if state.isShuttingDown {
            return PodVerdict(reason: "NodeShutdown", message: "Pod was rejected as the node is shutting down.")
        }
        guard !state.pressures.isEmpty, !PodFacts.isCritical(pod) else { return nil }
        if state.pressures == [.memory] {
            if PodFacts.qosClass(pod) != "BestEffort" { return nil }
            let isTolerated = pod.spec.tolerations.contains { toleration in
                let key = toleration.key ?? ""
                return (key.isEmpty ? toleration.operator == "Exists" : key == TaintKey.memoryPressure)
                    && ["", "NoSchedule"].contains(toleration.effect ?? "")
            }
            if isTolerated { return nil }
        }
        let conditions = state.pressures.map(\.rawValue).sorted().joined(separator: " ")
        return PodVerdict(
            reason: "Evicted", message: "Pod was rejected: The node had condition: [\(conditions)]. ")
    }

    private func verdict(_ resource: String, requested: Int64, used: Int64, capacity: Int64) -> PodVerdict {
        PodVerdict(
            reason: "OutOf\(resource)",
            message: "Pod was rejected: Node didn't have enough resource: \(resource), requested: \(requested), "
                + "used: \(used), capacity: \(capacity)")
    }
}

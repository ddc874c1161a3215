internal import APIMachinery
internal import KubeAPI

/// The node's last word on a pod that was bound to it: it may not fit after all.
struct PodAdmission: Sendable {
    let node: NodeFacts

    /// Why the pod cannot run here; `nil` lets it in.
    func refusal(of pod: Pod, among all: [Pod]) -> PodVerdict? {
        guard pod.metadata.deletionTimestamp == nil, pod.status.startTime == nil else { return nil }
        let others = all.filter { other in
            other.metadata.uid != pod.metadata.uid && other.status.phase != PodPhase.failed
                && other.status.phase != PodPhase.succeeded && other.status.startTime != nil
        }
        if let system = pod.spec.os?.name, system != "linux" {
            return PodVerdict(
                reason: "PodOSNotSupported",
                message: "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS")
        }
        let podsMax = Int(node.allocatable["pods"]?.value ?? 0)
        var used: [String: Quantity] = [:]
        for other in others { used.merge(PodFacts.requests(other)) { $0 + $1 } }
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

    private func verdict(_ resource: String, requested: Int64, used: Int64, capacity: Int64) -> PodVerdict {
        PodVerdict(
            reason: "OutOf\(resource)",
            message: "Pod was rejected: Node didn't have enough resource: \(resource), requested: \(requested), "
                + "used: \(used), capacity: \(capacity)")
    }
}

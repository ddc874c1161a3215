internal import APIMachinery
internal import KubeAPI

/// The sum of what a pod asks for, and what follows from it.
enum PodFacts {
    /// https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
    static func qosClass(_ pod: Pod) -> String {
        // Resources of the whole pod decide alone where there are any.
        let whole = pod.spec.resources.map { [$0] } ?? []
        let parts = whole.contains { hasComputeResources($0) } ? whole : pod.allContainers.map(\.resources)
        var hasAny = false
        var isGuaranteed = true
        for part in parts {
            for name in ["cpu", "memory"] {
                let request = part.requests[name] ?? part.limits[name]
                if request.map({ !$0.isZero }) ?? false || part.limits[name].map({ !$0.isZero }) ?? false {
                    hasAny = true
                }
                if part.limits[name].map(\.isZero) ?? true || request != part.limits[name] { isGuaranteed = false }
            }
        }
        if !hasAny { return "BestEffort" }
        return isGuaranteed ? "Guaranteed" : "Burstable"
    }

    private static func hasComputeResources(_ resources: ResourceRequirements) -> Bool {
        ["cpu", "memory"].contains { resources.requests[$0] != nil || resources.limits[$0] != nil }
    }

    /// What the scheduler counts: the containers' sum, or the largest init container if that is more, or what the
    /// whole pod asks for; plus overhead.
    static func requests(_ pod: Pod) -> [String: Quantity] {
        var sum = sum(pod) { $0.limits.merging($0.requests) { _, request in request } }
        if let whole = pod.spec.resources { sum.merge(whole.requests) { _, whole in whole } }
        sum.merge(pod.spec.overhead) { $0 + $1 }
        return sum
    }

    /// The most that the pod may use, of what is limited; the overhead counts there too.
    static func limits(_ pod: Pod) -> [String: Quantity] {
        var sum = sum(pod, \.limits)
        if let whole = pod.spec.resources { sum.merge(whole.limits) { _, whole in whole } }
        for (name, overhead) in pod.spec.overhead { sum[name] = sum[name].map { $0 + overhead } }
        return sum
    }

    /// Whether the whole pod, or each of its containers, has a limit of `name`.
    static func isLimited(_ pod: Pod, _ name: String) -> Bool {
        if pod.spec.resources?.limits[name] != nil { return true }
        return pod.allContainers.allSatisfy { $0.resources.limits[name].map { !$0.isZero } ?? false }
    }

    private static func sum(
        _ pod: Pod, _ amounts: (ResourceRequirements) -> [String: Quantity]
    ) -> [String: Quantity] {
        var sum: [String: Quantity] = [:]
        var sidecars: [String: Quantity] = [:]
        for container in pod.spec.containers { sum.merge(amounts(container.resources)) { $0 + $1 } }
        var peak: [String: Quantity] = [:]
        for container in pod.spec.initContainers {
            if container.isSidecar {
                sidecars.merge(amounts(container.resources)) { $0 + $1 }
                peak.merge(sidecars) { max($0, $1) }
            } else {
                peak.merge(sidecars.merging(amounts(container.resources)) { $0 + $1 }) { max($0, $1) }
            }
        }
        sum.merge(sidecars) { $0 + $1 }
        sum.merge(peak) { max($0, $1) }
        return sum
    }

    // MARK: - Priority

    /// `system-cluster-critical` and more: never evicted, ended last.
    static func isCritical(_ pod: Pod) -> Bool {
        if pod.metadata.annotations["kubernetes.io/config.mirror"] != nil { return true }
        if let source = pod.metadata.annotations["kubernetes.io/config.source"], source != "api" { return true }
        return (pod.spec.priority ?? 0) >= ShutdownSettings.criticalPriority
    }

    // MARK: - Out of memory

    private static let guaranteedScore: Int64 = -997

    /// How willingly the kernel kills a container when memory runs out:
    /// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior
    static func oomScore(_ container: Container, of pod: Pod, memoryCapacity: Int64) -> Int64 {
        let isNodeCritical = pod.spec.priorityClassName == "system-node-critical"
        if isNodeCritical, (pod.spec.priority ?? 0) >= ShutdownSettings.criticalPriority { return guaranteedScore }
        switch qosClass(pod) {
        case "Guaranteed": return guaranteedScore
        case "BestEffort": return 1000
        default: break
        }
        let extra = spareRequestPerContainer(pod)
        func score(_ container: Container) -> Int64 {
            let asked = (container.resources.requests["memory"] ?? container.resources.limits["memory"])?.value ?? 0
            return memoryCapacity > 0 ? 1000 - (asked + extra) * 1000 / memoryCapacity : 1000
        }
        var result = score(container)
        if container.isSidecar, pod.spec.initContainers.contains(where: { $0.name == container.name }) {
            // A sidecar lives no shorter than the one it serves.
            result = min(result, pod.spec.containers.map(score).min() ?? result)
        }
        return min(max(result, 3), 999)
    }

    /// What the whole pod asks for beyond its containers, shared out among them.
    private static func spareRequestPerContainer(_ pod: Pod) -> Int64 {
        guard let whole = pod.spec.resources?.requests["memory"]?.value else { return 0 }
        let staying = pod.spec.containers + pod.spec.initContainers.filter(\.isSidecar)
        let asked = staying.reduce(0) { $0 + ($1.resources.requests["memory"]?.value ?? 0) }
        return staying.isEmpty ? 0 : max(0, whole - asked) / Int64(staying.count)
    }
}

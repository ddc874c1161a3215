internal import APIMachinery
internal import KubeAPI

/// The sum of what a pod asks for, and what follows from it.
enum PodFacts {
    /// https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
    static func qosClass(_ pod: Pod) -> String {
        var hasAny = false
        var isGuaranteed = true
        for container in pod.allContainers {
            let (requests, limits) = (container.resources.requests, container.resources.limits)
            for name in ["cpu", "memory"] {
                let request = requests[name] ?? limits[name]
                if request.map({ !$0.isZero }) ?? false || limits[name].map({ !$0.isZero }) ?? false { hasAny = true }
                if limits[name].map(\.isZero) ?? true || request != limits[name] { isGuaranteed = false }
            }
        }
        if !hasAny { return "BestEffort" }
        return isGuaranteed ? "Guaranteed" : "Burstable"
    }

    /// What the scheduler counts: the containers' sum, or the largest init container if that is more; plus overhead.
    static func requests(_ pod: Pod) -> [String: Quantity] {
        func asked(_ container: Container) -> [String: Quantity] {
            container.resources.limits.merging(container.resources.requests) { _, request in request }
        }
        var sum: [String: Quantity] = [:]
        var sidecars: [String: Quantity] = [:]
        for container in pod.spec.containers { sum.merge(asked(container)) { $0 + $1 } }
        var peak: [String: Quantity] = [:]
        for container in pod.spec.initContainers {
            if container.isSidecar {
                sidecars.merge(asked(container)) { $0 + $1 }
                peak.merge(sidecars) { max($0, $1) }
            } else {
                peak.merge(sidecars.merging(asked(container)) { $0 + $1 }) { max($0, $1) }
            }
        }
        sum.merge(sidecars) { $0 + $1 }
        sum.merge(peak) { max($0, $1) }
        sum.merge(pod.spec.overhead) { $0 + $1 }
        return sum
    }

    /// How willingly the kernel kills a container when memory runs out.
    static func oomScore(_ container: Container, qos: String, memoryCapacity: Int64) -> Int64 {
        switch qos {
        case "Guaranteed": return -997
        case "BestEffort": return 1000
        default:
            let asked = (container.resources.requests["memory"] ?? container.resources.limits["memory"])?.value ?? 0
            let score = memoryCapacity > 0 ? 1000 - asked * 1000 / memoryCapacity : 1000
            return min(max(score, 3), 999)
        }
    }
}

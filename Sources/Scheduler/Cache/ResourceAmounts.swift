internal import APIMachinery
internal import KubeAPI

/// Amounts of compute resources in the scheduler's units: thousandths of a core, bytes, counts.
struct ResourceAmounts: Equatable, Sendable {
    var milliCPU: Int64 = 0
    var memory: Int64 = 0
    var ephemeralStorage: Int64 = 0
    /// Extended resources and huge pages by name.
    var others: [String: Int64] = [:]

    init() {}

    init(_ quantities: [String: Quantity]) {
        for (name, quantity) in quantities { self[name] = name == "cpu" ? quantity.milliValue : quantity.value }
    }

    subscript(name: String) -> Int64 {
        get {
            switch name {
            case ComputeResource.cpu: milliCPU
            case ComputeResource.memory: memory
            case ComputeResource.ephemeralStorage: ephemeralStorage
            default: others[name] ?? 0
            }
        }
        set {
            switch name {
            case ComputeResource.cpu: milliCPU = newValue
            case ComputeResource.memory: memory = newValue
            case ComputeResource.ephemeralStorage: ephemeralStorage = newValue
            case ComputeResource.pods: break  // Pods are counted, not summed.
            default: others[name] = newValue
            }
        }
    }

    static func += (lhs: inout ResourceAmounts, rhs: ResourceAmounts) {
        lhs.milliCPU += rhs.milliCPU
        lhs.memory += rhs.memory
        lhs.ephemeralStorage += rhs.ephemeralStorage
        for (name, amount) in rhs.others { lhs.others[name, default: 0] += amount }
    }

    static func -= (lhs: inout ResourceAmounts, rhs: ResourceAmounts) {
        lhs.milliCPU -= rhs.milliCPU
        lhs.memory -= rhs.memory
        lhs.ephemeralStorage -= rhs.ephemeralStorage
        for (name, amount) in rhs.others { lhs.others[name, default: 0] -= amount }
    }

    /// The larger of both, resource by resource.
    func maximum(_ other: ResourceAmounts) -> ResourceAmounts {
        var result = self
        result.milliCPU = max(milliCPU, other.milliCPU)
        result.memory = max(memory, other.memory)
        result.ephemeralStorage = max(ephemeralStorage, other.ephemeralStorage)
        for (name, amount) in other.others { result.others[name] = max(result.others[name] ?? 0, amount) }
        return result
    }
}

extension ResourceAmounts {
    /// What a pod asks for: its containers and sidecars together, or its largest init container if that is more
    /// (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers).
    /// A container without a request for a resource named in `ifUnset` counts as the amount there.
    static func requests(of spec: PodSpec, ifUnset: [String: Int64] = [:]) -> ResourceAmounts {
        func amounts(_ container: Container) -> ResourceAmounts {
            var amounts = ResourceAmounts(container.resources.requests)
            for (name, amount) in ifUnset where container.resources.requests[name] == nil { amounts[name] = amount }
            return amounts
        }
        var total = ResourceAmounts()
        for container in spec.containers { total += amounts(container) }
        var sidecars = ResourceAmounts()
        var largestInit = ResourceAmounts()
        for container in spec.initContainers {
            if container.restartPolicy == RestartPolicy.always {
                sidecars += amounts(container)
                largestInit = largestInit.maximum(sidecars)
            } else {
                var during = amounts(container)
                during += sidecars
                largestInit = largestInit.maximum(during)
            }
        }
        total += sidecars
        total = total.maximum(largestInit)
        // Requests of the whole pod take the place of its containers'.
        for (name, quantity) in spec.resources?.requests ?? [:] {
            total[name] = name == ComputeResource.cpu ? quantity.milliValue : quantity.value
        }
        total += ResourceAmounts(spec.overhead)
        return total
    }
}

internal import APIMachinery
internal import CRI
internal import KubeAPI

/// What one container is held to: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
struct ContainerLimits: Sendable {
    let pod: Pod
    let container: Container
    let node: NodeFacts
    var groups = ControlGroups.machine

    func resources() -> CRILinuxContainerResources {
        var resources = CRILinuxContainerResources()
        let (requests, limits) = (container.resources.requests, container.resources.limits)
        let cpuRequest = (requests["cpu"] ?? limits["cpu"])?.milliValue ?? 0
        resources.cpuShares = ControlGroupLimits.shares(milliCPU: cpuRequest)
        if let limit = limit("cpu")?.milliValue, limit > 0 {
            resources.cpuPeriod = 100_000
            resources.cpuQuota = ControlGroupLimits.quota(milliCPU: limit)
        }
        resources.memoryLimitInBytes = limit("memory")?.value ?? 0
        if groups.hasSwapAccounting { resources.memorySwapLimitInBytes = resources.memoryLimitInBytes }
        // All of a container's processes go together, not just the one that the kernel picked.
        if groups.isUnified { resources.unified["memory.oom.group"] = "1" }
        resources.hugepageLimits = groups.pageSizes.map { size in
            var limit = CRIHugepageLimit()
            limit.pageSize = size
            limit.limit = hugepages[size] ?? 0
            return limit
        }
        resources.oomScoreAdj = PodFacts.oomScore(container, of: pod, memoryCapacity: node.memoryBytes)
        return resources
    }

    /// The container's own limit, or the whole pod's.
    private func limit(_ name: String) -> Quantity? {
        if let own = container.resources.limits[name], !own.isZero { return own }
        return pod.spec.resources?.limits[name]
    }

    private var hugepages: [String: UInt64] {
        var result: [String: UInt64] = [:]
        for (name, quantity) in container.resources.limits where name.hasPrefix("hugepages-") {
            result[PodLimits.pageSize(String(name.dropFirst(10)))] = UInt64(clamping: quantity.value)
        }
        return result
    }
}

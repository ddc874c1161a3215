internal import APIMachinery
internal import KubeAPI

/// What the kernel really holds a container to, in Kubernetes' terms.
struct ActualResources: Sendable, Equatable {
    /// Thousandths of a processor; `nil` for no bound.
    var cpuLimit: Int64?
    /// Bytes; `nil` for no bound.
    var memoryLimit: Int64?
    /// The share of processors, as version 1 has it; `nil` where only a weight is known.
    var cpuShares: Int64?

    /// Reads the container's control group; `nil` where there is none. Blocks.
    static func read(_ path: String, _ groups: ControlGroups = .machine) -> ActualResources? {
        guard let values = groups.limits(path) else { return nil }
        var actual = ActualResources()
        if values.cpuQuota ?? -1 > 0, values.cpuPeriod > 0 {
            actual.cpuLimit = (values.cpuQuota ?? 0) * 1000 / values.cpuPeriod
        }
        if let memory = values.memory, memory >= 0 { actual.memoryLimit = memory }
        actual.cpuShares = values.cpuShares
        return actual
    }

    /// Whether this is what `resources` come to.
    func holds(_ resources: ResourceRequirements) -> Bool { described(as: resources) == Self.own(resources) }

    /// `resources` with what differs in truth. What the kernel does not know of (the memory asked for) is taken over.
    func described(as resources: ResourceRequirements) -> ResourceRequirements {
        var result = Self.own(resources)
        let milliCPU = result.limits["cpu"]?.milliValue ?? 0
        let bound = milliCPU > 0 ? ControlGroupLimits.quota(milliCPU: milliCPU) / 100 : nil
        if cpuLimit != bound { result.limits["cpu"] = cpuLimit.map { Quantity(milli: $0) } }
        let memory = result.limits["memory"]?.value ?? 0
        if memoryLimit != (memory > 0 ? memory / Self.pageBytes * Self.pageBytes : nil) {
            result.limits["memory"] = memoryLimit.map { Quantity($0, format: .binarySI) }
        }
        let asked = (result.requests["cpu"] ?? result.limits["cpu"])?.milliValue ?? 0
        if let cpuShares, cpuShares != ControlGroupLimits.shares(milliCPU: asked) {
            result.requests["cpu"] = Quantity(milli: (cpuShares * 1000 + 1023) / 1024)
        }
        return result
    }

    private static let pageBytes: Int64 = 4096

    private static func own(_ resources: ResourceRequirements) -> ResourceRequirements {
        var own = ResourceRequirements()
        own.limits = resources.limits
        own.requests = resources.requests
        return own
    }
}

extension ControlGroups {
    /// What a group is held to now; `nil` where there is no such group.
    func limits(_ path: String) -> ControlGroupLimits? {
        func number(_ file: String) -> Int64? { FileSystem.text(file).flatMap { Int64($0) } }
        var limits = ControlGroupLimits()
        if isUnified {
            guard let cpu = FileSystem.text(root + path + "/cpu.max")?.split(separator: " "), cpu.count == 2 else {
                return nil
            }
            limits.cpuQuota = Int64(cpu[0]) ?? -1
            limits.cpuPeriod = Int64(cpu[1]) ?? 100_000
            limits.memory = number(root + path + "/memory.max") ?? -1
            return limits
        }
        let (cpu, memory) = (root + "/cpu" + path, root + "/memory" + path)
        guard let quota = number(cpu + "/cpu.cfs_quota_us") else { return nil }
        limits.cpuQuota = quota
        limits.cpuPeriod = number(cpu + "/cpu.cfs_period_us") ?? 100_000
        limits.cpuShares = number(cpu + "/cpu.shares")
        let bytes = number(memory + "/memory.limit_in_bytes") ?? -1
        // Without a bound the kernel tells the largest number of pages there is.
        limits.memory = bytes > 1 << 60 ? -1 : bytes
        return limits
    }
}

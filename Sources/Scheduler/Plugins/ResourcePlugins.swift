internal import KubeAPI

/// Room for the pod's requests; prefers nodes with the most room left (LeastAllocated).
struct NodeResourcesFit: FilterPlugin, ScorePlugin {
    let name = "NodeResourcesFit"
    let weight: Int64 = 1
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .nodeChanged, .podRemoved]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        let wanted = context.pod.requests
        return SimpleNodeFilter { node, facts in Self.shortages(wanted, node, facts) }
    }

    private static func shortages(_ wanted: ResourceAmounts, _ node: NodeInfo, _ facts: NodeFacts) -> [Rejection] {
        var rejections: [Rejection] = []
        if node.pods.count + 1 > facts.podsMax {
            rejections.append(Rejection("Too many pods", isFinal: facts.podsMax == 0))
        }
        let names = [ComputeResource.cpu, ComputeResource.memory, ComputeResource.ephemeralStorage]
        for name in names + wanted.others.keys.sorted() where wanted[name] > 0 {
            let capacity = facts.allocatable[name]
            guard wanted[name] > capacity - node.requested[name] else { continue }
            // More than the whole node has: nobody's eviction makes room.
            rejections.append(Rejection("Insufficient \(name)", isFinal: wanted[name] > capacity))
        }
        return rejections
    }

    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]? {
        nodes.map { node in
            guard let capacity = node.node?.allocatable else { return 0 }
            var used = node.scoringRequested
            used += context.pod.scoringRequests
            let free = [
                Self.free(used.milliCPU, capacity.milliCPU), Self.free(used.memory, capacity.memory),
            ].compactMap(\.self)
            return free.isEmpty ? 0 : free.reduce(0, +) / Int64(free.count)
        }
    }

    /// The part of a resource that stays free, in percent; `nil` if the node has none of it.
    private static func free(_ used: Int64, _ capacity: Int64) -> Int64? {
        guard capacity > 0 else { return nil }
        return used > capacity ? 0 : (capacity - used) * PluginScore.max / capacity
    }
}

/// Prefers nodes whose CPU and memory would be used to the same degree.
struct BalancedAllocation: ScorePlugin {
    let name = "NodeResourcesBalancedAllocation"
    let weight: Int64 = 1

    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]? {
        let wanted = context.pod.requests
        guard wanted.milliCPU > 0 || wanted.memory > 0 else { return nil }
        return nodes.map { node in
            guard let capacity = node.node?.allocatable else { return 0 }
            let cpu = Self.fraction(node.requested.milliCPU + wanted.milliCPU, capacity.milliCPU)
            let memory = Self.fraction(node.requested.memory + wanted.memory, capacity.memory)
            // Of two fractions the standard deviation is half their distance.
            return Int64((1 - abs(cpu - memory) / 2) * Double(PluginScore.max))
        }
    }

    private static func fraction(_ used: Int64, _ capacity: Int64) -> Double {
        capacity > 0 ? min(1, Double(used) / Double(capacity)) : 1
    }
}

/// Prefers nodes that have the pod's images already.
struct ImageLocality: ScorePlugin {
    let name = "ImageLocality"
    let weight: Int64 = 1
    /// Smaller images are pulled in no time.
    private static let bytesMin: Int64 = 23 << 20
    /// Per container; more makes no difference.
    private static let bytesMax: Int64 = 1000 << 20

    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]? {
        let images = context.pod.images.map(Self.normalised)
        guard !images.isEmpty else { return nil }
        let holders = images.map { image in nodes.count { $0.node?.imageBytes[image] != nil } }
        guard holders.contains(where: { $0 > 0 }) else { return nil }
        let upper = Self.bytesMax * Int64(images.count)
        return nodes.map { node in
            // An image that few nodes have counts less, so that they are not overrun.
            let sum = zip(images, holders).reduce(Int64(0)) { sum, entry in
                let bytes = node.node?.imageBytes[entry.0] ?? 0
                return sum + Int64(Double(bytes) * Double(entry.1) / Double(nodes.count))
            }
            return PluginScore.max * (min(max(sum, Self.bytesMin), upper) - Self.bytesMin) / (upper - Self.bytesMin)
        }
    }

    /// Nodes list images with their tag.
    private static func normalised(_ image: String) -> String {
        let last = image.split(separator: "/").last ?? ""
        return last.contains(":") || last.contains("@") ? image : image + ":latest"
    }
}

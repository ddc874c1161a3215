internal import APIMachinery
internal import KubeAPI

/// Spreads pods evenly over the values of a node label.
struct PodTopologySpread: FilterPlugin, ScorePlugin {
    let name = "PodTopologySpread"
    let weight: Int64 = 2
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .nodeChanged, .podRemoved, .podPlaced]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        let constraints = context.pod.spreadConstraints.filter(\.isRequired)
        guard !constraints.isEmpty else { return nil }
        let counts = constraints.map { Self.counts($0, constraints, context) }
        return SpreadFilter(pod: context.pod, constraints: Array(zip(constraints, counts)))
    }

    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]? {
        let constraints = context.pod.spreadConstraints.filter { !$0.isRequired }
        guard !constraints.isEmpty else { return nil }
        let counts = constraints.map { Self.counts($0, constraints, context) }
        // Nodes without the labels come last.
        let raw = nodes.map { node -> Int64? in
            var sum: Int64 = 0
            for (constraint, count) in zip(constraints, counts) {
                guard let value = node.node?.labels[constraint.topologyKey] else { return nil }
                sum += Int64((count[value] ?? 0) + constraint.maxSkew - 1)
            }
            return sum
        }
        let known = raw.compactMap(\.self)
        guard let low = known.min(), let high = known.max() else { return nil }
        return raw.map { score in
            guard let score else { return 0 }
            return high == 0 ? PluginScore.max : (high + low - score) * PluginScore.max / high
        }
    }

    /// Matching pods in each domain, empty domains included, over the nodes that the pod may go to at all.
    private static func counts(
        _ constraint: SpreadConstraint, _ all: [SpreadConstraint], _ context: SchedulingContext
    ) -> [String: Int] {
        var counts: [String: Int] = [:]
        for node in context.nodes {
            guard let facts = node.node, all.allSatisfy({ facts.labels[$0.topologyKey] != nil }),
                let value = facts.labels[constraint.topologyKey]
            else { continue }
            if constraint.honorsNodeAffinity, !NodeAffinityPlugin.matches(context.pod, facts) { continue }
            let effects: Set<String> = [TaintEffect.noSchedule, TaintEffect.noExecute]
            if constraint.honorsTaints,
                facts.untoleratedTaint(by: context.pod.tolerations, effects: effects) != nil
            {
                continue
            }
            counts[value, default: 0] += node.pods.values.count { pod in
                pod.key.namespace == context.pod.key.namespace && !pod.isTerminating
                    && constraint.selector.matches(pod.labels)
            }
        }
        return counts
    }
}

private struct SpreadFilter: NodeFilter {
    let pod: PodFacts
    let constraints: [(SpreadConstraint, [String: Int])]

    func reject(_ node: NodeInfo, _ facts: NodeFacts) -> [Rejection] {
        let text = "node(s) didn't match pod topology spread constraints"
        for (constraint, counts) in constraints {
            guard let value = facts.labels[constraint.topologyKey] else {
                return [Rejection(text + " (missing required label)", isFinal: true)]
            }
            // With too few domains, the emptiest is one that does not exist yet.
            let least = counts.count < constraint.minDomains ? 0 : counts.values.min() ?? 0
            let own = constraint.selector.matches(pod.labels) ? 1 : 0
            if (counts[value] ?? 0) + own - least > constraint.maxSkew { return [Rejection(text)] }
        }
        return []
    }
}

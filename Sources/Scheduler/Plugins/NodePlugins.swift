internal import KubeAPI
internal import KubeClient

/// Keeps pods off cordoned nodes, unless they tolerate the taint that a cordon stands for.
struct NodeUnschedulable: FilterPlugin {
    let name = "NodeUnschedulable"
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .nodeChanged]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        var cordon = Taint()
        cordon.key = TaintKey.unschedulable
        cordon.effect = TaintEffect.noSchedule
        let isTolerated = context.pod.tolerations.contains { $0.tolerates(cordon) }
        return SimpleNodeFilter { _, node in
            node.isUnschedulable && !isTolerated ? [Rejection("node(s) were unschedulable", isFinal: true)] : []
        }
    }
}

/// A pod that names its node goes nowhere else.
struct NodeName: FilterPlugin {
    let name = "NodeName"
    let retryEvents: Set<ClusterEvent> = [.nodeAdded]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        guard let wanted = context.pod.requestedNodeName, !wanted.isEmpty else { return nil }
        return SimpleNodeFilter { _, node in
            node.name == wanted ? [] : [Rejection("node(s) didn't match the requested node name", isFinal: true)]
        }
    }
}

/// Taints: `NoSchedule` and `NoExecute` keep pods off, `PreferNoSchedule` makes nodes less liked.
struct TaintToleration: FilterPlugin, ScorePlugin {
    let name = "TaintToleration"
    let weight: Int64 = 3
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .nodeChanged]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        let tolerations = context.pod.tolerations
        let effects: Set<String> = [TaintEffect.noSchedule, TaintEffect.noExecute]
        return SimpleNodeFilter { _, node in
            guard node.untoleratedTaint(by: tolerations, effects: effects) != nil else { return [] }
            return [Rejection("node(s) had untolerated taint(s)", isFinal: true)]
        }
    }

    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]? {
        let tolerations = context.pod.tolerations.filter {
            ["", TaintEffect.preferNoSchedule].contains($0.effect ?? "")
        }
        let counts = nodes.map { node in
            (node.node?.taints ?? []).count { taint in
                taint.effect == TaintEffect.preferNoSchedule && !tolerations.contains { $0.tolerates(taint) }
            }
        }
        guard counts.contains(where: { $0 > 0 }) else { return nil }
        return PluginScore.normalised(counts.map(Int64.init), isReversed: true)
    }
}

/// `nodeSelector` and node affinity.
struct NodeAffinityPlugin: FilterPlugin, ScorePlugin {
    let name = "NodeAffinity"
    let weight: Int64 = 2
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .nodeChanged]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        let pod = context.pod
        guard !pod.nodeSelector.isEmpty || pod.requiredNodeAffinity != nil else { return nil }
        return SimpleNodeFilter { _, node in
            if Self.matches(pod, node) { return [] }
            return [Rejection("node(s) didn't match Pod's node affinity/selector", isFinal: true)]
        }
    }

    /// True if the pod's selector and required affinity allow the node.
    static func matches(_ pod: PodFacts, _ node: NodeFacts) -> Bool {
        guard pod.nodeSelector.allSatisfy({ node.labels[$0.key] == $0.value }) else { return false }
        guard let required = pod.requiredNodeAffinity else { return true }
        return required.matches(nodeName: node.name, labels: node.labels)
    }

    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]? {
        let preferred = context.pod.preferredNodeAffinity
        guard !preferred.isEmpty else { return nil }
        let raw = nodes.map { node -> Int64 in
            guard let facts = node.node else { return 0 }
            return preferred.reduce(0) { sum, term in
                // Here an empty term matches every node.
                let isEmpty = term.preference.matchExpressions.isEmpty && term.preference.matchFields.isEmpty
                return sum
                    + (isEmpty || term.preference.matches(nodeName: facts.name, labels: facts.labels)
                        ? Int64(term.weight) : 0)
            }
        }
        return PluginScore.normalised(raw)
    }
}

/// Two pods cannot have the same port of a node.
struct NodePorts: FilterPlugin {
    let name = "NodePorts"
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .podRemoved]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        let wanted = context.pod.hostPorts
        guard !wanted.isEmpty else { return nil }
        return SimpleNodeFilter { node, _ in
            let isTaken = wanted.contains { port in node.hostPorts.keys.contains { $0.conflicts(with: port) } }
            return isTaken ? [Rejection("node(s) didn't have free ports for the requested pod ports")] : []
        }
    }
}

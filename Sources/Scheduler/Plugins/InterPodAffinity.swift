/// A value of a topology key: one zone, one host.
struct TopologyDomain: Hashable, Sendable {
    let key: String
    let value: String
}

/// Pod affinity and anti-affinity, the new pod's and that of pods that run already.
struct InterPodAffinity: FilterPlugin, ScorePlugin {
    let name = "InterPodAffinity"
    let weight: Int64 = 2
    let retryEvents: Set<ClusterEvent> = [.nodeAdded, .nodeChanged, .podRemoved, .podPlaced]

    func prepare(_ context: SchedulingContext) -> (any NodeFilter)? {
        let pod = context.pod
        let hasOwn = !pod.requiredAffinity.isEmpty || !pod.requiredAntiAffinity.isEmpty
        guard hasOwn || context.nodes.contains(where: { !$0.affinityPods.isEmpty }) else { return nil }
        var filter = AffinityFilter(pod: pod)
        for node in context.nodes {
            guard let labels = node.node?.labels else { continue }
            for existing in node.affinityPods.values {
                for term in existing.requiredAntiAffinity {
                    guard let value = labels[term.topologyKey],
                        term.matches(pod, namespaceLabels: context.namespaceLabels)
                    else { continue }
                    filter.forbidden.insert(TopologyDomain(key: term.topologyKey, value: value))
                }
            }
            guard hasOwn else { continue }
            for existing in node.pods.values { filter.count(existing, labels, context) }
        }
        filter.attractsItself = pod.requiredAffinity.allSatisfy {
            $0.matches(pod, namespaceLabels: context.namespaceLabels)
        }
        return filter
    }

    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]? {
        let pod = context.pod
        var liking: [TopologyDomain: Int64] = [:]
        func add(_ term: AffinityTerm, _ weight: Int64, _ labels: [String: String]) {
            guard let value = labels[term.topologyKey] else { return }
            liking[TopologyDomain(key: term.topologyKey, value: value), default: 0] += weight
        }
        for node in context.nodes {
            guard let labels = node.node?.labels else { continue }
            for (term, weight) in pod.preferredAffinity {
                for existing in node.pods.values
                where term.matches(existing, namespaceLabels: context.namespaceLabels) {
                    add(term, weight, labels)
                }
            }
            // Pods that run already have their say too; a required affinity counts as a weight of 1.
            for existing in node.affinityPods.values {
                let wishes = existing.preferredAffinity + existing.requiredAffinity.map { ($0, 1) }
                for (term, weight) in wishes where term.matches(pod, namespaceLabels: context.namespaceLabels) {
                    add(term, weight, labels)
                }
            }
        }
        guard !liking.isEmpty else { return nil }
        let raw = nodes.map { node in
            liking.reduce(Int64(0)) { $0 + (node.node?.labels[$1.key.key] == $1.key.value ? $1.value : 0) }
        }
        let (low, high) = (raw.min() ?? 0, raw.max() ?? 0)
        return raw.map { high == low ? 0 : ($0 - low) * PluginScore.max / (high - low) }
    }
}

private struct AffinityFilter: NodeFilter {
    let pod: PodFacts
    /// Domains that pods there do not want this pod in.
    var forbidden: Set<TopologyDomain> = []
    /// Pods matching all of this pod's affinity terms, by domain.
    var attracting: [TopologyDomain: Int] = [:]
    /// Pods matching an anti-affinity term of this pod, by domain.
    var repelling: [TopologyDomain: Int] = [:]
    /// The first of a group that wants to be together may go anywhere.
    var attractsItself = false

    mutating func count(_ existing: PodFacts, _ labels: [String: String], _ context: SchedulingContext) {
        guard !existing.isTerminating else { return }
        let terms = pod.requiredAffinity
        if !terms.isEmpty,
            terms.allSatisfy({ $0.matches(existing, namespaceLabels: context.namespaceLabels) })
        {
            for term in terms {
                guard let value = labels[term.topologyKey] else { continue }
                attracting[TopologyDomain(key: term.topologyKey, value: value), default: 0] += 1
            }
        }
        for term in pod.requiredAntiAffinity {
            guard let value = labels[term.topologyKey],
                term.matches(existing, namespaceLabels: context.namespaceLabels)
            else { continue }
            repelling[TopologyDomain(key: term.topologyKey, value: value), default: 0] += 1
        }
    }

    func reject(_ node: NodeInfo, _ facts: NodeFacts) -> [Rejection] {
        func domain(_ term: AffinityTerm) -> TopologyDomain? {
            facts.labels[term.topologyKey].map { TopologyDomain(key: term.topologyKey, value: $0) }
        }
        let isLabelled = pod.requiredAffinity.allSatisfy { domain($0) != nil }
        let isAttracted = pod.requiredAffinity.allSatisfy { term in domain(term).map { attracting[$0] != nil } ?? false
        }
        guard isLabelled, isAttracted || (attracting.isEmpty && attractsItself) else {
            return [Rejection("node(s) didn't match pod affinity rules", isFinal: true)]
        }
        if pod.requiredAntiAffinity.contains(where: { term in domain(term).map { repelling[$0] != nil } ?? false }) {
            return [Rejection("node(s) didn't match pod anti-affinity rules")]
        }
        if forbidden.contains(where: { facts.labels[$0.key] == $0.value }) {
            return [Rejection("node(s) didn't satisfy existing pods anti-affinity rules")]
        }
        return []
    }
}

/// Chooses a node for a pod: filters, then scores. Pure: works on a snapshot.
struct SchedulingAlgorithm: Sendable {
    let filters: [any FilterPlugin]
    let scorers: [any ScorePlugin]

    /// Upstream's default plugins in upstream's order, as far as they concern what Skiff has.
    static let standard = SchedulingAlgorithm(
        filters: [
            NodeUnschedulable(), NodeName(), TaintToleration(), NodeAffinityPlugin(), NodePorts(), NodeResourcesFit(),
            VolumeRestrictions(), VolumeBinding(), PodTopologySpread(), InterPodAffinity(),
        ],
        scorers: [
            TaintToleration(), NodeAffinityPlugin(), NodeResourcesFit(), PodTopologySpread(), InterPodAffinity(),
            BalancedAllocation(), ImageLocality(),
        ]
    )

    /// Where to put the pod.
    /// - Throws: `Unschedulable` if no node can take it.
    func place(_ context: SchedulingContext) throws(Unschedulable) -> String {
        let feasible = try filter(context)
        guard feasible.count > 1 else { return feasible.first?.node?.name ?? "" }
        var totals = [Int64](repeating: 0, count: feasible.count)
        for scorer in scorers {
            guard let scores = scorer.scores(context, feasible) else { continue }
            for (index, score) in scores.enumerated() { totals[index] += score * scorer.weight }
        }
        let best = totals.max() ?? 0
        // Equally good nodes take turns by chance, so that no node is always first.
        let candidates = totals.indices.filter { totals[$0] == best }
        return candidates.randomElement().flatMap { feasible[$0].node?.name } ?? ""
    }

    /// The nodes that every filter accepts. A node stops at its first rejecting plugin, as upstream counts reasons.
    func filter(_ context: SchedulingContext) throws(Unschedulable) -> [NodeInfo] {
        let prepared = filters.compactMap { plugin in plugin.prepare(context).map { (plugin, $0) } }
        var feasible: [NodeInfo] = []
        var failure = Unschedulable(nodeCount: context.nodes.count)
        for case (let plugin, let refusal as RejectEveryNode) in prepared {
            failure.refuse(refusal.message, context.nodes.compactMap(\.node?.name), by: plugin)
            throw failure
        }
        for node in context.nodes {
            guard let facts = node.node else { continue }
            var isAccepted = true
            for (plugin, filter) in prepared {
                let rejections = filter.reject(node, facts)
                guard !rejections.isEmpty else { continue }
                failure.add(rejections, on: facts.name, by: plugin)
                isAccepted = false
                break
            }
            if isAccepted { feasible.append(node) }
        }
        if feasible.isEmpty { throw failure }
        return feasible
    }
}

/// Why no node can take a pod.
struct Unschedulable: Error, Sendable {
    let nodeCount: Int
    /// How many nodes gave each reason.
    private(set) var reasons: [String: Int] = [:]
    /// Nodes that evicting pods would not help on.
    private(set) var finalNodes: Set<String> = []
    private(set) var rejectedNodes: Set<String> = []
    /// Changes after which another try is worthwhile.
    private(set) var retryEvents: Set<ClusterEvent> = [.nodeAdded]
    /// What rules every node out, if it is one thing.
    private(set) var refusal: String?

    init(nodeCount: Int) {
        self.nodeCount = nodeCount
    }

    /// All nodes are out of the question at once.
    mutating func refuse(_ message: String, _ nodes: [String], by plugin: any FilterPlugin) {
        refusal = message
        rejectedNodes = Set(nodes)
        finalNodes = rejectedNodes
        retryEvents.formUnion(plugin.retryEvents)
    }

    mutating func add(_ rejections: [Rejection], on node: String, by plugin: any FilterPlugin) {
        rejectedNodes.insert(node)
        if rejections.contains(where: \.isFinal) { finalNodes.insert(node) }
        for rejection in rejections { reasons[rejection.reason, default: 0] += 1 }
        retryEvents.formUnion(plugin.retryEvents)
    }

    /// What the condition and the event say, in upstream's words.
    /// For a pod that `preempts` it ends with what came of looking for pods to evict.
    func message(preempts: Bool) -> String {
        guard nodeCount > 0 else { return "no nodes available to schedule pods" }
        let available = "0/\(nodeCount) nodes are available"
        let filtered = available + ": " + (refusal ?? Self.list(reasons)) + "."
        guard preempts else { return filtered + " preemption: not eligible due to preemptionPolicy=Never." }
        var attempts: [String: Int] = [:]
        let helpless = finalNodes.count
        if helpless > 0 { attempts["Preemption is not helpful for scheduling"] = helpless }
        let victimless = rejectedNodes.count - helpless
        if victimless > 0 { attempts["No preemption victims found for incoming pod"] = victimless }
        return filtered + " preemption: " + available + ": " + Self.list(attempts) + "."
    }

    /// `1 Insufficient cpu, 2 node(s) were unschedulable`: sorted as text, as upstream does.
    private static func list(_ counts: [String: Int]) -> String {
        counts.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
    }
}

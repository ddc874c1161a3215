/// A change that may make a pod fit that did not.
enum ClusterEvent: Hashable, Sendable {
    case nodeAdded
    /// Allocatable resources, labels, taints or schedulability of a node changed.
    case nodeChanged
    /// A pod left a node, or ended there.
    case podRemoved
    /// A pod came to a node, or its labels changed.
    case podPlaced
    /// A claim came or changed.
    case claimChanged
    /// A volume came or changed.
    case volumeChanged
    case classChanged
}

/// Why a node cannot take a pod.
struct Rejection: Hashable, Sendable {
    /// Upstream's words, counted over the nodes in the pod's condition.
    let reason: String
    /// False if evicting other pods could help.
    let isFinal: Bool

    init(_ reason: String, isFinal: Bool = false) {
        self.reason = reason
        self.isFinal = isFinal
    }
}

/// What all nodes have in common while one pod is being scheduled.
struct SchedulingContext: Sendable {
    let pod: PodFacts
    let nodes: [NodeInfo]
    /// Labels of a namespace by its name, for affinity terms that select namespaces.
    let namespaceLabels: @Sendable (String) -> [String: String]
    /// `nil` where volumes do not count.
    var volumes: VolumeState?
}

/// Keeps nodes out that cannot run the pod.
protocol FilterPlugin: Sendable {
    var name: String { get }
    /// Changes after which a pod rejected by this plugin is worth another try.
    var retryEvents: Set<ClusterEvent> { get }
    /// Looks at the pod and all nodes once. `nil`: the pod does not concern this plugin.
    func prepare(_ context: SchedulingContext) -> (any NodeFilter)?
}

/// A filter plugin's view of one pod.
protocol NodeFilter: Sendable {
    /// Reasons why the node cannot take the pod; empty if it can.
    func reject(_ node: NodeInfo, _ facts: NodeFacts) -> [Rejection]
}

/// No node can take the pod, whatever they are like.
struct RejectEveryNode: NodeFilter {
    /// Upstream's words, which stand in the pod's condition once and are not counted.
    let message: String

    func reject(_ node: NodeInfo, _ facts: NodeFacts) -> [Rejection] { [Rejection(message, isFinal: true)] }
}

/// Prefers some of the nodes that can run the pod.
protocol ScorePlugin: Sendable {
    var name: String { get }
    /// Factor of this plugin's scores in the sum.
    var weight: Int64 { get }
    /// Scores of `nodes` in their order, each 0 to 100. `nil`: the pod does not concern this plugin.
    func scores(_ context: SchedulingContext, _ nodes: [NodeInfo]) -> [Int64]?
}

/// A filter that looks at one node at a time.
struct SimpleNodeFilter: NodeFilter {
    let body: @Sendable (NodeInfo, NodeFacts) -> [Rejection]

    init(_ body: @escaping @Sendable (NodeInfo, NodeFacts) -> [Rejection]) {
        self.body = body
    }

    func reject(_ node: NodeInfo, _ facts: NodeFacts) -> [Rejection] { body(node, facts) }
}

enum PluginScore {
    static let max: Int64 = 100

    /// Stretches raw scores so that the highest becomes 100.
    static func normalised(_ raw: [Int64], isReversed: Bool = false) -> [Int64] {
        let highest = raw.max() ?? 0
        return raw.map { score in
            let scaled = highest == 0 ? 0 : score * max / highest
            return isReversed ? max - scaled : scaled
        }
    }
}

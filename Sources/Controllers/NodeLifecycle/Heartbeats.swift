internal import APIMachinery
internal import KubeAPI
internal import Synchronization

/// When each node was last heard of, by this process's clock: clocks of other machines are not trusted.
final class Heartbeats: Sendable {
    private struct Seen {
        var renewTime: MicroTime?
        var at: ContinuousClock.Instant
    }

    /// One entry for each node.
    private let nodes = Mutex<[String: Seen]>([:])

    /// A lease of `node` was seen. Only a renewal counts as a sign of life.
    func leaseSeen(_ node: String, renewTime: MicroTime?, now: ContinuousClock.Instant = .now) {
        nodes.withLock { nodes in
            if let seen = nodes[node], seen.renewTime == renewTime { return }
            nodes[node] = Seen(renewTime: renewTime, at: now)
        }
    }

    /// The kubelet wrote the node's status.
    func statusSeen(_ node: String, now: ContinuousClock.Instant = .now) {
        nodes.withLock { $0[node, default: Seen(at: now)].at = now }
    }

    /// Since when nothing was heard; a node asked for the first time counts as heard of now.
    func silence(of node: String, now: ContinuousClock.Instant = .now) -> Duration {
        nodes.withLock { nodes in
            guard let seen = nodes[node] else {
                nodes[node] = Seen(at: now)
                return .zero
            }
            return seen.at.duration(to: now)
        }
    }

    func forget(_ node: String) {
        _ = nodes.withLock { $0.removeValue(forKey: node) }
    }
}

internal import APIMachinery
internal import KubeAPI
internal import Synchronization

/// Nodes and the pods on them as scheduling sees them: what the informers say, plus decisions not yet seen there.
final class SchedulerCache: Sendable {
    fileprivate struct State {
        var nodes: [String: NodeInfo] = [:]
        /// Node of every pod in `nodes`, by the pod's UID.
        var places: [String: String] = [:]
        /// Pods that were given a node here and whose binding the informer has not shown.
        var assumed: Set<String> = []
    }

    private let state = Mutex(State())

    /// The nodes that exist, in no particular order. A value: later changes do not show.
    func snapshot() -> [NodeInfo] {
        state.withLock { $0.nodes.values.filter { $0.node != nil } }
    }

    func setNode(_ node: NodeFacts) {
        state.withLock { $0.nodes[node.name, default: NodeInfo()].node = node }
    }

    func removeNode(_ name: String) {
        state.withLock { state in
            state.nodes[name]?.node = nil
            if state.nodes[name]?.pods.isEmpty == true { state.nodes[name] = nil }
        }
    }

    /// A pod was seen on a node: confirms an assumed one, or replaces what was known.
    func setPod(_ pod: PodFacts, on node: String) {
        state.withLock { state in
            state.assumed.remove(pod.uid)
            state.place(pod, on: node)
        }
    }

    /// The pod is gone or has ended: its resources are free. False if it had no node.
    func removePod(uid: String) -> Bool {
        state.withLock { state in
            state.assumed.remove(uid)
            return state.remove(uid: uid)
        }
    }

    /// Counts a pod as on the node it was decided for, before the server knows.
    func assume(_ pod: PodFacts, on node: String) {
        state.withLock { state in
            state.assumed.insert(pod.uid)
            state.place(pod, on: node)
        }
    }

    /// The binding failed. Does nothing if the pod was seen on a node meanwhile.
    func forget(uid: String) {
        state.withLock { state in
            guard state.assumed.remove(uid) != nil else { return }
            state.remove(uid: uid)
        }
    }

    func isPlaced(uid: String) -> Bool { state.withLock { $0.places[uid] != nil } }
}

extension SchedulerCache.State {
    fileprivate mutating func place(_ pod: PodFacts, on node: String) {
        if let previous = places[pod.uid], previous != node { remove(uid: pod.uid) }
        places[pod.uid] = node
        nodes[node, default: NodeInfo()].add(pod)
    }

    @discardableResult
    fileprivate mutating func remove(uid: String) -> Bool {
        guard let node = places.removeValue(forKey: uid) else { return false }
        nodes[node]?.remove(uid: uid)
        if let info = nodes[node], info.node == nil, info.pods.isEmpty { nodes[node] = nil }
        return true
    }
}

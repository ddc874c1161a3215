internal import APIMachinery
internal import KubeClient
internal import Synchronization

/// The graph, shared by the monitors that fill it and the workers that read it.
final class GarbageCollectorState: Sendable {
    /// UIDs remembered as gone; a UID never comes back.
    private static let absentMax = 1000

    private struct Absent: Hashable {
        let uid: String
        let namespace: String
    }

    private struct State {
        var graph = OwnerGraph()
        var absent: Set<Absent> = []
    }

    private let state = Mutex(State())

    func node(_ uid: String) -> OwnerGraph.Node? { state.withLock { $0.graph.nodes[uid] } }
    func dependents(of uid: String) -> Set<String> { state.withLock { $0.graph.dependents(of: uid) } }
    func blockingDependents(of uid: String) -> [String] { state.withLock { $0.graph.blockingDependents(of: uid) } }

    func observe(_ metadata: ObjectMeta, of resource: ResourceName) -> [GarbageTask] {
        state.withLock { $0.graph.observe(metadata, of: resource) }
    }

    func remove(_ uid: String) -> [GarbageTask] { state.withLock { $0.graph.remove(uid) } }

    /// The reference names an object that the graph knows, by the same coordinates.
    func isKnown(_ owner: OwnerReference, dependentIn namespace: String) -> Bool {
        state.withLock { $0.graph.matches(owner, dependentIn: namespace) }
    }

    /// Nothing to do for such an object, and no request needed to know it.
    func hasSolidOwnersOnly(_ node: OwnerGraph.Node) -> Bool {
        state.withLock { state in
            node.owners.allSatisfy { owner in
                state.graph.matches(owner, dependentIn: node.key.namespace)
                    && state.graph.nodes[owner.uid]?.isDeletingDependents == false
            }
        }
    }

    /// UIDs of one resource's objects that are not in `listed`: gone while nobody watched.
    func unlisted(_ resource: ResourceName, _ listed: Set<String>) -> [String] {
        state.withLock { state in
            state.graph.nodes.filter { $0.value.resource == resource && !listed.contains($0.key) }.map(\.key)
        }
    }

    func isAbsent(_ uid: String, in namespace: String) -> Bool {
        state.withLock { $0.absent.contains(Absent(uid: uid, namespace: namespace)) }
    }

    func noteAbsent(_ uid: String, in namespace: String) {
        state.withLock { state in
            if state.absent.count >= Self.absentMax { state.absent = [] }
            state.absent.insert(Absent(uid: uid, namespace: namespace))
        }
    }
}

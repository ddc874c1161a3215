internal import Synchronization

/// The pod of each sandbox and container, by the runtime's id.
final class ContainerOwners: Sendable {
    private let pods = Mutex<[String: String]>([:])

    /// The uid of the pod that `id` belongs to.
    subscript(id: String) -> String? {
        get { pods.withLock { $0[id] } }
        set { pods.withLock { $0[id] = newValue } }
    }

    func forget(pod uid: String) {
        pods.withLock { pods in pods = pods.filter { $0.value != uid } }
    }
}

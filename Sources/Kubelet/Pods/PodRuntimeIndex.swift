package import APIMachinery
internal import Synchronization

/// Where each pod of this node is in the container runtime: what logs, exec, attach and port-forward look up.
///
/// Written by the pod workers after each change, read from anywhere.
package final class PodRuntimeIndex: Sendable {
    /// One container, or one former life of it.
    package struct Container: Sendable, Equatable {
        /// The runtime's id, without `containerd://`.
        package var id: String
        package var name: String
        package var restartCount: Int
        /// Absolute path of the log in CRI's format.
        package var logPath: String
        package var isRunning: Bool

        package init(id: String, name: String, restartCount: Int, logPath: String, isRunning: Bool) {
            self.id = id
            self.name = name
            self.restartCount = restartCount
            self.logPath = logPath
            self.isRunning = isRunning
        }
    }

    package struct Entry: Sendable, Equatable {
        package var uid: String
        /// `nil` until the sandbox runs.
        package var sandboxID: String?
        package var podIP: String?
        /// The newest container of each name; init and ephemeral ones too.
        package var containers: [String: Container] = [:]
        /// The one before it, while its log is kept.
        package var previous: [String: Container] = [:]

        package init(uid: String) {
            self.uid = uid
        }
    }

    private struct State {
        var entries: [ObjectKey: Entry] = [:]
        var waiters: [String: [CheckedContinuation<Void, Never>]] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// `nil` for a pod that has no worker here.
    package subscript(key: ObjectKey) -> Entry? { state.withLock { $0.entries[key] } }

    /// Every container that runs now.
    var runningContainers: [Container] {
        state.withLock { $0.entries.values.flatMap { $0.containers.values.filter(\.isRunning) } }
    }

    /// Returns once the container is known not to run (any more). At once for one that is not known.
    package func waitUntilEnded(containerID: String) async {
        await withCheckedContinuation { continuation in
            let isEnded = state.withLock { state in
                let isRunning = state.entries.values.contains { entry in
                    entry.containers.values.contains { $0.id == containerID && $0.isRunning }
                }
                if isRunning { state.waiters[containerID, default: []].append(continuation) }
                return !isRunning
            }
            if isEnded { continuation.resume() }
        }
    }

    /// Sets what is known of a pod; `nil` forgets it, unless another pod of the name has taken its place.
    func update(_ key: ObjectKey, uid: String, _ entry: Entry?) {
        let ended = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            if entry == nil, state.entries[key]?.uid != uid { return [] }
            guard state.entries[key] != entry else { return [] }
            let before = state.entries[key]?.containers.values.filter(\.isRunning).map(\.id) ?? []
            state.entries[key] = entry
            let now = Set(entry?.containers.values.filter(\.isRunning).map(\.id) ?? [])
            return before.filter { !now.contains($0) }.flatMap { state.waiters.removeValue(forKey: $0) ?? [] }
        }
        for waiter in ended { waiter.resume() }
    }
}

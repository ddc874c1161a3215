internal import Synchronization

/// Writes of a controller that its caches have not shown yet.
///
/// A controller that names its children at random must not act again before it has seen what it did:
/// it would create them twice. Each key's expectation ends when all was seen, or after `timeout`.
package final class Expectations<Key: Hashable & Sendable>: Sendable {
    private struct Pending {
        var creations = 0
        var deletions: Set<String> = []
        var since: ContinuousClock.Instant
    }

    /// After this long an event is taken as lost, and the cache as right.
    private let timeout: Duration
    private let pending = Mutex<[Key: Pending]>([:])

    package init(timeout: Duration = .seconds(300)) {
        self.timeout = timeout
    }

    /// Before creating `count` children of `key`.
    package func expectCreations(_ key: Key, _ count: Int) {
        change(key) { $0.creations += count }
    }

    /// Before deleting the children of `key` with these UIDs.
    package func expectDeletions(_ key: Key, uids: [String]) {
        change(key) { $0.deletions.formUnion(uids) }
    }

    /// A child was seen to be created, or its creation failed.
    package func creationObserved(_ key: Key, count: Int = 1) {
        lower(key) { $0.creations = max(0, $0.creations - count) }
    }

    /// A child was seen to be deleted (or being deleted), or its deletion failed.
    package func deletionObserved(_ key: Key, uid: String) {
        lower(key) { $0.deletions.remove(uid) }
    }

    /// True if nothing is in flight for `key`.
    package func isSatisfied(_ key: Key) -> Bool {
        pending.withLock { pending in
            guard let entry = pending[key] else { return true }
            guard entry.since.duration(to: .now) > timeout else { return false }
            pending[key] = nil
            return true
        }
    }

    /// Drops what is known of a key whose object is gone.
    package func forget(_ key: Key) {
        _ = pending.withLock { $0.removeValue(forKey: key) }
    }

    private func change(_ key: Key, _ body: (inout Pending) -> Void) {
        pending.withLock { pending in
            var entry = pending[key] ?? Pending(since: .now)
            entry.since = .now
            body(&entry)
            pending[key] = entry
        }
    }

    private func lower(_ key: Key, _ body: (inout Pending) -> Void) {
        pending.withLock { pending in
            guard var entry = pending[key] else { return }
            body(&entry)
            pending[key] = entry.creations == 0 && entry.deletions.isEmpty ? nil : entry
        }
    }
}

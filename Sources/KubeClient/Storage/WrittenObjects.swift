package import APIMachinery
internal import Synchronization

/// What an informer shows, or what its user wrote itself where the informer lags behind.
///
/// Holds an object of its own only until the informer has caught up, so it is bounded by the writes on their way.
package final class WrittenObjects<T: APIObject>: Sendable {
    private let lister: Lister<T>
    private let written = Mutex<[ObjectKey: T]>([:])

    package init(_ lister: Lister<T>) {
        self.lister = lister
    }

    package subscript(key: ObjectKey) -> T? {
        guard let shown = lister[key] else {
            written.withLock { $0[key] = nil }
            return nil
        }
        return newest(of: shown)
    }

    package var all: [T] { lister.all.map(newest) }

    /// Notes an object as the server returned it after a write.
    package func wrote(_ object: T) { written.withLock { $0[object.key] = object } }

    private func newest(of shown: T) -> T {
        written.withLock { written in
            guard let own = written[shown.key] else { return shown }
            if own.metadata.uid == shown.metadata.uid, Self.revision(own) > Self.revision(shown) { return own }
            written[shown.key] = nil
            return shown
        }
    }

    private static func revision(_ object: T) -> UInt64 { UInt64(object.metadata.resourceVersion ?? "") ?? 0 }
}

internal import Synchronization

/// A value behind a lock, for the state of streams and caches.
final class Guarded<State: Sendable>: Sendable {
    private let state: Mutex<State>

    init(_ initial: State) { state = Mutex(initial) }

    func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        // The copy out and back keeps the closure free of `sending` rules; states are small or copy on write.
        state.withLock { current in body(&current) }
    }
}

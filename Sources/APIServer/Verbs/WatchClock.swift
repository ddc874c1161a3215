internal import Synchronization

/// Ends watches at their `timeoutSeconds` and says when bookmarks are due, for all watches with one sleeping task.
final class WatchClock: Sendable {
    static let bookmarkInterval = Duration.seconds(60)
    /// Upstream's default lifetime of a watch that names none, at least.
    static let lifetimeDefaultSeconds: Int64 = 1800

    private struct Entry: Sendable {
        let stream: WatchStream
        let deadline: ContinuousClock.Instant
        let wantsBookmarks: Bool
    }

    private struct State: Sendable {
        var entries: [ObjectIdentifier: Entry] = [:]
        var nextBookmarks: ContinuousClock.Instant?
        /// The one task that sleeps, and until when.
        var sleeper: Task<Void, Never>?
        var wakesAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    func add(_ stream: WatchStream, timeoutSeconds: Int64?, wantsBookmarks: Bool) {
        // Spread, so that the watches of one client do not all come back in the same second.
        let lifetime =
            timeoutSeconds.flatMap { $0 > 0 ? $0 : nil }
            ?? Self.lifetimeDefaultSeconds + Int64.random(in: 0...Self.lifetimeDefaultSeconds)
        let now = ContinuousClock.now
        let deadline = now + .seconds(min(lifetime, 86_400 * 365))
        state.withLock { state in
            state.entries[ObjectIdentifier(stream)] = Entry(
                stream: stream, deadline: deadline, wantsBookmarks: wantsBookmarks)
            if wantsBookmarks, state.nextBookmarks == nil { state.nextBookmarks = now + Self.bookmarkInterval }
            arm(&state)
        }
    }

    func remove(_ stream: WatchStream) {
        state.withLock { state in
            state.entries[ObjectIdentifier(stream)] = nil
            if state.entries.isEmpty {
                state.sleeper?.cancel()
                state.sleeper = nil
                state.wakesAt = nil
                state.nextBookmarks = nil
            }
        }
    }

    /// Ends all watches, so that their connections can close.
    func expireAll() {
        let entries = state.withLock { state in
            defer {
                state.entries = [:]
                state.sleeper?.cancel()
                state.sleeper = nil
                state.wakesAt = nil
            }
            return Array(state.entries.values)
        }
        for entry in entries { entry.stream.expire() }
    }

    /// Sleeps until the earliest instant at which anything is due.
    private func arm(_ state: inout State) {
        let deadlines = state.entries.values.map(\.deadline) + (state.nextBookmarks.map { [$0] } ?? [])
        guard let earliest = deadlines.min() else { return }
        if let wakesAt = state.wakesAt, wakesAt <= earliest, state.sleeper != nil { return }
        state.sleeper?.cancel()
        state.wakesAt = earliest
        // Unstructured, because watches begin on event loops; it ends with the last watch.
        state.sleeper = Task { [weak self] in
            try? await Task.sleep(until: earliest, clock: .continuous)
            guard !Task.isCancelled else { return }
            self?.tick()
        }
    }

    private func tick() {
        let now = ContinuousClock.now
        let (over, bookmarks) = state.withLock { state in
            let over = state.entries.filter { $0.value.deadline <= now }
            for id in over.keys { state.entries[id] = nil }
            var bookmarks: [WatchStream] = []
            if let next = state.nextBookmarks, next <= now {
                bookmarks = state.entries.values.filter(\.wantsBookmarks).map(\.stream)
                state.nextBookmarks = bookmarks.isEmpty ? nil : now + Self.bookmarkInterval
            }
            state.sleeper = nil
            state.wakesAt = nil
            arm(&state)
            return (over.values.map(\.stream), bookmarks)
        }
        for stream in over { stream.expire() }
        for stream in bookmarks { stream.bookmarkIsDue() }
    }
}

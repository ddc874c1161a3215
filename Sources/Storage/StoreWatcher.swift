internal import Synchronization

/// A bounded queue of the events of one prefix, filled by the store and emptied by one consumer.
///
/// A consumer either drains when its waker is called (a connection's event loop) or awaits `next` (a task).
package final class StoreWatcher: Sendable {
    /// A watcher that lags by more than this is cut off with `.tooSlow`.
    package static let eventsMax = 8192
    /// Likewise, by the size of the queued values. Watchers that lag alike share the events, so this bounds them all.
    package static let bytesMax = 16 << 20

    package struct Batch: Sendable {
        package var events: [StoreEvent]
        /// Why no event will follow; `nil` while the watch goes on. `.closed` also after `cancel`.
        package var end: StoreError?
    }

    /// What the watched keys begin with.
    package let prefix: String
    private let published: RevisionClock
    private let state: Mutex<State>

    private struct State {
        var queue = Ring<StoreEvent>()
        var bytes = 0
        var end: StoreError?
        var isCancelled = false
        /// Revision up to which everything has been handed out.
        var handedOut: Int64
        var isWaitingForWaker = false
        var waker: (@Sendable () -> Void)?
        var sleeper: CheckedContinuation<Void, Never>?
        var onCancel: (@Sendable (StoreWatcher) -> Void)?
    }

    /// What to do once the lock is released.
    struct Wake {
        fileprivate var waker: (@Sendable () -> Void)?
        fileprivate var sleeper: CheckedContinuation<Void, Never>?

        func callAsFunction() {
            waker?()
            sleeper?.resume()
        }
    }

    init(
        prefix: String, after revision: Int64, backlog: [StoreEvent], published: RevisionClock,
        onCancel: @escaping @Sendable (StoreWatcher) -> Void
    ) {
        self.prefix = prefix
        self.published = published
        var state = State(handedOut: revision)
        for event in backlog {
            state.queue.append(event)
            state.bytes += event.object.value.count
        }
        state.onCancel = onCancel
        self.state = Mutex(state)
    }

    /// Called (any thread, never under a lock) when events or an end became available after `drain` returned an
    /// empty batch. Set once, before the first drain.
    package func setWaker(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.waker = wake }
    }

    /// Takes up to `max` events. `end` is set once the last event has been taken of a watcher that was cut off,
    /// cancelled, or whose store closed.
    package func drain(max: Int) -> Batch {
        state.withLock { state in
            var events: [StoreEvent] = []
            events.reserveCapacity(min(max, state.queue.count))
            while events.count < max, let event = state.queue.popFirst() {
                state.bytes -= event.object.value.count
                events.append(event)
            }
            if let last = events.last { state.handedOut = last.revision }
            let end = state.queue.isEmpty ? state.end : nil
            state.isWaitingForWaker = events.isEmpty && end == nil
            return Batch(events: events, end: end)
        }
    }

    /// Every event of the prefix up to this revision has been handed out: what a bookmark may say.
    package var progressRevision: Int64 {
        // Read before the queue is looked at: an event published in between makes the queue non-empty, and then the
        // last one handed out counts.
        let published = published.value
        return state.withLock { state in
            if state.queue.isEmpty && state.end == nil { state.handedOut = max(state.handedOut, published) }
            return state.handedOut
        }
    }

    /// Suspends until there is at least one event. `nil` after `cancel` or when the calling task is cancelled.
    /// - Throws: why the store cut the watcher off.
    package func next(max: Int) async throws(StoreError) -> [StoreEvent]? {
        while true {
            let batch = drain(max: max)
            if !batch.events.isEmpty { return batch.events }
            if let end = batch.end {
                if isCancelled { return nil }
                throw end
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if !state.queue.isEmpty || state.end != nil { return true }
                        state.sleeper = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                cancel()
            }
        }
    }

    private var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Ends the watch and lets go of everything queued. Idempotent.
    package func cancel() {
        let (wake, onCancel) = state.withLock { state in
            state.isCancelled = true
            state.queue.removeAll()
            state.bytes = 0
            let onCancel = state.onCancel
            return (Self.end(.closed, &state), onCancel)
        }
        onCancel?(self)
        wake()
    }

    /// Whether no event will be queued any more.
    var hasEnded: Bool { state.withLock { $0.end != nil } }

    /// Queues one event. Returns `false` if the watcher has ended or just overflowed: the store then forgets it.
    func push(_ event: StoreEvent, waking wakes: inout [Wake]) -> Bool {
        let (isLive, wake) = state.withLock { state -> (Bool, Wake?) in
            guard state.end == nil else { return (false, nil) }
            let size = event.object.value.count
            guard state.queue.count < Self.eventsMax,
                state.bytes + size <= Self.bytesMax || state.queue.isEmpty
            else {
                state.queue.removeAll()
                state.bytes = 0
                return (false, Self.end(.tooSlow, &state))
            }
            state.queue.append(event)
            state.bytes += size
            return (true, Self.wake(&state))
        }
        if let wake { wakes.append(wake) }
        return isLive
    }

    /// Ends the watch after what is queued.
    func finish(_ error: StoreError) -> Wake? {
        state.withLock { Self.end(error, &$0) }
    }

    private static func end(_ error: StoreError, _ state: inout State) -> Wake {
        if state.end == nil { state.end = error }
        state.onCancel = nil
        return wake(&state) ?? Wake()
    }

    private static func wake(_ state: inout State) -> Wake? {
        guard state.isWaitingForWaker || state.sleeper != nil else { return nil }
        let wake = Wake(waker: state.isWaitingForWaker ? state.waker : nil, sleeper: state.sleeper)
        state.isWaitingForWaker = false
        state.sleeper = nil
        return wake
    }
}

/// The revision up to which every event has reached every watcher's queue.
final class RevisionClock: Sendable {
    private let revision: Atomic<Int64>

    init(_ revision: Int64) {
        self.revision = Atomic(revision)
    }

    var value: Int64 { revision.load(ordering: .acquiring) }

    func advance(to revision: Int64) {
        self.revision.store(revision, ordering: .releasing)
    }
}

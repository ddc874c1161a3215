internal import Synchronization

/// Keys waiting to be reconciled.
///
/// A key that is added many times is handed out once, and never to two workers at a time: one added while it is being
/// worked on is handed out again after `done`. So the queue is bounded by the number of distinct objects.
/// Delayed keys wait for one shared timer; nothing polls.
package final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    /// Delay after the first failure of a key; doubles with each one that follows.
    package let backoffMin: Duration
    /// Bound of the delay between two tries.
    package let backoffMax: Duration
    private let state = Mutex(State())

    private struct State {
        var ready: [Key] = []
        /// Keys before this index were handed out.
        var readyStart = 0
        /// Keys to be handed out, now or after `done`.
        var dirty: Set<Key> = []
        var processing: Set<Key> = []
        var waiters: [(id: UInt64, continuation: CheckedContinuation<Key?, Never>)] = []
        var nextWaiter: UInt64 = 0
        var failures: [Key: Int] = [:]
        var delayed: [Key: ContinuousClock.Instant] = [:]
        var timer: (task: Task<Void, Never>, deadline: ContinuousClock.Instant)?
        var isShutDown = false

        mutating func add(_ key: Key) -> Handover<Key>? {
            guard !isShutDown, dirty.insert(key).inserted, !processing.contains(key) else { return nil }
            return enqueue(key)
        }

        mutating func enqueue(_ key: Key) -> Handover<Key>? {
            guard waiters.isEmpty else {
                dirty.remove(key)
                processing.insert(key)
                return Handover(waiters.removeFirst().continuation, key)
            }
            ready.append(key)
            return nil
        }

        /// The next ready key, now being processed.
        mutating func take() -> Key? {
            guard readyStart < ready.count else { return nil }
            let key = ready[readyStart]
            readyStart += 1
            if readyStart == ready.count {
                ready.removeAll(keepingCapacity: ready.count < 256)
                readyStart = 0
            } else if readyStart > 1024, readyStart * 2 > ready.count {
                ready.removeFirst(readyStart)
                readyStart = 0
            }
            dirty.remove(key)
            processing.insert(key)
            return key
        }
    }

    package init(backoffMin: Duration = .milliseconds(5), backoffMax: Duration = .seconds(1000)) {
        self.backoffMin = backoffMin
        self.backoffMax = backoffMax
    }

    deinit {
        state.withLock { $0.timer?.task.cancel() }
    }

    /// Keys ready to be handed out.
    package var count: Int { state.withLock { $0.ready.count - $0.readyStart } }

    /// Queues `key` unless it is queued already.
    package func add(_ key: Key) {
        let handover = state.withLock { $0.add(key) }
        handover?.resume()
    }

    /// Queues `key` after `delay`; of several delays for a key the earliest counts.
    package func add(_ key: Key, after delay: Duration) {
        guard delay > .zero else { return add(key) }
        let deadline = ContinuousClock.now + delay
        let replaced = state.withLock { state -> Task<Void, Never>? in
            guard !state.isShutDown else { return nil }
            if let earlier = state.delayed[key], earlier <= deadline { return nil }
            state.delayed[key] = deadline
            return arm(&state)
        }
        replaced?.cancel()
    }

    /// Queues `key` after a delay that doubles with each call, until `forget`.
    package func addRateLimited(_ key: Key) {
        let failures = state.withLock { state in
            let count = state.failures[key, default: 0]
            state.failures[key] = count + 1
            return count
        }
        add(key, after: Self.delay(afterFailures: failures, min: backoffMin, max: backoffMax))
    }

    /// Ends the back-off of `key`.
    package func forget(_ key: Key) {
        _ = state.withLock { $0.failures.removeValue(forKey: key) }
    }

    /// How often in a row `key` was added rate-limited.
    package func failures(of key: Key) -> Int { state.withLock { $0.failures[key, default: 0] } }

    /// The next key, as soon as there is one; `nil` once the queue was shut down or the task cancelled.
    /// The caller must call `done` with it.
    package func next() async -> Key? {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let handover = state.withLock { state -> Handover<Key>? in
                    if state.isShutDown || Task.isCancelled { return Handover<Key>(continuation, nil) }
                    if let key = state.take() { return Handover(continuation, key) }
                    state.waiters.append((id, continuation))
                    return nil
                }
                handover?.resume()
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
            }
            waiter?.resume(returning: nil)
        }
    }

    /// Ends the work on `key`; it is handed out again if it was added meanwhile.
    package func done(_ key: Key) {
        let handover = state.withLock { state -> Handover<Key>? in
            state.processing.remove(key)
            return state.dirty.contains(key) ? state.enqueue(key) : nil
        }
        handover?.resume()
    }

    /// Wakes all workers with `nil`; later additions are ignored.
    package func shutDown() {
        let (waiters, timer) = state.withLock { state in
            state.isShutDown = true
            defer {
                state.waiters = []
                state.timer = nil
                state.delayed = [:]
            }
            return (state.waiters, state.timer?.task)
        }
        timer?.cancel()
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// Doubling from `min`, never past `max`.
    static func delay(afterFailures failures: Int, min: Duration, max: Duration) -> Duration {
        // 2^30 times any sensible `min` is past any sensible `max`.
        let delay = min * (1 << Swift.min(failures, 30))
        return Swift.min(delay, max)
    }

    /// Sets the timer for the earliest delayed key. Returns the task it replaces.
    private func arm(_ state: inout State) -> Task<Void, Never>? {
        guard let earliest = state.delayed.values.min() else { return nil }
        if let timer = state.timer, timer.deadline <= earliest { return nil }
        let replaced = state.timer?.task
        // Unstructured: the queue outlives no scope of its own. `shutDown` and `deinit` cancel it.
        let task = Task { [weak self] in
            do {
                try await Task.sleep(until: earliest, clock: .continuous)
            } catch {
                return
            }
            self?.fire()
        }
        state.timer = (task, earliest)
        return replaced
    }

    /// Moves keys whose time has come.
    private func fire() {
        let handovers = state.withLock { state -> [Handover<Key>] in
            state.timer = nil
            let now = ContinuousClock.now
            var handovers: [Handover<Key>] = []
            let due = state.delayed.filter { $0.value <= now }.sorted { $0.value < $1.value }
            for (key, _) in due {
                state.delayed[key] = nil
                if let handover = state.add(key) { handovers.append(handover) }
            }
            _ = arm(&state)
            return handovers
        }
        for handover in handovers { handover.resume() }
    }
}

/// A key for a worker that waits, to be given outside the lock.
private struct Handover<Key: Hashable & Sendable>: Sendable {
    private let continuation: CheckedContinuation<Key?, Never>
    private let key: Key?

    init(_ continuation: CheckedContinuation<Key?, Never>, _ key: Key?) {
        self.continuation = continuation
        self.key = key
    }

    func resume() { continuation.resume(returning: key) }
}

internal import APIMachinery
internal import Synchronization

/// Wakes those who wait for claims to be bound, when a claim or a pod changes.
final class ClaimWaiters: Sendable {
    private struct State {
        var next: UInt64 = 0
        var waiters: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }

    /// Bounded by the pods whose volumes are being made.
    private let state = Mutex(State())

    /// Something changed. Costs nothing while nobody waits.
    func wake() {
        for waiter in state.withLock({ Array($0.waiters.values) }) { waiter.yield() }
    }

    /// Calls `check` now and after every change until it answers; `nil` after `limit` or with the task's end.
    func wait<Answer: Sendable>(limit: Duration, until check: @Sendable () -> Answer?) async -> Answer? {
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.next += 1
            state.waiters[state.next] = change
            return state.next
        }
        // Unstructured: it only ends the stream, and is cancelled below.
        let timer = Task {
            try? await Task.sleep(for: limit)
            change.finish()
        }
        defer {
            timer.cancel()
            state.withLock { $0.waiters[number] = nil }
        }
        change.yield()
        for await _ in changes {
            if let answer = check() { return answer }
        }
        return nil
    }
}

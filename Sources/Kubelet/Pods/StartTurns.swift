internal import NIOCore
internal import Synchronization

/// Lets few pods start at a time, the longest known first. All at once they would all be ready as late as the last one is
/// in turn: a rolled out or recreated Deployment answers sooner when its first pod does not wait for its tenth.
final class StartTurns: Sendable {
    /// The place behind all pods that start.
    static let last = UInt64.max

    /// A step that takes longer than this has trouble of its own, and the others go on beside it.
    private static let patience = Duration.seconds(1)

    private struct Waiter {
        let id: UInt64
        let order: UInt64
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var running = 0
        var lastID: UInt64 = 0
        var lastOrder: UInt64 = 0
        var waiters: [Waiter] = []
    }

    private let max: Int
    private let state = Mutex(State())

    /// One more than there are processors: one waits for the disk or the kernel most of the time.
    init(max: Int = System.coreCount + 1) { self.max = max }

    /// The place of a pod, to be kept over all its steps.
    func nextOrder() -> UInt64 {
        state.withLock { state in
            state.lastOrder += 1
            return state.lastOrder
        }
    }

    /// Runs one step when it is the pod's turn, and no later than after a second.
    func run<Result, Failure: Error>(
        _ order: UInt64, _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        await take(order)
        defer { giveBack() }
        return try await body()
    }

    private func take(_ order: UInt64) async {
        let id: UInt64? = state.withLock { state in
            if state.running < max {
                state.running += 1
                return nil
            }
            state.lastID += 1
            return state.lastID
        }
        guard let id else { return }
        await withDiscardingTaskGroup { group in
            group.addTask {
                do { try await Task.sleep(for: Self.patience) } catch { return }
                self.expire(id)
            }
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    // A step may have ended since.
                    guard state.running >= max else {
                        state.running += 1
                        return true
                    }
                    let place = state.waiters.firstIndex { $0.order > order } ?? state.waiters.endIndex
                    state.waiters.insert(Waiter(id: id, order: order, continuation: continuation), at: place)
                    return false
                }
                if isFree { continuation.resume() }
            }
            group.cancelAll()
        }
    }

    /// Whoever waits too long goes beside the others.
    private func expire(_ id: UInt64) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            state.running += 1
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume()
    }

    private func giveBack() {
        let next = state.withLock { state -> Waiter? in
            guard state.running <= max, !state.waiters.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.continuation.resume()
    }
}

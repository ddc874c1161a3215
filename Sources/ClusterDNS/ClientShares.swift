internal import Synchronization

/// Counts what clients hold at a time, so that all of them together hold no more than `max`, and none more than
/// `maxEach`: one that floods leaves the others theirs.
final class ClientShares: Sendable {
    private struct State {
        var total = 0
        var held: [String: Int] = [:]
    }

    private let max: Int
    private let maxEach: Int
    private let state = Mutex(State())

    init(max: Int, maxEach: Int) {
        self.max = max
        self.maxEach = maxEach
    }

    /// Whether the client may have one more. Each that was taken is to be given back.
    func take(_ client: String) -> Bool {
        state.withLock { state in
            guard state.total < max, state.held[client, default: 0] < maxEach else { return false }
            state.total += 1
            state.held[client, default: 0] += 1
            return true
        }
    }

    func giveBack(_ client: String) {
        state.withLock { state in
            state.total -= 1
            let left = state.held[client, default: 1] - 1
            state.held[client] = left > 0 ? left : nil
        }
    }

    var isEmpty: Bool { state.withLock { $0.total == 0 && $0.held.isEmpty } }
}

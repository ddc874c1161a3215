internal import APIMachinery
internal import Synchronization

/// What this node's living pods hold. One place, so that two resizes at once cannot both get the last of something.
final class NodeAllocations: Sendable {
    /// What a resize came to.
    enum Answer: Sendable, Equatable {
        case granted
        /// The node could never give that much.
        case infeasible(String)
        /// Others hold it now.
        case deferred(String)
    }

    private struct State {
        var held: [String: [String: Quantity]] = [:]
        /// Pods whose resize waits for others to give something back.
        var waiting: Set<String> = []
    }

    private let state = Mutex(State())
    /// Pods that should look at their resize again. Bounded: one entry a pod that waits, taken at once.
    let retries: AsyncStream<String>
    private let retry: AsyncStream<String>.Continuation

    init() { (retries, retry) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1024)) }

    func set(_ uid: String, _ requests: [String: Quantity]) { state.withLock { $0.held[uid] = requests } }

    /// The pod has ended: what it held is free.
    func forget(_ uid: String) {
        let wasHeld = state.withLock { state in
            state.waiting.remove(uid)
            return state.held.removeValue(forKey: uid) != nil
        }
        if wasHeld { reconsider() }
    }

    /// Something may be free: who waits may look again.
    func reconsider() {
        for uid in state.withLock({ $0.waiting }) { retry.yield(uid) }
    }

    subscript(uid: String) -> [String: Quantity]? { state.withLock { $0.held[uid] } }

    /// Gives the pod `wanted` in place of what it holds, if the node has it.
    func resize(_ uid: String, to wanted: [String: Quantity], allocatable: [String: Quantity]) -> Answer {
        func number(_ name: String, _ quantity: Quantity?) -> Int64 {
            (name == "cpu" ? quantity?.milliValue : quantity?.value) ?? 0
        }
        for name in ["memory", "cpu"] {
            let (asked, capacity) = (number(name, wanted[name]), number(name, allocatable[name]))
            if asked > capacity {
                return .infeasible(
                    "Node didn't have enough capacity: \(name), requested: \(asked), capacity: \(capacity)")
            }
        }
        return state.withLock { state in
            for name in ["cpu", "memory"] {
                let asked = number(name, wanted[name])
                // Giving back always works, however full the node is.
                guard asked > number(name, state.held[uid]?[name]) else { continue }
                let used = state.held.reduce(Int64(0)) { $1.key == uid ? $0 : $0 + number(name, $1.value[name]) }
                let capacity = number(name, allocatable[name])
                if used + asked > capacity {
                    state.waiting.insert(uid)
                    return .deferred(
                        "Node didn't have enough resource: \(name), requested: \(asked), used: \(used), "
                            + "capacity: \(capacity)")
                }
            }
            state.held[uid] = wanted
            state.waiting.remove(uid)
            return .granted
        }
    }
}

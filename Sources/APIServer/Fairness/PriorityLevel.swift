internal import APIMachinery

/// A PriorityLevelConfiguration and the requests that run or wait at it. Guarded by `Fairness`.
struct PriorityLevel {
    struct Waiter {
        let id: UInt64
        let resume: @Sendable (Bool) -> Void
    }

    let name: String
    let uid: String
    let isExempt: Bool
    let shares: Int64
    let lendablePercent: Int64
    /// `nil` borrows without bound.
    let borrowingLimitPercent: Int64?
    /// 0 where requests are refused rather than kept waiting.
    let queueCount: Int
    let handSize: Int
    let queueLengthMax: Int

    /// Requests that may run here at once before others' seats are borrowed.
    var seats = 1
    var running = 0
    private var queues: [[Waiter]]
    /// Where the round of the queues goes on.
    private var next = 0
    private(set) var waiting = 0

    init(_ object: Value) {
        let spec = object["spec"] ?? [:]
        name = object.name
        uid = object.uid
        isExempt = spec.text("type") == "Exempt"
        let limited = (isExempt ? spec["exempt"] : spec["limited"]) ?? [:]
        shares = limited["nominalConcurrencyShares"]?.int ?? (isExempt ? 0 : 30)
        lendablePercent = limited["lendablePercent"]?.int ?? 0
        borrowingLimitPercent = limited["borrowingLimitPercent"]?.int
        let response = limited["limitResponse"] ?? [:]
        let queuing = response["queuing"] ?? [:]
        let isQueued = response.text("type") == "Queue"
        queueCount = isQueued ? Int(queuing["queues"]?.int ?? 64) : 0
        handSize = Int(queuing["handSize"]?.int ?? 8)
        queueLengthMax = Int(queuing["queueLengthLimit"]?.int ?? 50)
        queues = Array(repeating: [], count: queueCount)
    }

    /// Seats that no other level may take.
    var reserved: Int { seats - seats * Int(min(100, max(0, lendablePercent))) / 100 }

    /// Seats that may be in use here, borrowed ones included.
    var seatsMax: Int {
        guard let percent = borrowingLimitPercent else { return .max }
        return seats + (seats * Int(max(0, percent)) + 99) / 100
    }

    /// False: the flow's queues are full. A flow has only a few of the queues, so that one that floods fills few.
    mutating func enqueue(_ waiter: Waiter, flow: Int) -> Bool {
        guard queueCount > 0 else { return false }
        var bits = UInt64(bitPattern: Int64(flow))
        var best = 0
        for turn in 0..<max(1, min(handSize, queueCount)) {
            // The multiplier is Knuth's for 64-bit sequences; each turn deals another card.
            bits = bits &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let card = Int((bits >> 33) % UInt64(queueCount))
            if turn == 0 || queues[card].count < queues[best].count { best = card }
        }
        guard queues[best].count < queueLengthMax else { return false }
        queues[best].append(waiter)
        waiting += 1
        return true
    }

    /// The next request to run: the queues take turns.
    mutating func dequeue() -> Waiter? {
        guard waiting > 0 else { return nil }
        for offset in 0..<queueCount {
            let index = (next + offset) % queueCount
            guard !queues[index].isEmpty else { continue }
            next = index + 1
            waiting -= 1
            return queues[index].removeFirst()
        }
        return nil
    }

    /// Takes a request out that waited too long.
    mutating func remove(_ id: UInt64) -> Waiter? {
        for index in queues.indices {
            guard let place = queues[index].firstIndex(where: { $0.id == id }) else { continue }
            waiting -= 1
            return queues[index].remove(at: place)
        }
        return nil
    }

    /// Those that wait when the configuration changes; they go to where they now belong.
    mutating func removeAll() -> [Waiter] {
        let all = queues.flatMap { $0 }
        queues = Array(repeating: [], count: queueCount)
        waiting = 0
        return all
    }
}

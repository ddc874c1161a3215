/// When objects with a time to live expire. Times are milliseconds since 1970, since they outlive the process.
struct ExpiryQueue {
    /// A due key that could not be deleted (disk full) is offered again after this.
    static let retryMilliseconds: Int64 = 1000

    private struct Entry {
        var time: Int64
        var key: String
    }

    private var times: [String: Int64] = [:]
    /// Binary heap, earliest first. An entry may be out of date; `times` decides.
    private var heap: [Entry] = []

    var count: Int { times.count }

    /// When to look again; `nil` if nothing expires.
    var nextTime: Int64? { heap.first?.time }

    /// Sets or, with `nil`, clears the time at which `key` expires.
    mutating func set(_ key: String, to time: Int64?) {
        guard let time else {
            if !times.isEmpty { times[key] = nil }
            return
        }
        let earlier = times.updateValue(time, forKey: key)
        // A renewal keeps the queued entry: it moves on when it comes up. So the heap does not grow with renewals.
        if let earlier, earlier <= time { return }
        push(Entry(time: time, key: key))
    }

    subscript(key: String) -> Int64? { times[key] }

    /// Up to `max` keys whose time has come. They stay set until `set(_:to: nil)` and come again if that never happens.
    mutating func due(at now: Int64, max: Int) -> [String] {
        var keys: [String] = []
        while keys.count < max, let first = heap.first, first.time <= now {
            popFirst()
            guard let time = times[first.key] else { continue }
            if time <= now {
                keys.append(first.key)
                push(Entry(time: now + Self.retryMilliseconds, key: first.key))
            } else {
                push(Entry(time: time, key: first.key))
            }
        }
        return keys
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].time < heap[(child - 1) / 2].time {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func popFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].time < heap[least].time {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

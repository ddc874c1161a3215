internal import Synchronization

/// Counts and times of requests, for `/metrics`.
final class RequestMetrics: Sendable {
    struct Label: Hashable, Sendable {
        var verb = ""
        var group = ""
        var version = ""
        var resource = ""
        var subresource = ""
        var code = 0
    }

    struct Series: Sendable {
        var count = 0
        var seconds = 0.0
        var buckets = [Int](repeating: 0, count: RequestMetrics.bounds.count)
    }

    /// Upper bounds of the duration histogram, seconds: upstream's, thinned out.
    static let bounds: [Double] = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 8, 15, 30, 60]
    /// Requests with more label combinations than this are counted together.
    static let seriesMax = 4096

    private let inFlightCount = Atomic<Int>(0)
    private let table = Mutex<[Label: Series]>([:])

    var inFlight: Int { inFlightCount.load(ordering: .relaxed) }
    var series: [Label: Series] { table.withLock { $0 } }

    func begin() { inFlightCount.add(1, ordering: .relaxed) }

    func end(_ label: Label, _ duration: Duration) {
        inFlightCount.subtract(1, ordering: .relaxed)
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        table.withLock { table in
            let label = table[label] == nil && table.count >= Self.seriesMax ? Label(verb: "other") : label
            table[label, default: Series()].record(seconds)
        }
    }
}

extension RequestMetrics.Series {
    fileprivate mutating func record(_ value: Double) {
        count += 1
        seconds += value
        for (index, bound) in RequestMetrics.bounds.enumerated() where value <= bound { buckets[index] += 1 }
    }
}

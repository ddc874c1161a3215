internal import Synchronization
internal import Transport

/// How long to go on: so many operations, or so many seconds.
enum Extent: Sendable {
    case operations(Int)
    case seconds(Double)
}

/// Several clients that send one request after the other.
struct Load: Sendable {
    let api: API
    let clients: Int
    let extent: Extent

    /// Runs `request(i)` for i = 0, 1, … and gives rate, latencies, and what they cost the server.
    func run(
        _ cluster: ClusterUnderTest, _ request: @escaping @Sendable (Int) -> HTTPClientRequest
    ) async throws -> Figure {
        let counters = Counters()
        let meter = try cluster.meter()
        let begin = ContinuousClock.now
        let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for _ in 0..<clients {
                group.addTask {
                    var own: [Duration] = []
                    while true {
                        let index = counters.started.wrappingAdd(1, ordering: .relaxed).oldValue
                        if isOver(index, begin) { return own }
                        let sent = ContinuousClock.now
                        let size = try await api.drop(request(index))
                        own.append(ContinuousClock.now - sent)
                        counters.bytes.wrappingAdd(size, ordering: .relaxed)
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let wall = (ContinuousClock.now - begin).seconds
        let use = try meter.stop()
        let count = Double(max(1, latencies.count))
        var figure = Figure([
            "clients": Double(clients), "operations": count, "ops_per_s": count / wall,
        ])
        figure.numbers += Latencies(latencies).numbers
        figure.numbers +=
            Figure([
                "bytes_per_op": Double(counters.bytes.load(ordering: .relaxed)) / count,
                "server_cpu_ms_per_op": use.cpuSeconds * 1000 / count,
                "client_cpu_ms_per_op": use.clientCPUSeconds * 1000 / count, "server_peak_rss_mib": use.peakMiB,
            ]).numbers
        return figure
    }

    private func isOver(_ index: Int, _ begin: ContinuousClock.Instant) -> Bool {
        switch extent {
        case .operations(let count): index >= count
        case .seconds(let seconds): (ContinuousClock.now - begin).seconds >= seconds
        }
    }
}

private final class Counters: Sendable {
    let started = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
}

/// Order statistics of some times.
struct Latencies {
    private let sorted: [Duration]

    init(_ durations: [Duration]) {
        sorted = durations.sorted()
    }

    func milliseconds(_ fraction: Double) -> Double {
        guard !sorted.isEmpty else { return 0 }
        return sorted[Int((Double(sorted.count - 1) * fraction).rounded())].seconds * 1000
    }

    var numbers: [(name: String, value: Double)] {
        [("p50_ms", milliseconds(0.5)), ("p99_ms", milliseconds(0.99)), ("max_ms", milliseconds(1))]
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
    var milliseconds: Double { seconds * 1000 }
}

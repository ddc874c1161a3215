internal import APIMachinery
internal import Synchronization
internal import Transport

/// How fast a change reaches everyone who watches.
struct WatchFigures {
    private static let watchers = 100
    private static let creates = 500

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int

    func measure(into report: inout Report) async throws {
        var figures: [Figure] = []
        for run in 0..<runs { figures.append(try await fanOut("bench-watch-\(run)")) }
        try report.add("api", "watch_fanout_\(Self.watchers)x\(Self.creates)", figures)
    }

    private func fanOut(_ namespace: String) async throws -> Figure {
        try await api.makeNamespace(namespace)
        let target = "/api/v1/namespaces/\(namespace)/configmaps"
        let list = try await api.value(.get(target))
        let revision = list[path: "metadata", "resourceVersion"]?.string ?? "0"
        let watch = target + "?watch=true&allowWatchBookmarks=true&resourceVersion=\(revision)"
        let sent = SendTimes(count: Self.creates)
        let streams = try await openAll(watch)
        let requests = (0..<Self.creates).map {
            HTTPClientRequest.post(target, Objects.configMap(namespace, Objects.name("ev", $0), isSmall: true))
        }
        let api = api
        let cluster = cluster
        let meter = try cluster.meter()
        let begin = ContinuousClock.now
        let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for stream in streams {
                group.addTask { try await Self.receive(stream, sent) }
            }
            group.addTask {
                let load = Load(api: api, clients: 16, extent: .operations(Self.creates))
                _ = try await load.run(cluster) { index in
                    sent.note(index)
                    return requests[index]
                }
                return []
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let wall = (ContinuousClock.now - begin).seconds
        let use = try meter.stop()
        let delivered = Double(latencies.count)
        var figure = Figure([
            "watchers": Double(Self.watchers), "creates": Double(Self.creates), "delivered": delivered,
        ])
        figure.numbers += Latencies(latencies).numbers
        figure.numbers +=
            Figure([
                "total_ms": wall * 1000, "delivered_per_s": delivered / wall,
                "server_cpu_ms_per_create": use.cpuSeconds * 1000 / Double(Self.creates),
                "client_cpu_s": use.clientCPUSeconds, "server_peak_rss_mib": use.peakMiB,
            ]).numbers
        try await api.deleteNamespace(namespace)
        return figure
    }

    private func openAll(_ target: String) async throws -> [HTTPStreamingReply] {
        var streams: [HTTPStreamingReply] = []
        for _ in 0..<Self.watchers {
            let stream = try await api.stream(target)
            guard stream.status == 200 else { throw BenchmarkError(description: "watch: \(stream.status)") }
            streams.append(stream)
        }
        return streams
    }

    /// Reads until every creation was seen. Looks for names alone: decoding would measure the client.
    private static func receive(_ stream: HTTPStreamingReply, _ sent: SendTimes) async throws -> [Duration] {
        var latencies: [Duration] = []
        latencies.reserveCapacity(creates)
        var partial: [UInt8] = []
        let newline = UInt8(ascii: "\n")
        for try await chunk in stream.body {
            let now = ContinuousClock.now
            var start = chunk.startIndex
            while let end = chunk[start...].firstIndex(of: newline) {
                partial += chunk[start..<end]
                if let index = createdIndex(partial) { latencies.append(now - sent.instant(index)) }
                partial.removeAll(keepingCapacity: true)
                start = end + 1
            }
            partial += chunk[start...]
            if latencies.count == creates { break }
        }
        guard latencies.count == creates else {
            throw BenchmarkError(description: "a watch ended after \(latencies.count) of \(creates) events")
        }
        return latencies
    }

    private static let marker = Array(#""name":"ev-"#.utf8)

    /// The number in the object's name, if the line is about an object that was created.
    private static func createdIndex(_ line: [UInt8]) -> Int? {
        guard line.starts(with: Array(#"{"type":"ADDED""#.utf8)) else { return nil }
        return line.withUnsafeBufferPointer { line in
            marker.withUnsafeBufferPointer { marker in
                for start in 0..<max(0, line.count - marker.count - 6)
                where line[start] == marker[0] && line[start...].starts(with: marker) {
                    let digits = start + marker.count
                    return Int(String(decoding: line[digits..<digits + 6], as: UTF8.self))
                }
                return nil
            }
        }
    }
}

/// When each creation was sent.
private final class SendTimes: Sendable {
    private let instants: Mutex<[ContinuousClock.Instant]>

    init(count: Int) {
        instants = Mutex(Array(repeating: ContinuousClock.now, count: count))
    }

    func note(_ index: Int) {
        let now = ContinuousClock.now
        instants.withLock { $0[index] = now }
    }

    func instant(_ index: Int) -> ContinuousClock.Instant { instants.withLock { $0[index] } }
}

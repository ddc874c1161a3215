internal import APIMachinery
internal import Glibc
internal import Synchronization
internal import Transport

/// Five hundred probes of one node: how exactly they come, and what they cost.
///
/// They ask a server of the benchmark's own (`httpGet` may name any host), which notes when each one came.
struct ProbeFigures {
    private static let pods = 25
    private static let containersPerPod = 10
    private static let periodSeconds = 10
    private static let settleSeconds = 25

    let cluster: ClusterUnderTest
    let api: API
    /// Over how long they are watched.
    let seconds: Int

    func measure(into report: inout Report) async throws {
        let image = try await cluster.pauseImage()
        let arrivals = ProbeArrivals()
        let server = HTTPServer(.init(host: "127.0.0.1", port: 0, handler: arrivals))
        try await server.start()
        guard let port = server.boundPort else { throw BenchmarkError(description: "no port for the probes' server") }
        let namespace = "bench-probes"
        try await api.makeNamespace(namespace)
        let target = "/api/v1/namespaces/\(namespace)/pods"
        let names = (0..<Self.pods).map { Objects.name("p", $0) }
        try await EventLog.following(target, api) { log in
            try await api.forEach(names) { name in
                .post(
                    target,
                    Objects.probedPod(
                        namespace, name, image: image, containers: Self.containersPerPod, port: port,
                        periodSeconds: Self.periodSeconds))
            }
            try await log.waitUntilReady(names)
        }
        try await Task.sleep(for: .seconds(Self.settleSeconds))
        let meter = try cluster.meter()
        arrivals.forget()
        try await Task.sleep(for: .seconds(seconds))
        let seen = arrivals.taken
        let use = try meter.stop()
        let late = Self.deviations(seen)
        let period = Double(Self.periodSeconds)
        try report.add(
            "node", "probes_\(Self.pods * Self.containersPerPod * 2)_every_\(Self.periodSeconds)_s",
            [
                Figure([
                    "seconds": Double(seconds), "probes": Double(seen.count),
                    "probes_per_s": Double(seen.values.reduce(0) { $0 + $1.count }) / Double(seconds),
                    "expected_per_s": Double(seen.count) / period,
                    "off_by_p50_ms": late.milliseconds(0.5), "off_by_p99_ms": late.milliseconds(0.99),
                    "off_by_max_ms": late.milliseconds(1),
                    "skiff_cpu_percent_of_a_core": use.cpuSeconds * 100 / Double(seconds),
                ])
            ])
        await server.shutdown()
        try await api.deleteNamespace(namespace)
    }

    /// How far each arrival is from a whole number of periods after the first of its probe.
    private static func deviations(_ arrivals: [String: [ContinuousClock.Instant]]) -> Latencies {
        var found: [Duration] = []
        for times in arrivals.values {
            guard let first = times.first else { continue }
            for time in times.dropFirst() {
                let elapsed = (time - first).milliseconds
                let period = Double(periodSeconds) * 1000
                let off = abs(elapsed - (elapsed / period).rounded() * period)
                found.append(.microseconds(Int64(off * 1000)))
            }
        }
        return Latencies(found)
    }
}

/// Answers 200 to everything, and notes when each path was asked for.
private final class ProbeArrivals: HTTPHandler {
    private let times = Mutex<[String: [ContinuousClock.Instant]]>([:])

    var taken: [String: [ContinuousClock.Instant]] { times.withLock { $0 } }

    func forget() { times.withLock { $0 = [:] } }

    func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        let now = ContinuousClock.now
        times.withLock { $0[request.path, default: []].append(now) }
        responder.respond(status: 200, headers: ["Content-Type": "text/plain"], body: .bytes(Array("ok".utf8)))
    }
}

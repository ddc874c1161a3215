internal import APIMachinery
internal import Glibc
internal import Transport

/// What the node agent costs: ending many pods at once, and standing by with many that run.
struct NodeFigures {
    private static let deleted = 20
    private static let standing = 100
    private static let settleSeconds = 20

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int
    let idleSeconds: Int

    func measure(into report: inout Report) async throws {
        let image = try await cluster.pauseImage()
        var deletes: [Figure] = []
        for run in 0..<runs { deletes.append(try await deleteAtOnce("bench-poddel-\(run)", image)) }
        try report.add("node", "delete_\(Self.deleted)_pods_grace_0", deletes)
        try report.add("node", "standing_\(Self.standing)_pods", [try await stand("bench-stand", image)])
    }

    /// From the first delete with grace 0 until the watch has shown every pod go, and until containerd has none left.
    private func deleteAtOnce(_ namespace: String, _ image: String) async throws -> Figure {
        try await api.makeNamespace(namespace)
        let target = "/api/v1/namespaces/\(namespace)/pods"
        let names = (0..<Self.deleted).map { Objects.name("p", $0) }
        let figure = try await EventLog.following(target, api) { log in
            try await start(names, in: namespace, image, log)
            let meter = try cluster.meter()
            let from = log.count
            guard try cluster.shims().count >= names.count else { throw BenchmarkError(description: "too few shims") }
            let begin = ContinuousClock.now
            try await api.forEach(names) { name in
                HTTPClientRequest(method: "DELETE", target: "\(target)/\(name)?gracePeriodSeconds=0")
            }
            var left = Set(names)
            let last = try await log.first("\(names.count) pods are gone", from: from) { event in
                if event.type == "DELETED" { left.remove(event.name) }
                return left.isEmpty
            }
            let gone = last.at - begin
            while try !cluster.shims().isEmpty { try await Task.sleep(for: .milliseconds(10)) }
            let use = try meter.stop()
            return Figure([
                "objects_gone_ms": gone.milliseconds, "processes_gone_ms": (ContinuousClock.now - begin).milliseconds,
                "server_cpu_ms_per_pod": use.cpuSeconds * 1000 / Double(names.count),
            ])
        }
        try await api.deleteNamespace(namespace)
        return figure
    }

    /// Memory and CPU of Skiff with pods that do nothing.
    private func stand(_ namespace: String, _ image: String) async throws -> Figure {
        let server = try cluster.serverPID()
        let runtime = try ProcessFacts.processes(mentioning: cluster.dataDirectory)
            .filter { $0.name == "containerd" }.map(\.pid)
        let before = try ProcessFacts.statusMiB(of: server, "VmRSS")
        try await api.makeNamespace(namespace)
        let target = "/api/v1/namespaces/\(namespace)/pods"
        let names = (0..<Self.standing).map { Objects.name("p", $0) }
        let begin = ContinuousClock.now
        try await EventLog.following(target, api) { try await start(names, in: namespace, image, $0) }
        let started = ContinuousClock.now - begin
        try await Task.sleep(for: .seconds(Self.settleSeconds))
        let resident = try ProcessFacts.statusMiB(of: server, "VmRSS")
        let cpu = (
            try ProcessFacts.cpuSeconds(of: server), try runtime.reduce(0) { try $0 + ProcessFacts.cpuSeconds(of: $1) }
        )
        try await Task.sleep(for: .seconds(idleSeconds))
        let percent = 100 / Double(idleSeconds)
        let figure = Figure([
            "all_ready_ms": started.milliseconds, "skiff_rss_mib": resident,
            "skiff_rss_mib_per_pod": (resident - before) / Double(names.count),
            "skiff_cpu_percent_of_a_core": (try ProcessFacts.cpuSeconds(of: server) - cpu.0) * percent,
            "containerd_cpu_percent_of_a_core":
                (try runtime.reduce(0) { try $0 + ProcessFacts.cpuSeconds(of: $1) } - cpu.1) * percent,
        ])
        try await api.deleteNamespace(namespace)
        return figure
    }

    private func start(_ names: [String], in namespace: String, _ image: String, _ log: EventLog) async throws {
        let target = "/api/v1/namespaces/\(namespace)/pods"
        try await api.forEach(names) { .post(target, Objects.pod(namespace, $0, image: image)) }
        try await log.waitUntilReady(names)
    }
}

extension API {
    /// Sends one request for each name, all at once.
    func forEach(_ names: [String], _ request: @Sendable (String) -> HTTPClientRequest) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in names {
                let request = request(name)
                group.addTask { try await self.value(request) }
            }
            try await group.waitForAll()
        }
    }
}

extension EventLog {
    /// Waits until the watch has shown each of the pods Ready.
    func waitUntilReady(_ names: [String]) async throws {
        var waiting = Set(names)
        try await first("\(names.count) pods are Ready", from: 0, seconds: 300) { event in
            if event.isReadyPod { waiting.remove(event.name) }
            return waiting.isEmpty
        }
    }
}

internal import Glibc

/// What an idle cluster with one node and no pods uses.
struct IdleFigures {
    /// What a start leaves to do is done after this.
    private static let settleSeconds = 10

    let cluster: ClusterUnderTest
    let seconds: Int

    func measure(into report: inout Report) async throws {
        try await Task.sleep(for: .seconds(Self.settleSeconds))
        let server = try cluster.serverPID()
        // containerd is started with its configuration below the data directory. Nothing else of ours should run.
        let others = try ProcessFacts.processes(mentioning: cluster.dataDirectory).filter { $0.pid != server }
        let runtime = others.filter { $0.name.hasPrefix("containerd") }.map(\.pid)
        let skiff = [server] + others.filter { !$0.name.hasPrefix("containerd") }.map(\.pid)
        let before = (try cpu(skiff), try cpu(runtime), try writtenBytes(server))
        try await Task.sleep(for: .seconds(seconds))
        let percent = 100 / Double(seconds)
        let figure = Figure([
            "seconds": Double(seconds), "skiff_processes": Double(skiff.count), "skiff_rss_mib": try resident(skiff),
            "skiff_anonymous_rss_mib": try skiff.reduce(0) { try $0 + ProcessFacts.statusMiB(of: $1, "RssAnon") },
            "skiff_cpu_percent_of_a_core": (try cpu(skiff) - before.0) * percent,
            "skiff_disk_writes_kib": Double(try writtenBytes(server) - before.2) / 1024,
            "containerd_rss_mib": try resident(runtime),
            "containerd_cpu_percent_of_a_core": (try cpu(runtime) - before.1) * percent,
        ])
        try report.add("idle", "one_node_no_pods", [figure])
    }

    private func cpu(_ pids: [pid_t]) throws -> Double {
        try pids.reduce(0) { try $0 + ProcessFacts.cpuSeconds(of: $1) }
    }

    private func resident(_ pids: [pid_t]) throws -> Double {
        try pids.reduce(0) { try $0 + ProcessFacts.statusMiB(of: $1, "VmRSS") }
    }

    private func writtenBytes(_ pid: pid_t) throws -> Int {
        let lines = try SmallFile.read("/proc/\(pid)/io").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("write_bytes:") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }
}

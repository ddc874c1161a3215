internal import Glibc
internal import Transport

/// From the start of a process to an API that is ready, and from `skiff up` to a Ready node.
struct StartFigures {
    let cluster: ClusterUnderTest
    let runs: Int

    /// Leaves the cluster running.
    func measure(into report: inout Report) async throws {
        var empty: [Figure] = []
        var existing: [Figure] = []
        for run in 0..<runs {
            let directory = cluster.dataDirectory + "-server-\(run)"
            empty.append(try await ready(directory))
            existing.append(try await ready(directory))
            try await cluster.delete(dataDirectory: directory)
        }
        try report.add("start", "process_to_readyz_empty_data", empty)
        try report.add("start", "process_to_readyz_existing_data", existing)

        empty = []
        existing = []
        for run in 0..<runs {
            if run > 0 { try await cluster.delete() }
            empty.append(try await timed { try await cluster.up() })
        }
        for _ in 0..<runs {
            try await cluster.down()
            existing.append(try await timed { try await cluster.up() })
        }
        try report.add("start", "up_to_node_ready_empty_data", empty)
        try report.add("start", "up_to_node_ready_existing_data", existing)
    }

    private func timed(_ body: () async throws -> Void) async throws -> Figure {
        let begin = ContinuousClock.now
        try await body()
        return Figure(["ms": (ContinuousClock.now - begin).milliseconds])
    }

    /// Starts a server and asks until it says that it is ready.
    private func ready(_ directory: String) async throws -> Figure {
        // The CA does not exist before the first start, and is not what is measured.
        let tls = try TLSClientContext(serverCAsPEM: nil, isVerified: false)
        var configuration = HTTPClient.Configuration(address: .tcp(host: "127.0.0.1", port: cluster.port), tls: tls)
        configuration.idleConnectionsMax = 0
        configuration.responseTimeout = nil
        // The server tries its port before it uses it: a connection caught in between would wait a second to try again.
        configuration.connectTimeout = .milliseconds(50)
        let http = HTTPClient(configuration)
        defer { http.shutdown() }
        let begin = ContinuousClock.now
        let pid = try cluster.startServer(dataDirectory: directory)
        while true {
            if let reply = try? await http.send(HTTPClientRequest(target: "/readyz")), reply.status == 200 { break }
            guard ContinuousClock.now - begin < .seconds(60) else {
                throw BenchmarkError(description: "the server is not ready after 60 s")
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        let duration = ContinuousClock.now - begin
        let resident = try ProcessFacts.statusMiB(of: pid, "VmRSS")
        kill(pid, SIGTERM)
        try await Program.end(of: pid)
        return Figure(["ms": duration.milliseconds, "server_rss_mib": resident])
    }
}

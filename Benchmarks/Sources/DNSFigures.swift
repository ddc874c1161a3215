internal import APIMachinery
internal import Glibc

/// What the cluster's DNS bears, and how soon it knows a new Service. The answers measured are known to the server, as
/// almost all are in a cluster; the first query of each name fills what it keeps.
struct DNSFigures {
    private static let namespace = "bench-dns"
    private static let services = 100
    private static let seconds = 4
    /// Questions without an answer yet, when as many as possible are asked.
    private static let outstanding = 64

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int

    func measure(into report: inout Report) async throws {
        try await api.makeNamespace(Self.namespace)
        var known: [String: String] = [:]
        var latencies: [Duration] = []
        let client = try DNSClient(server: cluster.dnsAddress)
        for index in 0..<Self.services {
            let name = Objects.name("s", index)
            let began = ContinuousClock.now
            let created = try await api.value(.post("/api/v1/namespaces/\(Self.namespace)/services", service(name)))
            guard let address = created["spec"]?["clusterIP"]?.string else {
                throw BenchmarkError(description: "the Service has no address")
            }
            while try client.address(of: domain(name)) != address {
                guard ContinuousClock.now - began < .seconds(10) else {
                    throw BenchmarkError(description: "\(domain(name)) has no address")
                }
            }
            latencies.append(ContinuousClock.now - began)
            known[domain(name)] = address
        }
        var answered = Figure(["services": Double(Self.services)])
        answered.numbers += Latencies(latencies).numbers
        try report.add("dns", "new_service_answered", [answered])
        let names = known.keys.sorted()
        var most: [Figure] = []
        var steady: [Figure] = []
        for _ in 0..<runs {
            most.append(try await flood(client, names, rate: nil))
            steady.append(try await flood(client, names, rate: 10_000))
        }
        try report.add("dns", "known_names_as_fast_as_possible", most)
        try report.add("dns", "known_names_10000_per_s", steady)
        try await api.deleteNamespace(Self.namespace)
    }

    private func flood(_ client: borrowing DNSClient, _ names: [String], rate: Int?) async throws -> Figure {
        let meter = try cluster.meter()
        let load = try client.ask(names, for: .seconds(Self.seconds), outstanding: Self.outstanding, rate: rate)
        let use = try meter.stop()
        let answers = Double(load.latencies.count)
        var figure = Figure([
            "queries_per_s": answers / load.duration.milliseconds * 1000,
            "queries_per_s_of_server_core": answers / use.cpuSeconds, "lost": Double(load.lost),
        ])
        figure.numbers += Latencies(load.latencies).numbers
        figure.numbers.append(("server_peak_rss_mib", use.peakMiB))
        return figure
    }

    private func domain(_ name: String) -> String { "\(name).\(Self.namespace).svc.cluster.local" }

    private func service(_ name: String) -> [UInt8] {
        let object: Value = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)],
            "spec": ["ports": [["port": 80]]],
        ]
        return object.jsonBytes()
    }
}

internal import Transport

/// From the creation of a pod whose image is present to its being Ready.
struct PodFigures {
    private static let pods = 20

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int

    func measure(into report: inout Report) async throws {
        let image = try await cluster.pauseImage()
        var sequential: [Figure] = []
        var burst: [Figure] = []
        for run in 0..<runs {
            sequential.append(try await oneAtATime("bench-podseq-\(run)", image))
            burst.append(try await allAtOnce("bench-podburst-\(run)", image))
        }
        try report.add("pods", "pod_start_sequential_\(Self.pods)", sequential)
        try report.add("pods", "pod_start_burst_\(Self.pods)", burst)
    }

    private func oneAtATime(_ namespace: String, _ image: String) async throws -> Figure {
        try await api.makeNamespace(namespace)
        let target = "/api/v1/namespaces/\(namespace)/pods"
        let meter = try cluster.meter()
        let (ready, gone) = try await EventLog.following(target, api) { log in
            var ready: [Duration] = []
            var gone: [Duration] = []
            for index in 0..<Self.pods {
                let name = Objects.name("p", index)
                let start = log.count
                let created = ContinuousClock.now
                try await api.value(.post(target, Objects.pod(namespace, name, image: image)))
                let event = try await log.first("\(name) is Ready", from: start) { $0.name == name && $0.isReadyPod }
                ready.append(event.at - created)
                let deleted = ContinuousClock.now
                try await api.value(HTTPClientRequest(method: "DELETE", target: target + "/" + name))
                let end = try await log.first("\(name) is gone", from: start) {
                    $0.name == name && $0.type == "DELETED"
                }
                gone.append(end.at - deleted)
            }
            return (ready, gone)
        }
        let use = try meter.stop()
        var figure = Figure(["pods": Double(Self.pods)])
        figure.numbers += Latencies(ready).numbers
        figure.numbers +=
            Figure([
                "delete_to_gone_p50_ms": Latencies(gone).milliseconds(0.5),
                "server_cpu_ms_per_pod": use.cpuSeconds * 1000 / Double(Self.pods), "server_peak_rss_mib": use.peakMiB,
            ]).numbers
        try await api.deleteNamespace(namespace)
        return figure
    }

    private func allAtOnce(_ namespace: String, _ image: String) async throws -> Figure {
        try await api.makeNamespace(namespace)
        let target = "/api/v1/namespaces/\(namespace)/pods"
        let names = (0..<Self.pods).map { Objects.name("p", $0) }
        let meter = try cluster.meter()
        let ready = try await EventLog.following(target, api) { log in
            let api = api
            let begin = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in names {
                    group.addTask { try await api.value(.post(target, Objects.pod(namespace, name, image: image))) }
                }
                try await group.waitForAll()
            }
            var ready: [String: Duration] = [:]
            try await log.first("\(names.count) pods are Ready", from: 0) { event in
                if event.isReadyPod, ready[event.name] == nil { ready[event.name] = event.at - begin }
                return ready.count == names.count
            }
            return Array(ready.values)
        }
        let use = try meter.stop()
        var figure = Figure(["pods": Double(Self.pods)])
        figure.numbers += Latencies(ready).numbers
        figure.numbers +=
            Figure([
                "server_cpu_ms_per_pod": use.cpuSeconds * 1000 / Double(Self.pods), "server_peak_rss_mib": use.peakMiB,
            ]).numbers
        try await api.deleteNamespace(namespace)
        return figure
    }
}

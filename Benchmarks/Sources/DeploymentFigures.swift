internal import APIMachinery
internal import Transport

/// A Deployment of ten: until it is available, through a rolling update, and until a deleted pod is replaced.
struct DeploymentFigures {
    private static let replicas = 10
    private static let replacements = 5

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int

    func measure(into report: inout Report) async throws {
        let image = try await cluster.pauseImage()
        var available: [Figure] = []
        var updated: [Figure] = []
        var replaced: [Figure] = []
        for run in 0..<runs {
            let namespace = "bench-deploy-\(run)"
            try await api.makeNamespace(namespace)
            let collection = "/apis/apps/v1/namespaces/\(namespace)/deployments"
            try await EventLog.following(collection, api) { log in
                let first = Objects.deployment(namespace, replicas: Self.replicas, revision: 1, image: image)
                available.append(try await rollOut(.post(collection, first), log))
                let patch: Value = ["spec": ["template": ["metadata": ["annotations": ["rev": "2"]]]]]
                updated.append(
                    try await rollOut(
                        .patch(
                            collection + "/web", type: "application/strategic-merge-patch+json", patch.jsonBytes()), log
                    ))
            }
            // The old pods end meanwhile.
            try await Task.sleep(for: .seconds(4))
            replaced.append(try await replace(namespace))
            try await api.deleteNamespace(namespace)
        }
        try report.add("pods", "deployment_available_\(Self.replicas)", available)
        try report.add("pods", "deployment_rolling_update_\(Self.replicas)", updated)
        try report.add("pods", "replace_deleted_pod", replaced)
    }

    /// Until what `kubectl rollout status` waits for.
    private func rollOut(_ request: HTTPClientRequest, _ log: EventLog) async throws -> Figure {
        let start = log.count
        let meter = try cluster.meter()
        let begin = ContinuousClock.now
        let deployment = try await api.value(request)
        let generation = deployment[path: "metadata", "generation"]?.int ?? 1
        let wanted = Int64(Self.replicas)
        let event = try await log.first("the Deployment is available", from: start) { event in
            guard let status = event.object["status"], status["observedGeneration"]?.int ?? 0 >= generation else {
                return false
            }
            return ["replicas", "updatedReplicas", "availableReplicas"].allSatisfy { status[$0]?.int == wanted }
        }
        let use = try meter.stop()
        return Figure([
            "ms": (event.at - begin).milliseconds, "server_cpu_ms": use.cpuSeconds * 1000,
            "server_peak_rss_mib": use.peakMiB,
        ])
    }

    /// From the deletion of a pod to a new one that is Ready.
    private func replace(_ namespace: String) async throws -> Figure {
        let target = "/api/v1/namespaces/\(namespace)/pods"
        let durations = try await EventLog.following(target, api) { log in
            var durations: [Duration] = []
            for _ in 0..<Self.replacements {
                let pods = try await api.value(.get(target))["items"]?.array ?? []
                let alive = pods.filter { $0[path: "metadata", "deletionTimestamp"] == nil }
                let known = Set(pods.compactMap { $0[path: "metadata", "name"]?.string })
                guard let victim = alive.first?[path: "metadata", "name"]?.string else {
                    throw BenchmarkError(description: "no pod to delete in \(namespace)")
                }
                let start = log.count
                let begin = ContinuousClock.now
                try await api.value(HTTPClientRequest(method: "DELETE", target: target + "/" + victim))
                let event = try await log.first("\(victim) is replaced", from: start) {
                    !known.contains($0.name) && $0.isReadyPod
                }
                durations.append(event.at - begin)
                try await Task.sleep(for: .seconds(3))
            }
            return durations
        }
        let latencies = Latencies(durations)
        return Figure(["p50_ms": latencies.milliseconds(0.5), "max_ms": latencies.milliseconds(1)])
    }
}

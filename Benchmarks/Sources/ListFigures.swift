internal import Transport

/// Listing ten thousand pods.
struct ListFigures {
    private static let sequentialLists = 15
    private static let parallelSeconds = 8.0

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int
    let pods: Int

    func measure(into report: inout Report) async throws {
        let namespace = "bench-pods"
        try await api.makeNamespace(namespace)
        let target = "/api/v1/namespaces/\(namespace)/pods"
        let create = Load(api: api, clients: 16, extent: .operations(pods))
        let created = try await create.run(cluster) {
            .post(target, Objects.listedPod(namespace, Objects.name("pod", $0)))
        }
        try report.add("api", "create_pods_\(pods)_c16", [created])
        try await Task.sleep(for: .seconds(2))
        let variants = [
            ("c1", 1, Extent.operations(Self.sequentialLists), ""),
            ("c1_limit500", 1, .operations(Self.sequentialLists), "?limit=500"),
            (
                "c1_labelselect1", 1, .operations(Self.sequentialLists),
                "?labelSelector=idx%3D" + Objects.name("pod", 500)
            ),
            ("c4", 4, .seconds(Self.parallelSeconds), ""),
        ]
        for (name, clients, extent, query) in variants {
            var figures: [Figure] = []
            for _ in 0..<runs {
                let load = Load(api: api, clients: clients, extent: extent)
                figures.append(try await load.run(cluster) { _ in .get(target + query) })
            }
            try report.add("api", "list_pods_\(pods)_\(name)", figures)
        }
        try await api.value(HTTPClientRequest(method: "DELETE", target: target + "?gracePeriodSeconds=0"))
        try await api.deleteNamespace(namespace)
    }
}

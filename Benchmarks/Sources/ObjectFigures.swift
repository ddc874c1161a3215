internal import Transport

/// Creating, reading and patching single objects.
struct ObjectFigures {
    private static let maps = 2000
    private static let deployments = 1000
    private static let readSeconds = 4.0

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int

    func measure(into report: inout Report) async throws {
        for clients in [1, 16, 64] { try await create(clients, &report) }
        try await read(&report)
        try await patch(&report)
    }

    private func create(_ clients: Int, _ report: inout Report) async throws {
        var figures: [Figure] = []
        for run in 0..<runs {
            let namespace = "bench-create-\(clients)-\(run)"
            try await api.makeNamespace(namespace)
            figures.append(try await fill(namespace, clients))
            try await api.deleteNamespace(namespace)
        }
        try report.add("api", "create_configmap_c\(clients)", figures)
    }

    /// Creates the ConfigMaps of a namespace.
    private func fill(_ namespace: String, _ clients: Int) async throws -> Figure {
        let target = "/api/v1/namespaces/\(namespace)/configmaps"
        let requests = (0..<Self.maps).map {
            HTTPClientRequest.post(target, Objects.configMap(namespace, Objects.name("cm", $0)))
        }
        return try await Load(api: api, clients: clients, extent: .operations(Self.maps)).run(cluster) { requests[$0] }
    }

    private func read(_ report: inout Report) async throws {
        let namespace = "bench-get"
        try await api.makeNamespace(namespace)
        _ = try await fill(namespace, 16)
        // A stride that has no factor in common with the count visits them all, never two neighbours in a row.
        let requests = (0..<Self.maps).map {
            HTTPClientRequest.get(
                "/api/v1/namespaces/\(namespace)/configmaps/\(Objects.name("cm", $0 * 7919 % Self.maps))")
        }
        for clients in [1, 16] {
            var figures: [Figure] = []
            for _ in 0..<runs {
                let load = Load(api: api, clients: clients, extent: .seconds(Self.readSeconds))
                figures.append(try await load.run(cluster) { requests[$0 % requests.count] })
            }
            try report.add("api", "get_configmap_c\(clients)", figures)
        }
        try await api.deleteNamespace(namespace)
    }

    /// Server-side apply that creates, changes and repeats, then strategic merge, on the same Deployments.
    private func patch(_ report: inout Report) async throws {
        var steps: [(name: String, runs: [Figure])] = []
        for run in 0..<runs {
            let namespace = "bench-patch-\(run)"
            try await api.makeNamespace(namespace)
            let collection = "/apis/apps/v1/namespaces/\(namespace)/deployments"
            let names = (0..<Self.deployments).map { Objects.name("obj", $0) }
            let load = Load(api: api, clients: 16, extent: .operations(Self.deployments))
            for (name, revision) in [("ssa_create", 1), ("ssa_change", 2), ("ssa_nochange", 2)] {
                let bodies = names.map { Objects.pausedDeployment(namespace, $0, revision: revision) }
                let figure = try await load.run(cluster) {
                    .patch(
                        "\(collection)/\(names[$0])?fieldManager=bench&force=true",
                        type: "application/apply-patch+yaml",
                        bodies[$0])
                }
                Self.add(figure, "\(name)_deployment_c16", &steps)
            }
            let body = Objects.imagePatch(3)
            let figure = try await load.run(cluster) {
                .patch("\(collection)/\(names[$0])", type: "application/strategic-merge-patch+json", body)
            }
            Self.add(figure, "strategic_merge_patch_deployment_c16", &steps)
            try await api.deleteNamespace(namespace)
        }
        for step in steps { try report.add("api", step.name, step.runs) }
    }

    private static func add(_ figure: Figure, _ name: String, _ steps: inout [(name: String, runs: [Figure])]) {
        if let index = steps.firstIndex(where: { $0.name == name }) {
            steps[index].runs.append(figure)
        } else {
            steps.append((name, [figure]))
        }
    }
}

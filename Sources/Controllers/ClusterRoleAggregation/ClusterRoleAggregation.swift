internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Keeps the rules of ClusterRoles with an `aggregationRule`: all those of the roles that it selects.
struct ClusterRoleAggregation: Reconciler {
    let roles: Lister<ClusterRole>
    let client: Client

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard var role = roles[key], let aggregation = role.aggregationRule else { return .never }
        let wanted = Self.rules(of: aggregation, for: key.name, among: roles.all)
        guard wanted != role.rules else { return .never }
        role.rules = wanted
        try await client.update(role)
        return .never
    }

    /// In the order of the roles' names, each rule once. An unreadable selector selects nothing.
    static func rules(
        of aggregation: AggregationRule, for name: String, among roles: [ClusterRole]
    ) -> [PolicyRule] {
        let selectors = aggregation.clusterRoleSelectors.compactMap { try? LabelRequirements($0) }
        let sorted = roles.sorted { ($0.metadata.name ?? "") < ($1.metadata.name ?? "") }
        var rules: [PolicyRule] = []
        for role in sorted where role.metadata.name != name {
            guard selectors.contains(where: { $0.matches(role.metadata.labels) }) else { continue }
            for rule in role.rules where !rules.contains(rule) { rules.append(rule) }
        }
        return rules
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, workers: Int, logger: Logger
    ) -> ControllerRunner<ClusterRoleAggregation> {
        let roles = informers.informer(for: ClusterRole.self)
        let queue = WorkQueue<ObjectKey>()
        let lister = roles.lister
        // Any role may be part of any aggregate: those are few, so all of them look again.
        roles.addHandler { _ in
            for role in lister.all where role.aggregationRule != nil { queue.add(role.key) }
        }
        return ControllerRunner(
            name: "clusterrole-aggregation-controller",
            reconciler: ClusterRoleAggregation(roles: lister, client: client), queue: queue, workers: workers,
            logger: logger)
    }
}

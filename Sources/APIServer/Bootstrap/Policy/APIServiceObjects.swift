internal import APIMachinery
internal import KubeAPI

/// One APIService for each group-version that this server itself answers.
enum APIServiceObjects {
    /// Upstream's order of the groups: higher comes first.
    private static let priorities: [String: (group: Int64, version: Int64)] = [
        "/v1": (18000, 1), "apps/v1": (17800, 15), "events.k8s.io/v1": (17750, 15),
        "authentication.k8s.io/v1": (17700, 15), "authorization.k8s.io/v1": (17600, 15),
        "autoscaling/v1": (17500, 15), "autoscaling/v2": (17500, 30), "batch/v1": (17400, 15),
        "certificates.k8s.io/v1": (17300, 15), "networking.k8s.io/v1": (17200, 15), "policy/v1": (17100, 15),
        "rbac.authorization.k8s.io/v1": (17000, 15), "storage.k8s.io/v1": (16800, 15),
        "apiextensions.k8s.io/v1": (16700, 15), "admissionregistration.k8s.io/v1": (16700, 15),
        "scheduling.k8s.io/v1": (16600, 15), "coordination.k8s.io/v1": (16500, 15), "node.k8s.io/v1": (16300, 15),
        "discovery.k8s.io/v1": (16200, 15), "resource.k8s.io/v1": (16200, 20),
        "flowcontrol.apiserver.k8s.io/v1": (16100, 21),
    ]

    static func all(_ resources: [ResourceDefinition]) -> [BootstrapObject] {
        var seen: Set<String> = []
        return resources.compactMap { resource in
            // The group of APIServices itself is served by the aggregator and has none.
            guard resource.group != "apiregistration.k8s.io",
                seen.insert(resource.group + "/" + resource.version).inserted
            else { return nil }
            let priority = priorities[resource.group + "/" + resource.version] ?? (15000, 15)
            var spec: Value = [:]
            if !resource.group.isEmpty { spec["group"] = .string(resource.group) }
            spec["version"] = .string(resource.version)
            spec["groupPriorityMinimum"] = .int(priority.group)
            spec["versionPriority"] = .int(priority.version)
            return BootstrapObject(
                path: "/apis/apiregistration.k8s.io/v1/apiservices",
                object: [
                    "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                    "metadata": [
                        "name": .string(resource.version + "." + resource.group),
                        "labels": ["kube-aggregator.kubernetes.io/automanaged": "onstart"],
                    ],
                    "spec": spec,
                ])
        }
    }
}

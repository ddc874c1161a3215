internal import APIMachinery

/// Priority levels and flow schemas of every cluster.
enum FlowControlObjects {
    private static let base = "/apis/flowcontrol.apiserver.k8s.io/v1"
    private static let apiVersion: Value = "flowcontrol.apiserver.k8s.io/v1"
    private static let autoUpdate = "apf.kubernetes.io/autoupdate-spec"

    static var all: [BootstrapObject] { levels + schemas }

    private static func object(_ kind: String, _ plural: String, _ name: String, _ spec: Value) -> BootstrapObject {
        BootstrapObject(
            path: base + "/" + plural,
            object: [
                "apiVersion": apiVersion, "kind": .string(kind),
                "metadata": ["name": .string(name), "annotations": .record([(autoUpdate, .string("true"))])],
                "spec": spec,
            ], reconcile: reconcile)
    }

    /// Brings the spec back, unless an administrator took it over by the annotation.
    private static let reconcile: @Sendable (Value, Value) -> Value? = { stored, wanted in
        let mandatory = ["exempt", "catch-all"].contains(wanted.name)
        guard mandatory || stored.metadata["annotations"]?[autoUpdate]?.string == "true",
            stored["spec"] != wanted["spec"]
        else { return nil }
        var fresh = stored
        fresh["spec"] = wanted["spec"]
        return fresh
    }

    // MARK: Priority levels

    private static var levels: [BootstrapObject] {
        func level(_ name: String, _ spec: Value) -> BootstrapObject {
            object("PriorityLevelConfiguration", "prioritylevelconfigurations", name, spec)
        }
        func limited(_ name: String, _ shares: Int64, lendable: Int64, queues: Int64, hand: Int64) -> BootstrapObject {
            level(
                name,
                [
                    "type": "Limited",
                    "limited": [
                        "nominalConcurrencyShares": .int(shares),
                        "limitResponse": [
                            "type": "Queue",
                            "queuing": ["queues": .int(queues), "handSize": .int(hand), "queueLengthLimit": 50],
                        ],
                        "lendablePercent": .int(lendable),
                    ],
                ])
        }
        return [
            level(
                "exempt", ["type": "Exempt", "exempt": ["nominalConcurrencyShares": 0, "lendablePercent": 0]]),
            level(
                "catch-all",
                [
                    "type": "Limited",
                    "limited": [
                        "nominalConcurrencyShares": 5, "limitResponse": ["type": "Reject"], "lendablePercent": 0,
                    ],
                ]),
            limited("system", 30, lendable: 33, queues: 64, hand: 6),
            limited("node-high", 40, lendable: 25, queues: 64, hand: 6),
            limited("leader-election", 10, lendable: 0, queues: 16, hand: 4),
            limited("workload-high", 40, lendable: 50, queues: 128, hand: 6),
            limited("workload-low", 100, lendable: 90, queues: 128, hand: 6),
            limited("global-default", 20, lendable: 50, queues: 128, hand: 6),
        ]
    }

    // MARK: Flow schemas

    private static func user(_ name: String) -> Value { ["kind": "User", "user": ["name": .string(name)]] }
    private static func group(_ name: String) -> Value { ["kind": "Group", "group": ["name": .string(name)]] }
    private static func account(_ name: String) -> Value {
        ["kind": "ServiceAccount", "serviceAccount": ["namespace": "kube-system", "name": .string(name)]]
    }

    private static func rule(
        _ verbs: [String], _ groups: [String], _ resources: [String], _ namespaces: [String] = ["*"],
        isClusterScoped: Bool = false
    ) -> Value {
        var rule: Value = [
            "verbs": .strings(verbs), "apiGroups": .strings(groups), "resources": .strings(resources),
        ]
        if isClusterScoped { rule["clusterScope"] = true }
        rule["namespaces"] = .strings(namespaces)
        return rule
    }

    private static let anything = [rule(["*"], ["*"], ["*"], isClusterScoped: true)]
    private static let anyPath: [Value] = [["verbs": ["*"], "nonResourceURLs": ["*"]]]

    private static func schema(
        _ name: String, _ level: String, _ precedence: Int64, by distinguisher: String?, _ subjects: [Value],
        resources: [Value] = anything, paths: [Value] = anyPath
    ) -> BootstrapObject {
        var spec: Value = [
            "priorityLevelConfiguration": ["name": .string(level)], "matchingPrecedence": .int(precedence),
        ]
        if let distinguisher { spec["distinguisherMethod"] = ["type": .string(distinguisher)] }
        var rules: Value = ["subjects": .array(subjects)]
        if !resources.isEmpty { rules["resourceRules"] = .array(resources) }
        if !paths.isEmpty { rules["nonResourceRules"] = .array(paths) }
        spec["rules"] = [rules]
        return object("FlowSchema", "flowschemas", name, spec)
    }

    private static var schemas: [BootstrapObject] {
        let known = group("system:authenticated")
        let unknown = group("system:unauthenticated")
        let manager = user("system:kube-controller-manager")
        let scheduler = user("system:kube-scheduler")
        let elect = ["get", "create", "update"]
        let leases = rule(elect, ["coordination.k8s.io"], ["leases"])
        return [
            schema("exempt", "exempt", 1, by: nil, [group("system:masters")]),
            schema("catch-all", "catch-all", 10000, by: "ByUser", [unknown, known]),
            schema("system-nodes", "system", 500, by: "ByUser", [group("system:nodes")]),
            schema(
                "system-node-high", "node-high", 400, by: "ByUser", [group("system:nodes")],
                resources: [
                    rule(["*"], [""], ["nodes", "nodes/status"], isClusterScoped: true),
                    rule(["*"], ["coordination.k8s.io"], ["leases"]),
                ], paths: []),
            schema(
                "probes", "exempt", 2, by: nil, [unknown, known], resources: [],
                paths: [["verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]]]),
            schema(
                "system-leader-election", "leader-election", 100, by: "ByUser", [manager, scheduler, account("*")],
                resources: [rule(elect, [""], ["endpoints", "configmaps"], ["kube-system"]), leases], paths: []),
            schema(
                "workload-leader-election", "leader-election", 200, by: "ByUser", [account("*")],
                resources: [rule(elect, [""], ["endpoints", "configmaps"]), leases], paths: []),
            schema(
                "endpoint-controller", "workload-high", 150, by: "ByUser",
                [manager, account("endpoint-controller"), account("endpointslicemirroring-controller")],
                resources: [rule(elect, [""], ["endpoints"])], paths: []),
            schema("kube-controller-manager", "workload-high", 800, by: "ByNamespace", [manager]),
            schema("kube-scheduler", "workload-high", 800, by: "ByNamespace", [scheduler]),
            schema("kube-system-service-accounts", "workload-high", 900, by: "ByNamespace", [account("*")]),
            schema("service-accounts", "workload-low", 9000, by: "ByUser", [group("system:serviceaccounts")]),
            schema("global-default", "global-default", 9900, by: "ByUser", [unknown, known]),
        ]
    }
}

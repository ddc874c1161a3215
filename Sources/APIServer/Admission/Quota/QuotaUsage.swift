internal import APIMachinery

/// Amounts by the name a quota has for them.
typealias QuotaAmounts = [String: Quantity]

/// How the objects of one resource count towards quotas
/// (https://kubernetes.io/docs/concepts/policy/resource-quotas/).
enum QuotaEvaluator: Sendable {
    case pods, services, claims, resourceClaims
    /// Only their number counts: `count/configmaps` and, for a few old kinds, `configmaps`.
    case objects(ResourceID)

    init(_ resource: ResourceID) {
        switch (resource.group, resource.plural) {
        case ("", "pods"): self = .pods
        case ("", "services"): self = .services
        case ("", "persistentvolumeclaims"): self = .claims
        case ("resource.k8s.io", "resourceclaims"): self = .resourceClaims
        default: self = .objects(resource)
        }
    }

    private static let namedByPlural: Set<String> = [
        "configmaps", "resourcequotas", "replicationcontrollers", "secrets",
    ]
    static let classSuffix = ".storageclass.storage.k8s.io/"
    private static let deviceSuffix = ".deviceclass.resource.k8s.io/devices"
    private static let podNames: Set<String> = [
        "count/pods", "pods", "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory",
        "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
    ]
    private static let serviceNames: Set<String> = [
        "count/services", "services", "services.nodeports", "services.loadbalancers",
    ]

    /// Whether a quota of `name` is about objects of this resource.
    func covers(_ name: String) -> Bool {
        switch self {
        case .pods:
            Self.podNames.contains(name) || name.hasPrefix("hugepages-") || name.hasPrefix("requests.hugepages-")
                || (name.hasPrefix("requests.") && !Self.isNative(name) && !name.contains(Self.classSuffix))
        case .services: Self.serviceNames.contains(name)
        case .claims:
            ["count/persistentvolumeclaims", "persistentvolumeclaims", "requests.storage"].contains(name)
                || name.hasSuffix(Self.classSuffix + "persistentvolumeclaims")
                || name.hasSuffix(Self.classSuffix + "requests.storage")
        case .resourceClaims:
            name == "count/resourceclaims.resource.k8s.io" || name.hasSuffix(Self.deviceSuffix)
        case .objects(let resource):
            name == "count/\(resource)"
                || (resource.group.isEmpty && Self.namedByPlural.contains(name) && resource.plural == name)
        }
    }

    static func isNative(_ name: String) -> Bool { !name.contains("/") || name.contains("kubernetes.io/") }

    /// What `object` counts. `now`: pods past their grace period count no more.
    func usage(of object: Value, now: Time) -> QuotaAmounts {
        switch self {
        case .pods: Self.podUsage(object, now)
        case .services: Self.serviceUsage(object)
        case .claims: Self.claimUsage(object)
        case .resourceClaims: Self.resourceClaimUsage(object)
        case .objects(let resource):
            resource.group.isEmpty && Self.namedByPlural.contains(resource.plural)
                ? ["count/\(resource)": Quantity(1), resource.plural: Quantity(1)]
                : ["count/\(resource)": Quantity(1)]
        }
    }

    // MARK: Pods

    private static func podUsage(_ pod: Value, _ now: Time) -> QuotaAmounts {
        var usage: QuotaAmounts = ["count/pods": Quantity(1)]
        guard isAlive(pod, now) else { return usage }
        let spec = pod["spec"] ?? [:]
        let status = pod["status"] ?? [:]
        let requests = PodResources.total(spec, "requests", withOverhead: true, status: status)
        let limits = PodResources.total(spec, "limits", withOverhead: true, status: status)
        usage.merge(compute(requests: requests, limits: limits)) { $1 }
        return usage
    }

    private static func isAlive(_ pod: Value, _ now: Time) -> Bool {
        if ["Failed", "Succeeded"].contains(pod[path: "status", "phase"]?.string ?? "") { return false }
        guard let deleted = Time(pod.metadata.text("deletionTimestamp")),
            let grace = pod.metadata["deletionGracePeriodSeconds"]?.int
        else { return true }
        return now <= deleted + .seconds(grace)
    }

    static func compute(requests: [String: Quantity], limits: [String: Quantity]) -> QuotaAmounts {
        var usage: QuotaAmounts = ["pods": Quantity(1)]
        for name in ["cpu", "memory", "ephemeral-storage"] {
            if let request = requests[name] {
                usage[name] = request
                usage["requests." + name] = request
            }
            if let limit = limits[name] { usage["limits." + name] = limit }
        }
        for (name, request) in requests {
            if name.hasPrefix("hugepages-") {
                usage[name] = request
                usage["requests." + name] = request
            } else if !isNative(name), !name.hasPrefix("requests.") {
                usage["requests." + name] = request
            }
        }
        return usage
    }

    private static let required: Set<String> = [
        "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
    ]

    /// Where a quota bounds processor or memory, each container has to say how much it wants.
    func missing(_ object: Value, for names: [String]) -> String? {
        let spec = object["spec"] ?? [:]
        var wanted = Self.required.intersection(names)
        guard case .pods = self, !wanted.isEmpty else { return nil }
        // What the pod says as a whole, its containers need not.
        let resources = spec["resources"] ?? [:]
        wanted.subtract(
            Self.compute(
                requests: PodResources.list(resources, "requests"), limits: PodResources.list(resources, "limits")
            ).keys)
        var lacking: [String: Set<String>] = [:]
        for container in spec.list("containers") + spec.list("initContainers") {
            let resources = container["resources"] ?? [:]
            let given = Self.compute(
                requests: PodResources.list(resources, "requests"), limits: PodResources.list(resources, "limits"))
            for name in wanted where given[name] == nil { lacking[name, default: []].insert(container.text("name")) }
        }
        guard !lacking.isEmpty else { return nil }
        let parts = lacking.sorted { $0.key < $1.key }.map { name, containers in
            "\(name) for: \(containers.sorted().joined(separator: ","))"
        }
        return "must specify " + parts.joined(separator: "; ")
    }

    // MARK: The other kinds

    private static func serviceUsage(_ service: Value) -> QuotaAmounts {
        let spec = service["spec"] ?? [:]
        let ports = spec.list("ports")
        var nodePorts = 0
        var balancers = 0
        switch spec.text("type") {
        case "NodePort": nodePorts = ports.count
        case "LoadBalancer":
            balancers = 1
            nodePorts =
                spec["allocateLoadBalancerNodePorts"]?.bool == false
                ? ports.count { ($0["nodePort"]?.int ?? 0) != 0 } : ports.count
        default: break
        }
        return [
            "count/services": Quantity(1), "services": Quantity(1), "services.nodeports": Quantity(nodePorts),
            "services.loadbalancers": Quantity(balancers),
        ]
    }

    private static func claimUsage(_ claim: Value) -> QuotaAmounts {
        var usage: QuotaAmounts = ["count/persistentvolumeclaims": Quantity(1), "persistentvolumeclaims": Quantity(1)]
        let name = ClaimClass.name(claim)
        if !name.isEmpty { usage[name + classSuffix + "persistentvolumeclaims"] = Quantity(1) }
        var storage = PodResources.list(claim[path: "spec", "resources"] ?? [:], "requests")["storage"]
        let allocated = PodResources.list(claim["status"] ?? [:], "allocatedResources")["storage"]
        if let wanted = storage, let allocated, allocated > wanted { storage = allocated }
        guard let storage else { return usage }
        // Parts of a byte count as a whole one.
        let whole = storage.isInteger ? storage : Quantity(storage.value, format: storage.format)
        usage["requests.storage"] = whole
        if !name.isEmpty { usage[name + classSuffix + "requests.storage"] = whole }
        return usage
    }

    /// Devices that one request for all of them may get at most.
    private static let allDevicesMax = 32

    private static func resourceClaimUsage(_ claim: Value) -> QuotaAmounts {
        var usage: QuotaAmounts = ["count/resourceclaims.resource.k8s.io": Quantity(1)]
        for request in claim[path: "spec", "devices"]?.list("requests") ?? [] {
            let choices = request.list("firstAvailable")
            // Of alternatives the largest counts, class by class.
            var own: QuotaAmounts = [:]
            for choice in choices.isEmpty ? [request["exactly"] ?? request] : choices {
                let count =
                    choice.text("allocationMode") == "All"
                    ? Quantity(allDevicesMax) : Quantity(choice["count"]?.int ?? 1)
                let name = choice.text("deviceClassName") + deviceSuffix
                own[name] = max(own[name] ?? .zero, count)
            }
            for (name, count) in own { usage[name] = (usage[name] ?? .zero) + count }
        }
        return usage
    }
}

extension QuotaAmounts {
    static func + (lhs: QuotaAmounts, rhs: QuotaAmounts) -> QuotaAmounts { lhs.merging(rhs) { $0 + $1 } }

    func only(_ names: [String]) -> QuotaAmounts { filter { names.contains($0.key) } }

    /// `limits.cpu=1,pods=2`.
    var text: String { sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",") }

    var list: APIMachinery.Value {
        APIMachinery.Value.record(
            sorted { $0.key < $1.key }.map { ($0.key, APIMachinery.Value.string($0.value.description)) })
    }
}

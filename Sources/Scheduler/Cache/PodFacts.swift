internal import APIMachinery
internal import KubeAPI

/// What scheduling needs of a pod, worked out once. Shared by reference: nodes keep one for each of their pods.
final class PodFacts: Sendable {
    let key: ObjectKey
    let uid: String
    let labels: [String: String]
    let priority: Int32
    let requests: ResourceAmounts
    /// As `requests`, with a guess for containers that ask for nothing, so that they spread too.
    let scoringRequests: ResourceAmounts
    let hostPorts: [HostPort]
    let images: [String]
    let tolerations: [Toleration]
    let nodeSelector: [String: String]
    let requiredNodeAffinity: NodeSelector?
    let preferredNodeAffinity: [PreferredSchedulingTerm]
    let requiredAffinity: [AffinityTerm]
    let requiredAntiAffinity: [AffinityTerm]
    /// Negative weights: anti-affinity.
    let preferredAffinity: [(term: AffinityTerm, weight: Int64)]
    let spreadConstraints: [SpreadConstraint]
    let requestedNodeName: String?
    let isTerminating: Bool
    let claims: [PodClaim]

    /// What an unset request counts as when nodes are compared, as upstream: 100m of CPU, 200 MiB.
    private static let guess = [ComputeResource.cpu: Int64(100), ComputeResource.memory: Int64(200 << 20)]

    init(_ pod: Pod) {
        key = pod.key
        uid = pod.metadata.uid ?? ""
        labels = pod.metadata.labels
        priority = pod.spec.priority ?? 0
        requests = .requests(of: pod.spec)
        scoringRequests = .requests(of: pod.spec, ifUnset: Self.guess)
        hostPorts = HostPort.ports(of: pod.spec)
        images = (pod.spec.initContainers + pod.spec.containers).compactMap(\.image)
        tolerations = pod.spec.tolerations
        nodeSelector = pod.spec.nodeSelector
        requestedNodeName = pod.spec.nodeName
        isTerminating = pod.metadata.deletionTimestamp != nil
        claims = PodClaim.claims(of: pod)
        let affinity = pod.spec.affinity
        requiredNodeAffinity = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
        preferredNodeAffinity = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
        func terms(_ terms: [PodAffinityTerm]?) -> [AffinityTerm] { (terms ?? []).map { AffinityTerm($0, of: pod) } }
        requiredAffinity = terms(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution)
        requiredAntiAffinity = terms(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution)
        let attracting = affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
        let repelling = affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
        preferredAffinity =
            attracting.map { (AffinityTerm($0.podAffinityTerm, of: pod), Int64($0.weight)) }
            + repelling.map { (AffinityTerm($0.podAffinityTerm, of: pod), -Int64($0.weight)) }
        spreadConstraints = pod.spec.topologySpreadConstraints.map { SpreadConstraint($0, of: pod) }
    }

    /// True if some term decides about other pods' places, now or later.
    var hasPodAffinity: Bool {
        !requiredAffinity.isEmpty || !requiredAntiAffinity.isEmpty || !preferredAffinity.isEmpty
    }
}

/// A port of the node that a pod takes for itself.
struct HostPort: Hashable, Sendable {
    let address: String
    let `protocol`: String
    let port: Int32

    static func ports(of spec: PodSpec) -> [HostPort] {
        let restartable = spec.initContainers.filter { $0.restartPolicy == RestartPolicy.always }
        return (spec.containers + restartable).flatMap(\.ports).compactMap { port in
            guard let number = port.hostPort, number > 0 else { return nil }
            let address = port.hostIP ?? ""
            return HostPort(
                address: address.isEmpty ? "0.0.0.0" : address, protocol: port.protocol ?? "TCP", port: number
            )
        }
    }

    /// `0.0.0.0` takes the port on every address.
    func conflicts(with other: HostPort) -> Bool {
        port == other.port && `protocol` == other.protocol
            && (address == other.address || address == "0.0.0.0" || other.address == "0.0.0.0")
    }
}

/// One term of pod affinity or anti-affinity, ready to match.
struct AffinityTerm: Sendable {
    let topologyKey: String
    private let selector: LabelRequirements
    private let namespaces: Set<String>
    /// `nil` if only `namespaces` counts; selecting everything means all namespaces.
    private let namespaceSelector: LabelRequirements?

    init(_ term: PodAffinityTerm, of pod: Pod) {
        topologyKey = term.topologyKey
        selector = LabelRequirements.selecting(
            term.labelSelector, sameLabels: term.matchLabelKeys, otherLabels: term.mismatchLabelKeys,
            as: pod.metadata.labels
        )
        namespaceSelector = term.namespaceSelector.map { (try? LabelRequirements($0)) ?? .nothing }
        // Neither given: the pod's own namespace.
        let isImplied = term.namespaces.isEmpty && term.namespaceSelector == nil
        namespaces = isImplied ? [pod.metadata.namespace ?? ""] : Set(term.namespaces)
    }

    func matches(_ pod: PodFacts, namespaceLabels: (String) -> [String: String]) -> Bool {
        let isInNamespace =
            namespaces.contains(pod.key.namespace)
            || namespaceSelector.map { $0.isEmpty || $0.matches(namespaceLabels(pod.key.namespace)) } ?? false
        return isInNamespace && selector.matches(pod.labels)
    }
}

/// One topology spread constraint, ready to match.
struct SpreadConstraint: Sendable {
    let topologyKey: String
    let maxSkew: Int
    let minDomains: Int
    let isRequired: Bool
    let honorsNodeAffinity: Bool
    let honorsTaints: Bool
    let selector: LabelRequirements

    init(_ constraint: TopologySpreadConstraint, of pod: Pod) {
        topologyKey = constraint.topologyKey
        maxSkew = Int(constraint.maxSkew)
        minDomains = Int(constraint.minDomains ?? 1)
        isRequired = constraint.whenUnsatisfiable == UnsatisfiableConstraintAction.doNotSchedule
        honorsNodeAffinity = constraint.nodeAffinityPolicy != "Ignore"
        honorsTaints = constraint.nodeTaintsPolicy == "Honor"
        selector = LabelRequirements.selecting(
            constraint.labelSelector, sameLabels: constraint.matchLabelKeys, otherLabels: [],
            as: pod.metadata.labels
        )
    }
}

extension LabelRequirements {
    /// A structured selector (an absent one selects nothing), narrowed to pods whose labels named in `sameLabels` equal
    /// those of `labels`, and those in `otherLabels` do not.
    static func selecting(
        _ selector: LabelSelector?, sameLabels: [String], otherLabels: [String], as labels: [String: String]
    ) -> LabelRequirements {
        guard var selector else { return .nothing }
        for (keys, symbol) in [(sameLabels, SelectorOperator.in), (otherLabels, SelectorOperator.notIn)] {
            for key in keys {
                guard let value = labels[key] else { continue }
                var requirement = LabelSelectorRequirement()
                requirement.key = key
                requirement.operator = symbol
                requirement.values = [value]
                selector.matchExpressions.append(requirement)
            }
        }
        return (try? LabelRequirements(selector)) ?? .nothing
    }
}

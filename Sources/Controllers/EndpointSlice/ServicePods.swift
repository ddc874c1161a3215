internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// Which pods stand behind a Service, and how they are reached. Pure.
/// (https://kubernetes.io/docs/concepts/services-networking/service/#services-in-kubernetes)
struct ServicePods: Sendable {
    let service: Service
    /// The pods that its selector matches.
    let pods: [Pod]

    init(_ service: Service, among candidates: [Pod]) {
        self.service = service
        pods = candidates.filter { service.selects($0) }
    }

    /// Pods with an address that may still serve.
    func serving(includingTerminating: Bool) -> [Pod] {
        pods.filter { pod in
            !pod.isTerminal && !(pod.status.podIP ?? "").isEmpty && (includingTerminating || !pod.isBeingDeleted)
        }
    }

    /// The pod's port that a port of the Service leads to; `nil` where the pod has none of that name.
    static func target(_ port: ServicePort, in pod: Pod) -> Int32? {
        switch port.targetPort {
        case .int(let number): return number
        case .string(let name):
            let transport = port.protocol ?? "TCP"
            for container in pod.spec.containers + pod.spec.initContainers.filter({ $0.restartPolicy == "Always" }) {
                let found = container.ports.first { $0.name == name && ($0.protocol ?? "TCP") == transport }
                if let found { return found.containerPort }
            }
            return nil
        case nil: return port.port
        }
    }

    /// The pod's address of a family, `IPv4` or `IPv6`.
    static func address(of pod: Pod, family: String) -> String? {
        let wantsColon = family == "IPv6"
        let all = pod.status.podIPs.map(\.ip) + [pod.status.podIP ?? ""]
        return all.first { !$0.isEmpty && $0.contains(":") == wantsColon }
    }

    /// The name that the pod gets in the DNS of a headless Service.
    static func hostname(of pod: Pod, in service: Service) -> String? {
        guard let name = pod.spec.hostname, !name.isEmpty, pod.spec.subdomain == service.metadata.name else {
            return nil
        }
        return name
    }

    static func reference(to pod: Pod) -> ObjectReference {
        var reference = ObjectReference()
        reference.kind = "Pod"
        reference.namespace = pod.metadata.namespace
        reference.name = pod.metadata.name
        reference.uid = pod.metadata.uid
        return reference
    }

    /// When what is told last changed, as `endpoints.kubernetes.io/last-change-trigger-time` says it.
    var lastChange: Time? {
        let times = pods.flatMap { [$0.readinessChange, $0.metadata.deletionTimestamp] }.compactMap(\.self)
        return times.max() ?? service.metadata.creationTimestamp
    }
}

extension Service {
    /// Whether its pods are found by labels: neither made by hand nor only a name.
    var isSelecting: Bool { !spec.selector.isEmpty && spec.type != "ExternalName" }

    var isHeadless: Bool { spec.clusterIP == "None" }

    /// `IPv4` and `IPv6` as far as the Service has them.
    var families: [String] { spec.ipFamilies.isEmpty ? ["IPv4"] : spec.ipFamilies }

    func selects(_ pod: Pod) -> Bool {
        spec.selector.allSatisfy { pod.metadata.labels[$0.key] == $0.value }
    }
}

extension Pod {
    fileprivate var readinessChange: Time? { condition("Ready")?.lastTransitionTime }

    /// Whether the difference between two versions can be seen in an endpoint.
    func differsAsEndpoint(from other: Pod) -> Bool {
        isReady != other.isReady || isBeingDeleted != other.isBeingDeleted || isTerminal != other.isTerminal
            || status.podIPs != other.status.podIPs || status.podIP != other.status.podIP
            || metadata.labels != other.metadata.labels || spec.nodeName != other.spec.nodeName
    }
}

/// Finds the Services that a pod concerns, by one label of their selectors.
enum ServiceSelectorIndex {
    static let name = "selector"

    static var index: InformerIndex<Service> {
        InformerIndex(name) { service in
            guard service.isSelecting, let pair = service.spec.selector.min(by: { $0.key < $1.key }) else { return [] }
            return [value(service.metadata.namespace, pair.key, pair.value)]
        }
    }

    static func services(selecting pod: Pod, _ services: Lister<Service>) -> [Service] {
        pod.metadata.labels.flatMap { key, text in
            services.list(index: name, value: value(pod.metadata.namespace, key, text)).filter { $0.selects(pod) }
        }
    }

    private static func value(_ namespace: String?, _ key: String, _ text: String) -> String {
        "\(namespace ?? "")/\(key)=\(text)"
    }
}

extension Informer<Pod> {
    /// Adds the Services that a pod's changes concern to a queue.
    func addServices(to queue: WorkQueue<ObjectKey>, _ services: Lister<Service>) {
        @Sendable func add(_ pod: Pod) {
            for service in ServiceSelectorIndex.services(selecting: pod, services) { queue.add(service.key) }
        }
        addHandler(
            onAdd: { add($0) },
            onUpdate: { old, new in
                guard new.differsAsEndpoint(from: old) else { return }
                add(old)
                if old.metadata.labels != new.metadata.labels { add(new) }
            },
            onDelete: { add($0) })
    }
}

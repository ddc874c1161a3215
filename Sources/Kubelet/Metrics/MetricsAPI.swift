internal import APIMachinery
package import KubeAPI
package import Transport

/// `metrics.k8s.io/v1beta1`: what `kubectl top` and the HorizontalPodAutoscaler ask.
/// https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/
package struct MetricsAPI: HTTPHandler {
    /// The group and version that the API server hands over.
    package static let group = "metrics.k8s.io"
    package static let version = "v1beta1"

    /// What discovery tells of it.
    package static let resources = [
        ResourceDefinition(
            group: group, version: version, plural: "nodes", singular: "", kind: "NodeMetrics", isNamespaced: false,
            verbs: ["get", "list"], shortNames: [], categories: [], subresources: []),
        ResourceDefinition(
            group: group, version: version, plural: "pods", singular: "", kind: "PodMetrics", isNamespaced: true,
            verbs: ["get", "list"], shortNames: [], categories: [], subresources: []),
    ]

    let meter: ResourceMeter
    let nodeName: String

    package func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        // Ends with its answer, which nothing keeps waiting but the runtime.
        Task {
            do {
                let answer = try await answer(request)
                responder.respond(
                    status: 200, headers: ["Content-Type": "application/json"], body: .bytes(answer.jsonBytes()))
            } catch let refusal as KubeletRefusal {
                refusal.send(to: responder)
            } catch {
                KubeletRefusal(503, "ServiceUnavailable", "the container runtime gives no figures: \(error)")
                    .send(to: responder)
            }
        }
    }

    private func answer(_ request: HTTPRequest) async throws -> Value {
        guard request.method == "GET" else {
            throw KubeletRefusal(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        }
        let selector: LabelRequirements
        do {
            selector = try LabelRequirements.parse(QueryParameters(request.query)["labelSelector"] ?? "")
        } catch {
            throw KubeletRefusal.badRequest("\(error)")
        }
        let usage = try await meter.usage()
        // "apis", group, version, then as in any group.
        let parts = request.path.split(separator: "/").dropFirst(3).map { String($0).removingPercentEncoding }
        switch parts.count {
        case 1 where parts[0] == "nodes":
            return list("NodeMetricsList", selector.matches(usage.nodeLabels) ? [node(usage)] : [])
        case 2 where parts[0] == "nodes":
            guard parts[1] == nodeName else { throw Self.notFound("nodes", parts[1]) }
            return node(usage)
        case 1 where parts[0] == "pods":
            return pods(usage, namespace: nil, selector)
        case 3 where parts[0] == "namespaces" && parts[2] == "pods":
            return pods(usage, namespace: parts[1], selector)
        case 4 where parts[0] == "namespaces" && parts[2] == "pods":
            let key = ObjectKey(namespace: parts[1], name: parts[3])
            guard let pod = usage.pods.first(where: { $0.key == key }) else {
                throw Self.notFound("pods", key.description)
            }
            return self.pod(pod, usage)
        default:
            throw KubeletRefusal(404, "NotFound", "the server could not find the requested resource")
        }
    }

    private static func notFound(_ plural: String, _ name: String) -> KubeletRefusal {
        KubeletRefusal(404, "NotFound", "\(plural).\(group) \"\(name)\" not found")
    }

    private func list(_ kind: String, _ items: [Value]) -> Value {
        [
            "kind": .string(kind), "apiVersion": .string("\(Self.group)/\(Self.version)"), "metadata": [:],
            "items": .array(items),
        ]
    }

    private func pods(_ usage: ResourceUsage, namespace: String?, _ selector: LabelRequirements) -> Value {
        let wanted = usage.pods.filter { pod in
            (namespace == nil || pod.key.namespace == namespace) && !pod.containers.isEmpty
                && selector.matches(pod.labels)
        }
        return list("PodMetricsList", wanted.map { pod($0, usage) })
    }

    private func pod(_ pod: ResourceUsage.Pod, _ usage: ResourceUsage) -> Value {
        var metadata: Value = ["name": .string(pod.key.name), "namespace": .string(pod.key.namespace)]
        metadata["creationTimestamp"] = .string(usage.time.description)
        if !pod.labels.isEmpty { metadata["labels"] = Self.labels(pod.labels) }
        return [
            "kind": "PodMetrics", "apiVersion": .string("\(Self.group)/\(Self.version)"), "metadata": metadata,
            "timestamp": .string(usage.time.description), "window": Self.text(usage.window),
            "containers": .array(
                pod.containers.map { ["name": .string($0.name), "usage": Self.amounts($0.amount)] }),
        ]
    }

    private func node(_ usage: ResourceUsage) -> Value {
        var metadata: Value = [
            "name": .string(nodeName), "creationTimestamp": .string(usage.time.description),
        ]
        if !usage.nodeLabels.isEmpty { metadata["labels"] = Self.labels(usage.nodeLabels) }
        return [
            "kind": "NodeMetrics", "apiVersion": .string("\(Self.group)/\(Self.version)"), "metadata": metadata,
            "timestamp": .string(usage.time.description), "window": Self.text(usage.window),
            "usage": Self.amounts(usage.node),
        ]
    }

    private static func labels(_ labels: [String: String]) -> Value {
        .object(OrderedFields(labels.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }

    private static func amounts(_ amount: ResourceUsage.Amount) -> Value {
        ["cpu": .string("\(amount.nanoCores)n"), "memory": .string("\(amount.workingSetBytes / 1024)Ki")]
    }

    /// Go's way of writing a duration, in whole seconds.
    private static func text(_ window: Duration) -> Value {
        let seconds = max(window.components.seconds, 1)
        return .string(seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s")
    }
}

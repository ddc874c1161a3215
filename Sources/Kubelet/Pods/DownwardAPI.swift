internal import APIMachinery
internal import KubeAPI

/// Fields of a pod and of its containers' resources as text, for env and volumes:
/// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
struct DownwardAPI: Sendable {
    let pod: Pod
    let node: NodeFacts
    /// Empty until the sandbox runs.
    let podIPs: [String]

    /// - Throws: `ConfigurationError` for a path that upstream does not know.
    func field(_ path: String) throws(ConfigurationError) -> String {
        if let (map, key) = Self.subscripted(path) {
            switch map {
            case "metadata.labels": return pod.metadata.labels[key] ?? ""
            case "metadata.annotations": return pod.metadata.annotations[key] ?? ""
            default: break
            }
        }
        switch path {
        case "metadata.name": return pod.metadata.name ?? ""
        case "metadata.namespace": return pod.metadata.namespace ?? ""
        case "metadata.uid": return pod.metadata.uid ?? ""
        case "metadata.labels": return Self.lines(pod.metadata.labels)
        case "metadata.annotations": return Self.lines(pod.metadata.annotations)
        case "spec.nodeName": return pod.spec.nodeName ?? ""
        case "spec.serviceAccountName": return pod.spec.serviceAccountName ?? ""
        case "status.hostIP", "status.hostIPs": return node.address
        case "status.podIP": return podIPs.first ?? (pod.spec.hostNetwork == true ? node.address : "")
        case "status.podIPs": return podIPs.joined(separator: ",")
        default: throw ConfigurationError("unsupported fieldPath: \(path)")
        }
    }

    /// `limits.cpu`, `requests.memory` and so on, divided and rounded up as upstream does.
    func resource(
        _ selector: ResourceFieldSelector, of container: Container
    ) throws(ConfigurationError) -> String {
        let parts = selector.resource.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0] == "limits" || parts[0] == "requests" else {
            throw ConfigurationError("unsupported container resource : \(selector.resource)")
        }
        let name = parts[1]
        var quantity =
            parts[0] == "limits" ? container.resources.limits[name] : container.resources.requests[name]
        // Without a limit, what the whole pod may have, or what the node can give, is the limit.
        if quantity?.isZero ?? true, parts[0] == "limits", Self.bounded.contains(name) {
            quantity = pod.spec.resources?.limits[name] ?? node.allocatable[name]
        }
        let divisor = selector.divisor.flatMap { $0.isZero ? nil : $0 } ?? Quantity(1)
        guard let quantity else { return "0" }
        if name == "cpu" { return String(Self.ceiling(quantity.milliValue, divisor.milliValue)) }
        return String(Self.ceiling(quantity.value, divisor.value))
    }

    private static let bounded: Set<String> = ["cpu", "memory", "ephemeral-storage"]

    private static func ceiling(_ value: Int64, _ divisor: Int64) -> Int64 {
        divisor <= 0 ? value : (value + divisor - 1) / divisor
    }

    /// `metadata.labels['app']` to its map and key.
    private static func subscripted(_ path: String) -> (map: String, key: String)? {
        guard path.hasSuffix("']"), let open = path.firstIndex(of: "[") else { return nil }
        let key = path[path.index(after: open)...].dropFirst().dropLast(2)
        return (String(path[..<open]), String(key))
    }

    /// One `key="value"` line for each entry, sorted, values escaped.
    private static func lines(_ map: [String: String]) -> String {
        map.sorted { $0.key < $1.key }.map { key, value in
            var escaped = ""
            for character in value.unicodeScalars {
                switch character {
                case "\"": escaped += "\\\""
                case "\\": escaped += "\\\\"
                case "\n": escaped += "\\n"
                case "\t": escaped += "\\t"
                case "\r": escaped += "\\r"
                default: escaped.unicodeScalars.append(character)
                }
            }
            return "\(key)=\"\(escaped)\""
        }.joined(separator: "\n")
    }
}

/// A pod that cannot be run as it is written, or not yet: shown as `CreateContainerConfigError`.
struct ConfigurationError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

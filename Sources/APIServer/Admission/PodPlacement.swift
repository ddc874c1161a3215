internal import APIMachinery
internal import Storage

/// Pods carry the zone and region of their node, so that those who know only the pod know where it runs.
struct PodTopologyLabels: AdmissionPlugin {
    let store: any Store
    /// `/registry/minions/`
    let nodes: String

    private static let labels = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"]

    func concerns(_ resource: Resource) -> Bool { resource.id == ResourceID(group: "", plural: "pods") }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        let isNew = request.operation == .create && request.subresource.isEmpty
        guard isNew || request.subresource == "binding" else { return }
        let name = request.object[path: "spec", "nodeName"]?.string ?? ""
        guard !name.isEmpty, let stored = store.get(nodes + name) else { return }
        let found = MetadataScanner(json: stored.value).metadata.labels
        let wanted = Self.labels.compactMap { key in found[key].map { (key, $0) } }
        guard !wanted.isEmpty else { return }
        request.object.editMetadata { metadata in
            metadata.editObject("labels") { labels in
                for (key, value) in wanted where labels[key] == nil { labels[key] = .string(value) }
            }
        }
    }
}

/// A pod in place grows only to what its node has.
struct PodResizeValidator: AdmissionPlugin {
    let store: any Store
    /// `/registry/minions/`
    let nodes: String

    func concerns(_ resource: Resource) -> Bool { resource.id == ResourceID(group: "", plural: "pods") }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .update, request.subresource == "resize", let old = request.old,
            old.generation != request.object.generation
        else { return }
        let name = request.object[path: "spec", "nodeName"]?.string ?? ""
        guard !name.isEmpty else { return }
        guard let stored = store.get(nodes + name), let node = try? Value(json: stored.value) else {
            throw request.forbidden("node \(quoted(name)) not found")
        }
        let allocatable = PodResources.list(node["status"] ?? [:], "allocatable")
        let requests = PodResources.total(request.object["spec"] ?? [:], "requests", withOverhead: true)
        func amount(_ list: [String: Quantity], _ name: String) -> Int64 {
            let quantity = list[name] ?? .zero
            return name == "cpu" ? quantity.milliValue : quantity.value
        }
        let lacking = ["cpu", "memory"].filter { amount(requests, $0) > amount(allocatable, $0) }.map {
            "\($0), requested: \(amount(requests, $0)), allocatable: \(amount(allocatable, $0))"
        }
        guard lacking.isEmpty else {
            throw request.forbidden(
                "Node didn't have enough allocatable resources: \(lacking.joined(separator: "; "))")
        }
        let system = node.metadata.stringMap("labels")["kubernetes.io/os"] ?? ""
        guard system == "linux" else {
            throw request.forbidden(
                "pod resize is only supported on linux nodes, node \(quoted(name)) is \(quoted(system))")
        }
    }
}

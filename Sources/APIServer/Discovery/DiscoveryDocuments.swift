internal import APIMachinery
internal import KubeAPI

/// The discovery documents as values, in upstream's field order.
struct DiscoveryDocuments: Sendable {
    /// Every resource, group-versions in the order in which they are to be offered.
    let resources: [ResourceDefinition]
    /// `HOST:PORT` that clients of any network reach the server at.
    let serverAddress: String

    /// The groups in order, each with its versions, preferred one first. The core group (empty name) included.
    var groups: [(name: String, versions: [String])] {
        var groups: [(name: String, versions: [String])] = []
        for resource in resources {
            if let index = groups.firstIndex(where: { $0.name == resource.group }) {
                if !groups[index].versions.contains(resource.version) {
                    groups[index].versions.append(resource.version)
                }
            } else {
                groups.append((resource.group, [resource.version]))
            }
        }
        return groups
    }

    /// `/api`
    func coreVersions() -> Value {
        .ordered([
            ("kind", .string("APIVersions")),
            ("versions", .array((groups.first { $0.name.isEmpty }?.versions ?? []).map(Value.string))),
            (
                "serverAddressByClientCIDRs",
                .array([.ordered([("clientCIDR", "0.0.0.0/0"), ("serverAddress", .string(serverAddress))])])
            ),
        ])
    }

    /// `/apis`
    func groupList() -> Value {
        .ordered([
            ("kind", .string("APIGroupList")), ("apiVersion", .string("v1")),
            ("groups", .array(groups.filter { !$0.name.isEmpty }.map { .ordered(groupFields($0.name, $0.versions)) })),
        ])
    }

    /// `/apis/GROUP`; `nil` for a group that is not served.
    func group(_ name: String) -> Value? {
        guard let group = groups.first(where: { $0.name == name }), !name.isEmpty else { return nil }
        return .ordered(
            [("kind", .string("APIGroup")), ("apiVersion", .string("v1"))] + groupFields(name, group.versions))
    }

    /// `/api/v1` and `/apis/GROUP/VERSION`; `nil` for a group-version that is not served.
    func resourceList(group: String, version: String) -> Value? {
        let members = resources.filter { $0.group == group && $0.version == version }
        guard !members.isEmpty else { return nil }
        var entries: [Value] = []
        for resource in members {
            entries.append(entry(resource))
            for subresource in resource.subresources { entries.append(entry(subresource, of: resource)) }
        }
        // The core list is older than the field: upstream still leaves its apiVersion out.
        let head: [(String, Value)] =
            group.isEmpty
            ? [("kind", .string("APIResourceList"))]
            : [("kind", .string("APIResourceList")), ("apiVersion", .string("v1"))]
        let groupVersion = group.isEmpty ? version : group + "/" + version
        return .ordered(head + [("groupVersion", .string(groupVersion)), ("resources", .array(entries))])
    }

    private func groupFields(_ name: String, _ versions: [String]) -> [(String, Value)] {
        let entries = versions.map { version in
            Value.ordered([("groupVersion", .string(name + "/" + version)), ("version", .string(version))])
        }
        return [("name", .string(name)), ("versions", .array(entries)), ("preferredVersion", entries.first ?? .null)]
    }

    private func entry(_ resource: ResourceDefinition) -> Value {
        var fields: [(String, Value)] = [
            ("name", .string(resource.plural)), ("singularName", .string(resource.singular)),
            ("namespaced", .bool(resource.isNamespaced)), ("kind", .string(resource.kind)),
            ("verbs", .strings(resource.verbs)),
        ]
        if !resource.shortNames.isEmpty { fields.append(("shortNames", .strings(resource.shortNames))) }
        if !resource.categories.isEmpty { fields.append(("categories", .strings(resource.categories))) }
        if resource.verbs.contains("watch") {
            fields.append(("storageVersionHash", .string(storageVersionHash(resource))))
        }
        return .ordered(fields)
    }

    private func entry(_ subresource: SubresourceDefinition, of resource: ResourceDefinition) -> Value {
        var fields: [(String, Value)] = [
            ("name", .string(resource.plural + "/" + subresource.name)), ("singularName", .string("")),
            ("namespaced", .bool(resource.isNamespaced)),
        ]
        let kind = subresource.kind
        if kind.group != resource.group || kind.version != resource.version {
            fields.append(("group", .string(kind.group)))
            fields.append(("version", .string(kind.version)))
        }
        fields.append(("kind", .string(kind.kind)))
        fields.append(("verbs", .strings(subresource.verbs)))
        return .ordered(fields)
    }

    /// Changes when objects come to be stored in another version, so that storage migrators see it.
    private func storageVersionHash(_ resource: ResourceDefinition) -> String {
        var stored = (group: resource.group, version: resource.version)
        if resource.kind == "Event" { stored = ("", "v1") }
        if resource.kind == "HorizontalPodAutoscaler" { stored = ("autoscaling", "v2") }
        return Digest.shortBase64(stored.group + "/" + stored.version + "/" + resource.kind)
    }
}

extension Value {
    static func ordered(_ entries: [(String, Value)]) -> Value {
        .object(OrderedFields(entries.map { (key: $0.0, value: $0.1) }))
    }
}

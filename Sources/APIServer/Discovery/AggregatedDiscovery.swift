internal import APIMachinery
internal import KubeAPI

extension DiscoveryDocuments {
    /// All groups with all their resources in one document (`APIGroupDiscoveryList`).
    /// `isCore` takes the core group for `/api`, else all others for `/apis`. Versions `v2` and `v2beta1` differ in
    /// name only.
    func aggregated(isCore: Bool, version: String) -> Value {
        let items = groups.filter { $0.name.isEmpty == isCore }.map { group -> Value in
            // Upstream's metadata has no creationTimestamp here; the core group has no name either.
            let metadata: Value = isCore ? .ordered([]) : .ordered([("name", .string(group.name))])
            let versions = group.versions.map { aggregated(group: group.name, version: $0) }
            return .ordered([("metadata", metadata), ("versions", .array(versions))])
        }
        return .ordered([
            ("kind", .string("APIGroupDiscoveryList")), ("apiVersion", .string("apidiscovery.k8s.io/" + version)),
            ("metadata", .ordered([])), ("items", .array(items)),
        ])
    }

    private func aggregated(group: String, version: String) -> Value {
        let members = resources.filter { $0.group == group && $0.version == version }
        return .ordered([
            ("version", .string(version)), ("resources", .array(members.map(aggregated))),
            ("freshness", .string("Current")),
        ])
    }

    private func aggregated(_ resource: ResourceDefinition) -> Value {
        // An empty group and version mean those of the enclosing document.
        var fields: [(String, Value)] = [
            ("resource", .string(resource.plural)),
            ("responseKind", responseKind(group: "", version: "", kind: resource.kind)),
            ("scope", .string(resource.isNamespaced ? "Namespaced" : "Cluster")),
            ("singularResource", .string(resource.singular)), ("verbs", .strings(resource.verbs)),
        ]
        if !resource.shortNames.isEmpty { fields.append(("shortNames", .strings(resource.shortNames))) }
        if !resource.categories.isEmpty { fields.append(("categories", .strings(resource.categories))) }
        if !resource.subresources.isEmpty {
            let entries = resource.subresources.map { subresource -> Value in
                let kind = subresource.kind
                let isOwn = kind.group == resource.group && kind.version == resource.version
                return .ordered([
                    ("subresource", .string(subresource.name)),
                    (
                        "responseKind",
                        responseKind(
                            group: isOwn ? "" : kind.group, version: isOwn ? "" : kind.version, kind: kind.kind)
                    ),
                    ("verbs", .strings(subresource.verbs)),
                ])
            }
            fields.append(("subresources", .array(entries)))
        }
        return .ordered(fields)
    }

    private func responseKind(group: String, version: String, kind: String) -> Value {
        .ordered([("group", .string(group)), ("version", .string(version)), ("kind", .string(kind))])
    }
}

internal import APIMachinery
internal import KubeAPI

/// All served resources, found by their path.
package final class ResourceRegistry: Sendable {
    package let all: [Resource]
    private let byPath: [Path: Resource]
    /// Group to its served versions.
    private let versions: [String: Set<String>]

    private struct Path: Hashable {
        let group: String
        let version: String
        let plural: String
    }

    init(schema: Schema, definitions: [ResourceDefinition]) {
        var byPath: [Path: Resource] = [:]
        var versions: [String: Set<String>] = [:]
        var all: [Resource] = []
        for definition in definitions {
            let kind = GroupVersionKind(group: definition.group, version: definition.version, kind: definition.kind)
            guard let type = schema.type(of: kind) else { continue }
            let resource = Resource(
                definition: definition, schema: schema, type: type, strategy: Strategies.strategy(for: kind))
            all.append(resource)
            byPath[Path(group: definition.group, version: definition.version, plural: definition.plural)] = resource
            versions[definition.group, default: []].insert(definition.version)
        }
        self.all = all
        self.byPath = byPath
        self.versions = versions
    }

    /// Whether a group is served at all; a version of it that is not served is a 404 of the API.
    func serves(_ group: String, _ version: String) -> Bool { versions[group] != nil }

    package func resource(group: String, version: String, plural: String) -> Resource? {
        byPath[Path(group: group, version: version, plural: plural)]
    }

    func resource(_ group: String, _ plural: String) -> Resource? {
        all.first { $0.id.group == group && $0.id.plural == plural }
    }

    func resource(for info: RequestInfo) -> Resource? {
        resource(group: info.group, version: info.version, plural: info.resource)
    }
}

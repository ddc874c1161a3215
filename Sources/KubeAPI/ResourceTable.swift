package import APIMachinery

/// How one built-in resource is offered: what discovery says of it.
package struct ResourceDefinition: Sendable {
    /// Empty for the core group.
    package let group: String
    package let version: String
    /// The path segment, `pods`.
    package let plural: String
    package let singular: String
    package let kind: String
    package let isNamespaced: Bool
    /// `create`, `delete`, `deletecollection`, `get`, `list`, `patch`, `update`, `watch`: those that are offered.
    package let verbs: [String]
    package let shortNames: [String]
    package let categories: [String]
    package fileprivate(set) var subresources: [SubresourceDefinition]

    package init(
        group: String, version: String, plural: String, singular: String, kind: String, isNamespaced: Bool,
        verbs: [String], shortNames: [String], categories: [String], subresources: [SubresourceDefinition]
    ) {
        self.group = group
        self.version = version
        self.plural = plural
        self.singular = singular
        self.kind = kind
        self.isNamespaced = isNamespaced
        self.verbs = verbs
        self.shortNames = shortNames
        self.categories = categories
        self.subresources = subresources
    }

    /// `v1` or `apps/v1`.
    package var apiVersion: String { group.isEmpty ? version : group + "/" + version }

    package var groupVersionKind: GroupVersionKind { GroupVersionKind(group: group, version: version, kind: kind) }

    package var name: ResourceName {
        ResourceName(group: group, version: version, kind: kind, plural: plural, isNamespaced: isNamespaced)
    }
}

/// `status`, `scale`, `log`: a path below an object.
package struct SubresourceDefinition: Sendable {
    /// The last path segment.
    package let name: String
    /// What it reads and writes: `Scale` of `autoscaling/v1` for `deployments/scale`.
    package let kind: GroupVersionKind
    package let verbs: [String]

    package init(name: String, kind: GroupVersionKind, verbs: [String]) {
        self.name = name
        self.kind = kind
        self.verbs = verbs
    }
}

/// Every built-in resource.
package enum ResourceTable {
    /// In the order in which discovery lists groups and resources.
    package static let all: [ResourceDefinition] = {
        var all: [ResourceDefinition] = []
        for var line in TableLines(EmbeddedTables.resources) {
            let word = line.required()
            if word == "resource" {
                all.append(resource(&line))
            } else {
                addSubresource(&line, to: &all)
            }
        }
        return all
    }()

    private static func resource(_ line: inout TableLine) -> ResourceDefinition {
        let (group, version) = line.required().groupVersion
        let plural = line.required().string
        let singular = line.required()
        let kind = line.required().string
        let isNamespaced = line.required() == "namespaced"
        let verbs = line.required().strings()
        var shortNames: [String] = []
        var categories: [String] = []
        while let word = line.word() {
            if let names = word.argument(of: "short") { shortNames = names.strings() }
            if let names = word.argument(of: "categories") { categories = names.strings() }
        }
        return ResourceDefinition(
            group: group, version: version, plural: plural, singular: singular.isDash ? "" : singular.string,
            kind: kind,
            isNamespaced: isNamespaced, verbs: verbs, shortNames: shortNames, categories: categories, subresources: []
        )
    }

    private static func addSubresource(_ line: inout TableLine, to all: inout [ResourceDefinition]) {
        let path = line.required().strings(separatedBy: UInt8(ascii: "/"))
        let (group, version) = line.required().groupVersion
        let kind = line.required().kind
        let verbs = line.required().strings()
        let parent = all.lastIndex { $0.group == group && $0.version == version && $0.plural == path[0] }
        guard let parent else { preconditionFailure("embedded resources: no parent of \(path)") }
        all[parent].subresources.append(SubresourceDefinition(name: path[1], kind: kind, verbs: verbs))
    }
}

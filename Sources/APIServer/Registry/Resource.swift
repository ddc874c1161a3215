package import APIMachinery
package import KubeAPI

/// One served resource in one version: its names, its place in the store, and what is special about it.
package final class Resource: Sendable {
    package let definition: ResourceDefinition
    package let id: ResourceID
    package let kind: GroupVersionKind
    package let resourceName: ResourceName
    let type: TypeID
    let strategy: any ResourceStrategy
    /// `/registry/pods/`
    let keyPrefix: String
    /// The kind and version that the stored bytes have. Differs from `kind` where two versions share storage.
    let storedKind: GroupVersionKind
    let storedType: TypeID
    let conversion: (any VersionConversion)?
    /// `{"kind":"Pod","apiVersion":"v1",`: how every stored object begins.
    let head: [UInt8]
    /// What an object without anything looks like: what a new one is compared with to see what its maker set.
    let emptyObject: Value
    /// What writes to the main path cannot own.
    let resetFields: ResetFields

    init(definition: ResourceDefinition, schema: Schema, type: TypeID, strategy: any ResourceStrategy) {
        let kind = GroupVersionKind(group: definition.group, version: definition.version, kind: definition.kind)
        self.definition = definition
        self.kind = kind
        self.type = type
        self.strategy = strategy
        id = ResourceID(group: definition.group, plural: definition.plural)
        resourceName = ResourceName(
            group: kind.group, version: kind.version, kind: kind.kind, plural: definition.plural,
            isNamespaced: definition.isNamespaced)
        keyPrefix = StorageKeys.prefix(of: definition)
        conversion = VersionConversions.conversion(for: kind)
        storedKind = conversion?.storedKind ?? kind
        storedType = conversion.flatMap { schema.type(of: $0.storedKind) } ?? type
        head = Array("{\"kind\":\"\(storedKind.kind)\",\"apiVersion\":\"\(storedKind.apiVersion)\",".utf8)
        emptyObject = schema.emptyObject(as: type)
        resetFields = .of(
            kind, subresource: "", hasStatus: definition.subresources.contains { $0.name == "status" })
    }

    var isNamespaced: Bool { definition.isNamespaced }

    func supports(_ verb: String) -> Bool { definition.verbs.contains(verb) }

    func subresource(_ name: String) -> SubresourceDefinition? {
        definition.subresources.first { $0.name == name }
    }

    var hasStatus: Bool { subresource("status") != nil }

    /// `/registry/pods/default/a`
    func key(namespace: String, name: String) -> String {
        isNamespaced ? keyPrefix + namespace + "/" + name : keyPrefix + name
    }

    /// `/registry/pods/default/`, or the whole resource where `namespace` is empty.
    func prefix(namespace: String) -> String {
        isNamespaced && !namespace.isEmpty ? keyPrefix + namespace + "/" : keyPrefix
    }

    /// The internal group name of upstream's Go packages: `core`, `apps`, `networking`.
    var internalGroup: String {
        kind.group.isEmpty ? "core" : String(kind.group.split(separator: ".").first ?? "")
    }
}

/// Where objects rest: upstream's key layout.
enum StorageKeys {
    /// Groups whose resources lie below their own name, because a core resource has the same plural or because
    /// upstream does so.
    private static let groupPrefixed: Set<String> = [
        "apiextensions.k8s.io", "apiregistration.k8s.io",
    ]
    private static let renamed = [
        "services": "services/specs", "endpoints": "services/endpoints", "nodes": "minions",
        "replicationcontrollers": "controllers", "ingresses": "ingress", "podsecuritypolicies": "podsecuritypolicy",
    ]

    static func prefix(of definition: ResourceDefinition) -> String {
        if groupPrefixed.contains(definition.group) {
            return "/registry/\(definition.group)/\(definition.plural)/"
        }
        return "/registry/\(renamed[definition.plural] ?? definition.plural)/"
    }
}

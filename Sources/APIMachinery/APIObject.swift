/// A type with a generated reader: decodes itself from JSON without an intermediate tree.
@usableFromInline package protocol JSONReadable: Sendable {
    /// Reads one value. Unknown object fields are skipped; a value of the wrong type throws with its path.
    init(from reader: inout JSONReader) throws(JSONError)
}

/// A type with a generated writer: appends itself as compact JSON, omitting empty optional fields as upstream does.
@usableFromInline package protocol JSONWritable: Sendable {
    func write(to writer: inout JSONWriter)
}

/// How a kind is addressed in the API: `apps/v1 Deployment`, plural `deployments`.
package struct ResourceName: Hashable, Sendable {
    /// Empty for the core group.
    package let group: String
    package let version: String
    package let kind: String
    /// Lower-case plural, the path segment.
    package let plural: String
    package let isNamespaced: Bool

    package init(group: String, version: String, kind: String, plural: String, isNamespaced: Bool) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        self.isNamespaced = isNamespaced
    }

    /// `v1` or `apps/v1`.
    package var apiVersion: String { group.isEmpty ? version : group + "/" + version }

    /// Path of the collection: `/api/v1/namespaces/NS/pods`, `/apis/apps/v1/deployments` for all namespaces.
    package func path(namespace: String?) -> String {
        let root = group.isEmpty ? "/api/" + version : "/apis/" + group + "/" + version
        guard let namespace, isNamespaced, !namespace.isEmpty else { return root + "/" + plural }
        return root + "/namespaces/" + namespace + "/" + plural
    }
}

/// A kind our own logic reads as a typed struct. Values are cheap to copy (large optional parts are boxed).
package protocol APIObject: JSONReadable, JSONWritable, Equatable {
    static var resource: ResourceName { get }
    var metadata: ObjectMeta { get set }
    init()
}

/// Namespace and name of an object; `namespace` is empty for cluster-scoped kinds.
package struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
    package let namespace: String
    package let name: String

    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `namespace/name`, or `name` alone for cluster-scoped objects.
    package var description: String { namespace.isEmpty ? name : namespace + "/" + name }
}

extension APIObject {
    package var key: ObjectKey {
        ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name ?? "")
    }
}

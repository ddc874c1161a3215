package import APIMachinery

/// Which part of the object accompanies each row of a Table (`?includeObject=`).
package enum TableIncludeObject: String, Sendable {
    case none = "None"
    case metadata = "Metadata"
    case object = "Object"
}

/// What a client that asked for `as=Table` wants.
package struct TableOptions: Sendable {
    /// `v1` or `v1beta1`: the version of meta.k8s.io that was negotiated.
    package var version: String
    package var includeObject: TableIncludeObject
    /// False for all but the first event of a watch: `columnDefinitions` is then `null`, as upstream sends it.
    package var includeColumns: Bool

    package init(version: String = "v1", includeObject: TableIncludeObject = .metadata, includeColumns: Bool = true) {
        self.version = version
        self.includeObject = includeObject
        self.includeColumns = includeColumns
    }
}

/// Prints objects as the server-side Tables that `kubectl get` shows.
package protocol TableRenderer: Sendable {
    /// One `Table`, encoded.
    ///
    /// `resource`: the kind of all `objects`, which decides the columns.
    /// `objects`: each one whole object as JSON, `kind` and `apiVersion` included.
    /// `listMeta`: the `metadata` of the Table (`{"resourceVersion":"12"}`), as JSON.
    func table(
        for resource: ResourceName, objects: [[UInt8]], options: TableOptions, listMeta: [UInt8]
    ) -> [UInt8]
}

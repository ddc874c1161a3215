package import APIMachinery
internal import KubeAPI

/// Renders the Tables that `kubectl get` shows, with upstream's columns and rows.
package struct PrinterTables: TableRenderer {
    private let now: @Sendable () -> Time

    /// - Parameter now: what ages are counted from.
    package init(now: @escaping @Sendable () -> Time = { Time.now() }) {
        self.now = now
    }

    package func table(
        for resource: ResourceName, objects: [[UInt8]], options: TableOptions, listMeta: [UInt8]
    ) -> [UInt8] {
        let columns = TableColumns.columns(of: resource)
        let printer = RowPrinters.printer(group: resource.group, plural: resource.plural)
        let now = now()
        return JSONWriter.bytes(capacity: 2048 + objects.count * 512) { writer in
            writer.beginObject()
            writer.field("kind", "Table")
            writer.field("apiVersion", "meta.k8s.io/" + options.version)
            writer.key("metadata")
            writer.raw(listMeta.isEmpty ? Array("{}".utf8) : listMeta)
            writer.key("columnDefinitions")
            if options.includeColumns {
                TableColumns.write(columns, of: resource.plural, to: &writer)
            } else {
                writer.null()
            }
            writer.key("rows")
            writer.beginArray()
            for object in resource.plural == "flowschemas" ? byPrecedence(objects) : objects {
                // What is stored was validated; an object that cannot be read is still listed, by empty cells.
                let value = (try? Value(json: object)) ?? .null
                var row = printer(PrintedObject(value: value, now: now))
                while row.cells.count < columns.count { row.cells.append(.null) }
                row.cells.removeLast(row.cells.count - columns.count)
                write(row, value, object, options, to: &writer)
            }
            writer.endArray()
            writer.endObject()
        }
    }

    /// The order in which flow schemas are tried.
    private func byPrecedence(_ objects: [[UInt8]]) -> [[UInt8]] {
        let keyed = objects.map { object in
            let value = (try? Value(json: object)) ?? .null
            return (precedence: value[path: "spec", "matchingPrecedence"]?.int ?? 0, name: value.name, object: object)
        }
        return keyed.sorted { ($0.precedence, $0.name) < ($1.precedence, $1.name) }.map(\.object)
    }

    private func write(
        _ row: PrintedRow, _ value: Value, _ object: [UInt8], _ options: TableOptions, to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.field("cells", Value.array(row.cells))
        if !row.conditions.isEmpty { writer.field("conditions", Value.array(row.conditions)) }
        writer.key("object")
        switch options.includeObject {
        case .none: writer.null()
        case .object: writer.raw(object)
        case .metadata:
            writer.beginObject()
            writer.field("kind", "PartialObjectMetadata")
            writer.field("apiVersion", "meta.k8s.io/" + options.version)
            writer.field(
                "metadata",
                PartialObjectMetadata.shown(value["metadata"] ?? .object(OrderedFields()), kind: value["kind"]?.string))
            writer.endObject()
        }
        writer.endObject()
    }
}

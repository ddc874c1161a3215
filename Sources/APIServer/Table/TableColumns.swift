internal import APIMachinery
internal import KubeAPI

/// The columns of each resource, with a line that says what stands in them.
enum TableColumns {
    struct Column {
        let name: String
        let type: String
        let format: String
        /// 0 always shown; 1 only in wide output.
        let priority: Int32
    }

    /// Name and age for a resource without columns of its own.
    static func columns(of resource: ResourceName) -> [Column] {
        let known = PrinterColumns.columns(group: resource.group, version: resource.version, plural: resource.plural)
        guard let known else {
            return [
                Column(name: "Name", type: "string", format: "name", priority: 0),
                Column(name: "Age", type: "string", format: "", priority: 0),
            ]
        }
        return known.map { Column(name: $0.name, type: $0.type, format: $0.format, priority: $0.priority) }
    }

    static func write(_ columns: [Column], of plural: String, to writer: inout JSONWriter) {
        writer.beginArray()
        for column in columns {
            writer.beginObject()
            writer.field("name", column.name)
            writer.field("type", column.type)
            writer.field("format", column.format)
            writer.field("description", ColumnDescriptions.text(column.name, of: plural))
            writer.key("priority")
            writer.int(column.priority)
            writer.endObject()
        }
        writer.endArray()
    }
}

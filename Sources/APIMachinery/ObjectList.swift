/// A list of one typed kind, as LIST answers it.
package struct ObjectList<Object: APIObject>: JSONReadable, JSONWritable, Equatable {
    package var metadata = ListMeta()
    package var items: [Object] = []

    package init() {}

    package init(from reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextField() {
            if key.matches("metadata") {
                metadata = try ListMeta(from: &reader)
            } else if key.matches("items") {
                items = try [Object](from: &reader)
            } else {
                try reader.skip()
            }
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("kind")
        writer.string(Object.resource.kind + "List")
        writer.key("apiVersion")
        writer.string(Object.resource.apiVersion)
        writer.field("metadata", metadata)
        writer.field("items", items)
        writer.endObject()
    }
}

internal import APIMachinery

/// Protobuf of the kinds that only exist as answers: `PartialObjectMetadata` and its list. A `Table` has none.
struct PartialProtobuf {
    private let schema: Schema
    private let objectMeta: TypeID
    private let listMeta: TypeID

    init?(_ schema: Schema) {
        guard let objectMeta = schema.type(named: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
            let listMeta = schema.type(named: "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")
        else { return nil }
        self.schema = schema
        self.objectMeta = objectMeta
        self.listMeta = listMeta
    }

    private static let tablePrefix = Array("{\"kind\":\"Table\"".utf8)
    private static let partialPrefix = Array("{\"kind\":\"PartialObjectMetadata".utf8)

    /// `nil` for other kinds, which the schema describes.
    func bytes(_ json: [UInt8]) throws(APIError) -> [UInt8]? {
        if json.starts(with: Self.tablePrefix) {
            throw APIError(
                code: 406, reason: "NotAcceptable",
                message: "object *v1.Table does not implement the protobuf marshalling interface and cannot be encoded "
                    + "to a protobuf message")
        }
        guard json.starts(with: Self.partialPrefix) else { return nil }
        guard let value = try? Value(json: json), let message = try? message(value) else {
            throw .internalError("metadata cannot be written as protobuf")
        }
        return ProtobufEnvelope(apiVersion: value.text("apiVersion"), kind: value.text("kind"), raw: message).bytes()
    }

    private func message(_ value: Value) throws(SchemaError) -> [UInt8] {
        let isList = value.text("kind").hasSuffix("List")
        let metadata = try schema.encodeProtobufMessage(
            value["metadata"] ?? [:], as: isList ? listMeta : objectMeta)
        var items: [[UInt8]] = []
        for item in isList ? value.list("items") : [] { items.append(try message(item)) }
        return ProtobufWriter.bytes { writer in
            writer.bytes(1, metadata)
            for item in items { writer.bytes(2, item) }
        }
    }
}

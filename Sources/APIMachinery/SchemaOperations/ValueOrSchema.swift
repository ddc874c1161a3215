/// The places in `JSONSchemaProps` that take a schema or something else: published as "any JSON", but on the wire a
/// message with one field for each choice.
struct ValueOrSchema {
    enum Alternative {
        /// `items`: a schema, or a list of schemas.
        case schemas
        /// `additionalProperties`, `additionalItems`: a schema, or whether any is allowed.
        case allows
        /// Values of `dependencies`: a schema, or names of properties.
        case properties
    }

    let alternative: Alternative

    /// `nil` for all other fields.
    init?(_ type: TypeSchema, _ field: FieldSchema) {
        guard type.shortName == "JSONSchemaProps" else { return nil }
        switch field.name {
        case "items": alternative = .schemas
        case "additionalProperties", "additionalItems": alternative = .allows
        case "dependencies": alternative = .properties
        default: return nil
        }
    }

    /// Field number of the schema.
    var schemaTag: UInt32 { alternative == .allows ? 2 : 1 }
    /// Field number of the other choice.
    var otherTag: UInt32 { alternative == .allows ? 1 : 2 }
}

extension Schema {
    /// `owner` is `JSONSchemaProps` itself, which these refer back to.
    func encodeChoice(
        _ tag: UInt32, _ value: Value, _ choice: ValueOrSchema?, _ owner: TypeSchema, to writer: inout ProtobufWriter
    ) throws(TypeMismatch) {
        guard let choice, let id = type(named: owner.name) else { return }
        let start = writer.beginMessage(tag)
        defer { writer.endMessage(start) }
        if choice.alternative == .allows {
            // The flag is there in both cases: true with a schema.
            writer.bool(1, value.bool ?? true)
        }
        switch value {
        case .object: try encodeSchema(choice.schemaTag, value, id, to: &writer)
        case .array(let elements):
            for element in elements {
                if choice.alternative == .properties {
                    writer.string(choice.otherTag, element.string ?? "")
                } else {
                    try encodeSchema(choice.otherTag, element, id, to: &writer)
                }
            }
        default: break
        }
    }

    private func encodeSchema(
        _ tag: UInt32, _ value: Value, _ id: TypeID, to writer: inout ProtobufWriter
    ) throws(TypeMismatch) {
        let bytes: [UInt8]
        do throws(SchemaError) {
            bytes = try encodeProtobufMessage(value, as: id)
        } catch {
            throw TypeMismatch(text: error.description)
        }
        writer.bytes(tag, bytes)
    }

    func decodeChoice(
        _ choice: ValueOrSchema, _ owner: TypeSchema, from reader: inout ProtobufReader, depth: Int
    ) throws(ProtobufError) -> Value {
        guard let id = type(named: owner.name) else { throw reader.failure("unknown type \(owner.name)") }
        return try reader.message { reader throws(ProtobufError) in
            var schema: Value?
            var others: [Value] = []
            var allows = false
            while let tag = try reader.nextField() {
                if tag == choice.schemaTag {
                    schema = try decodeObject(id, from: &reader, depth: depth)
                } else if tag != choice.otherTag {
                    try reader.skip()
                } else {
                    switch choice.alternative {
                    case .schemas: others.append(try decodeObject(id, from: &reader, depth: depth))
                    case .allows: allows = try reader.bool()
                    case .properties: others.append(.string(try reader.string()))
                    }
                }
            }
            if let schema { return schema }
            return choice.alternative == .allows ? .bool(allows) : .array(others)
        }
    }
}

extension Schema {
    /// The object as protobuf in its envelope; `kind` and `apiVersion` are taken from the value.
    ///
    /// Byte for byte what upstream writes for the fields that are set. Fields that are not in the schema are left out.
    package func encodeProtobuf(_ value: Value, as type: TypeID) throws(SchemaError) -> [UInt8] {
        ProtobufEnvelope(
            apiVersion: value["apiVersion"]?.string ?? "", kind: value["kind"]?.string ?? "",
            raw: try encodeProtobufMessage(value, as: type)
        ).bytes()
    }

    /// The bare message.
    package func encodeProtobufMessage(_ value: Value, as type: TypeID) throws(SchemaError) -> [UInt8] {
        guard case .object(let fields) = value else {
            throw TypeMismatch(found: value.kindName, wanted: goName(of: .object(type))).error
        }
        var writer = ProtobufWriter(capacity: 2048)
        do throws(TypeMismatch) {
            try encode(fields, self[type], layout(of: type), to: &writer)
        } catch {
            throw error.error
        }
        return writer.finish()
    }

    private func encode(
        _ fields: OrderedFields, _ type: TypeSchema, _ layout: ProtobufLayout, to writer: inout ProtobufWriter
    ) throws(TypeMismatch) {
        for (tag, node) in layout.nodes {
            switch node {
            case .embedded(let inner):
                // Go embeds by value, so the message is there even when it is empty.
                let start = writer.beginMessage(tag)
                try encode(fields, type, inner, to: &writer)
                writer.endMessage(start)
            case .field(let index):
                let field = type.fields[index]
                guard let value = fields[field.name], !value.isNull else {
                    if field.isAlwaysPresent { try encodeZero(tag, field.type, to: &writer) }
                    continue
                }
                do throws(TypeMismatch) {
                    try encode(tag, value, field.type, type, field, to: &writer)
                } catch {
                    throw error.within(field, of: type)
                }
            }
        }
    }

    private func encode(
        _ tag: UInt32, _ value: Value, _ type: FieldType, _ owner: TypeSchema, _ field: FieldSchema,
        to writer: inout ProtobufWriter
    ) throws(TypeMismatch) {
        switch (type, value) {
        case (.array(let element), .array(let elements)):
            for member in elements { try encodeSingle(tag, member, element, owner, field, to: &writer) }
        case (.map(let element), .object(let fields)):
            for (key, member) in fields.sorted().entries {
                let start = writer.beginMessage(tag)
                writer.string(1, key)
                try encodeMapValue(member, element, owner, field, to: &writer)
                writer.endMessage(start)
            }
        default: try encodeSingle(tag, value, type, owner, field, to: &writer)
        }
    }

    /// A list as the value of a map is a message of its own, as in `extra` of user information.
    private func encodeMapValue(
        _ value: Value, _ type: FieldType, _ owner: TypeSchema, _ field: FieldSchema, to writer: inout ProtobufWriter
    ) throws(TypeMismatch) {
        guard case .array(let element) = type else {
            try encodeSingle(2, value, type, owner, field, to: &writer)
            return
        }
        let start = writer.beginMessage(2)
        for member in value.array ?? [] { try encodeSingle(1, member, element, owner, field, to: &writer) }
        writer.endMessage(start)
    }

    private func encodeSingle(
        _ tag: UInt32, _ value: Value, _ type: FieldType, _ owner: TypeSchema, _ field: FieldSchema,
        to writer: inout ProtobufWriter
    ) throws(TypeMismatch) {
        switch (type, value) {
        case (.object(let id), .object(let fields)):
            let start = writer.beginMessage(tag)
            try encode(fields, self[id], layout(of: id), to: &writer)
            writer.endMessage(start)
        case (.json, _) where ValueOrSchema(owner, field) != nil:
            try encodeChoice(tag, value, ValueOrSchema(owner, field), owner, to: &writer)
        case (_, .null): try encodeZero(tag, type, to: &writer)
        case (.object, _), (.array, _), (.map, _):
            throw TypeMismatch(found: value.kindName, wanted: goName(of: type))
        default:
            if let mismatch = scalarMismatch(value, type) { throw mismatch }
            encodeScalar(tag, value, type, to: &writer)
        }
    }

    /// `value` is known to fit `type`.
    private func encodeScalar(_ tag: UInt32, _ value: Value, _ type: FieldType, to writer: inout ProtobufWriter) {
        switch (type, value) {
        case (.string, .string(let text)): writer.string(tag, text)
        case (.bool, .bool(let bool)): writer.bool(tag, bool)
        case (.int32, .int(let number)), (.int64, .int(let number)): writer.int64(tag, number)
        case (.double, .int(let number)): writer.double(tag, Double(number))
        case (.double, .double(let number)): writer.double(tag, number)
        case (.bytes, .string(let text)): writer.bytes(tag, Base64.decode(text.utf8) ?? [])
        case (.quantity, _):
            let quantity = Quantity(value.string ?? value.jsonText) ?? .zero
            quantity.write(tag: tag, to: &writer)
        case (.time, .string(let text)): Time(text)?.write(tag: tag, to: &writer)
        case (.microTime, .string(let text)): MicroTime(text)?.write(tag: tag, to: &writer)
        case (.duration, .string(let text)):
            let start = writer.beginMessage(tag)
            writer.int64(1, GoDuration(text)?.nanoseconds ?? 0)
            writer.endMessage(start)
        case (.intOrString, .int(let number)):
            IntOrString.int(Int32(truncatingIfNeeded: number)).write(tag: tag, to: &writer)
        case (.intOrString, .string(let text)): IntOrString.string(text).write(tag: tag, to: &writer)
        case (.rawExtension, _), (.fieldsV1, _), (.json, _):
            let start = writer.beginMessage(tag)
            writer.bytes(1, value.jsonBytes())
            writer.endMessage(start)
        default: break
        }
    }

    /// A field that Go holds by value and that is not set.
    private func encodeZero(_ tag: UInt32, _ type: FieldType, to writer: inout ProtobufWriter) throws(TypeMismatch) {
        switch type {
        case .string: writer.string(tag, "")
        case .bool: writer.bool(tag, false)
        case .int32, .int64: writer.int64(tag, 0)
        case .double: writer.double(tag, 0)
        case .quantity: Quantity.zero.write(tag: tag, to: &writer)
        case .intOrString: IntOrString.int(0).write(tag: tag, to: &writer)
        case .duration: encodeScalar(tag, .string("0s"), type, to: &writer)
        case .time, .microTime, .rawExtension, .fieldsV1, .json: writer.endMessage(writer.beginMessage(tag))
        case .object(let id):
            let start = writer.beginMessage(tag)
            try encode(OrderedFields(), self[id], layout(of: id), to: &writer)
            writer.endMessage(start)
        case .bytes, .array, .map: break
        }
    }
}

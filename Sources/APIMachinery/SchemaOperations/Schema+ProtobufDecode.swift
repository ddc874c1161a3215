extension Schema {
    /// Reads an enveloped object; `kind` and `apiVersion` of the value come from the envelope.
    ///
    /// Zero values of optional scalars, which Go clients write for every field held by value, are left out.
    package func decodeProtobuf(_ bytes: [UInt8], as type: TypeID) throws(SchemaError) -> Value {
        let envelope = try ProtobufEnvelope(decoding: bytes)
        return try decodeProtobuf(envelope, as: type)
    }

    /// Reads the object of an envelope that was opened already.
    package func decodeProtobuf(_ envelope: ProtobufEnvelope, as type: TypeID) throws(SchemaError) -> Value {
        var value = try decodeProtobufMessage(envelope.raw, as: type)
        guard case .object(let fields) = value else { return value }
        var result = OrderedFields()
        if !envelope.kind.isEmpty { result.appendNew("kind", .string(envelope.kind)) }
        if !envelope.apiVersion.isEmpty { result.appendNew("apiVersion", .string(envelope.apiVersion)) }
        for (key, member) in fields.entries where !result.contains(key) { result.appendNew(key, member) }
        value = .object(result)
        return value
    }

    /// Reads a bare message.
    package func decodeProtobufMessage(_ bytes: [UInt8], as type: TypeID) throws(SchemaError) -> Value {
        do throws(ProtobufError) {
            return try ProtobufReader.read(bytes) { reader throws(ProtobufError) in
                try decodeFields(type, from: &reader, depth: 0)
            }
        } catch {
            throw SchemaError(description: error.message)
        }
    }

    /// The nested message that `reader` stands at.
    func decodeObject(_ id: TypeID, from reader: inout ProtobufReader, depth: Int) throws(ProtobufError) -> Value {
        guard depth < ValueParser.depthMax else { throw reader.failure("exceeded max depth") }
        return try reader.message { reader throws(ProtobufError) in
            try decodeFields(id, from: &reader, depth: depth + 1)
        }
    }

    private func decodeFields(
        _ id: TypeID, from reader: inout ProtobufReader, depth: Int
    ) throws(ProtobufError) -> Value {
        let type = self[id]
        var found = [Value?](repeating: nil, count: type.fields.count)
        try decode(type, layout(of: id), into: &found, from: &reader, depth: depth)
        var fields = OrderedFields()
        for (index, value) in found.enumerated() {
            if let value { fields.appendNew(type.fields[index].name, value) }
        }
        return .object(fields)
    }

    private func decode(
        _ type: TypeSchema, _ layout: ProtobufLayout, into found: inout [Value?], from reader: inout ProtobufReader,
        depth: Int
    ) throws(ProtobufError) {
        guard depth < ValueParser.depthMax else { throw reader.failure("exceeded max depth") }
        while let tag = try reader.nextField() {
            switch layout.node(of: tag) {
            case nil: try reader.skip()
            case .embedded(let inner):
                try reader.message { reader throws(ProtobufError) in
                    try decode(type, inner, into: &found, from: &reader, depth: depth + 1)
                }
            case .field(let index):
                try decode(type, index, into: &found[index], from: &reader, depth: depth)
            }
        }
    }

    private func decode(
        _ type: TypeSchema, _ index: Int, into place: inout Value?, from reader: inout ProtobufReader, depth: Int
    ) throws(ProtobufError) {
        let field = type.fields[index]
        switch field.type {
        case .array(let element):
            var elements: [Value] = []
            if case .array(let earlier) = place { elements = earlier }
            place = nil  // Keeps the list uniquely referenced.
            elements.append(try decodeSingle(element, type, field, from: &reader, depth: depth) ?? .null)
            place = .array(elements)
        case .map(let element):
            let (key, value) = try decodeEntry(element, type, field, from: &reader, depth: depth)
            var fields = OrderedFields()
            if case .object(let earlier) = place { fields = earlier }
            place = nil
            // Writers sort maps, so a repeated key, which replaces, is next to the first.
            if fields.entries.last?.key == key { fields[key] = value } else { fields.appendNew(key, value) }
            place = .object(fields)
        default:
            guard let value = try decodeSingle(field.type, type, field, from: &reader, depth: depth) else { return }
            if Self.isZero(value, field.type), !type.keepsZero[index] { return }
            place = value
        }
    }

    private func decodeEntry(
        _ element: FieldType, _ type: TypeSchema, _ field: FieldSchema, from reader: inout ProtobufReader, depth: Int
    ) throws(ProtobufError) -> (String, Value) {
        try reader.message { reader throws(ProtobufError) in
            var key = ""
            var value: Value?
            while let tag = try reader.nextField() {
                switch tag {
                case 1: key = try reader.string()
                case 2:
                    if case .array(let inner) = element {
                        value = try decodeList(inner, type, field, from: &reader, depth: depth)
                    } else {
                        value = try decodeSingle(element, type, field, from: &reader, depth: depth)
                    }
                default: try reader.skip()
                }
            }
            return (key, value ?? Self.emptyValue(of: element))
        }
    }

    private func decodeList(
        _ element: FieldType, _ type: TypeSchema, _ field: FieldSchema, from reader: inout ProtobufReader, depth: Int
    ) throws(ProtobufError) -> Value {
        try reader.message { reader throws(ProtobufError) in
            var elements: [Value] = []
            while let tag = try reader.nextField() {
                guard tag == 1 else {
                    try reader.skip()
                    continue
                }
                elements.append(try decodeSingle(element, type, field, from: &reader, depth: depth) ?? .null)
            }
            return .array(elements)
        }
    }

    /// One value; `nil` for an empty time, which is how Go writes "not set".
    private func decodeSingle(
        _ type: FieldType, _ owner: TypeSchema, _ field: FieldSchema, from reader: inout ProtobufReader, depth: Int
    ) throws(ProtobufError) -> Value? {
        switch type {
        case .string: return .string(try reader.string())
        case .bool: return .bool(try reader.bool())
        case .int32: return .int(Int64(try reader.int32()))
        case .int64: return .int(try reader.int64())
        case .double:
            let number = try reader.double()
            return Int64(exactly: number).map { .int($0) } ?? .double(number)
        case .bytes: return .string(String(decoding: Base64.encode(try reader.rawBytes()), as: UTF8.self))
        case .quantity: return .string(try Quantity(field: &reader).description)
        case .time, .microTime: return try decodeTime(isMicro: type == .microTime, from: &reader)
        case .duration:
            return try reader.message { reader throws(ProtobufError) in
                var nanoseconds: Int64 = 0
                while let tag = try reader.nextField() {
                    if tag == 1 { nanoseconds = try reader.int64() } else { try reader.skip() }
                }
                return .string(GoDuration(nanoseconds: nanoseconds).description)
            }
        case .intOrString:
            switch try IntOrString(field: &reader) {
            case .int(let number): return .int(Int64(number))
            case .string(let text): return .string(text)
            }
        case .json where ValueOrSchema(owner, field) != nil:
            guard let choice = ValueOrSchema(owner, field) else { return nil }
            return try decodeChoice(choice, owner, from: &reader, depth: depth + 1)
        case .rawExtension, .fieldsV1, .json: return try decodeRaw(from: &reader)
        case .object(let id): return try decodeObject(id, from: &reader, depth: depth)
        case .array, .map: throw reader.failure("nested lists are not supported")
        }
    }

    private func decodeTime(isMicro: Bool, from reader: inout ProtobufReader) throws(ProtobufError) -> Value? {
        try reader.message { reader throws(ProtobufError) in
            var seconds: Int64?
            var nanos: Int32 = 0
            while let tag = try reader.nextField() {
                switch tag {
                case 1: seconds = try reader.int64()
                case 2: nanos = try reader.int32()
                default: try reader.skip()
                }
            }
            guard let seconds else { return nil }
            let years: ClosedRange<Int64> = -62_135_596_800...253_402_300_799  // 0001 to 9999.
            guard years.contains(seconds), (0..<1_000_000_000).contains(nanos) else {
                throw reader.failure("time out of range")
            }
            return .string(
                isMicro
                    ? MicroTime(seconds: seconds, nanos: nanos).description : Time(seconds: seconds).description)
        }
    }

    /// JSON kept as bytes; `nil` when there is none.
    private func decodeRaw(from reader: inout ProtobufReader) throws(ProtobufError) -> Value? {
        try reader.message { reader throws(ProtobufError) in
            var value: Value?
            while let tag = try reader.nextField() {
                guard tag == 1 else {
                    try reader.skip()
                    continue
                }
                let bytes = try reader.bytes()
                guard !bytes.isEmpty else { continue }
                do throws(JSONError) {
                    value = try Value(json: bytes)
                } catch {
                    throw reader.failure("invalid embedded JSON: \(error.message)")
                }
            }
            return value
        }
    }

    private static func emptyValue(of type: FieldType) -> Value {
        switch type {
        case .string, .bytes: .string("")
        case .bool: .bool(false)
        case .int32, .int64, .double, .intOrString: .int(0)
        case .quantity: .string("0")
        case .object, .map: .object(OrderedFields())
        case .array: .array([])
        case .time, .microTime, .duration, .rawExtension, .fieldsV1, .json: .null
        }
    }

    /// What Go writes for a scalar held by value that is not set.
    private static func isZero(_ value: Value, _ type: FieldType) -> Bool {
        switch (type, value) {
        case (.string, .string(let text)), (.bytes, .string(let text)): text.isEmpty
        case (.bool, .bool(let bool)): !bool
        case (.int32, .int(let number)), (.int64, .int(let number)), (.double, .int(let number)): number == 0
        default: false
        }
    }
}

/// A type with a generated protobuf reader and writer: the fields of one message.
@usableFromInline package protocol ProtobufMessage: EmptyInitializable, ProtobufValue {
    /// Sets the fields that `reader` holds; unknown ones are skipped.
    mutating func merge(from reader: inout ProtobufReader) throws(ProtobufError)
    /// Writes the fields in the order of their tags.
    func write(to writer: inout ProtobufWriter)
}

/// Anything that can be the value of one protobuf field.
@usableFromInline package protocol ProtobufValue {
    /// Reads the value of the field that `reader` just returned.
    init(field reader: inout ProtobufReader) throws(ProtobufError)
    func write(tag: UInt32, to writer: inout ProtobufWriter)
}

extension ProtobufMessage {
    @inlinable
    package init(field reader: inout ProtobufReader) throws(ProtobufError) {
        self = try reader.message { reader throws(ProtobufError) in
            var message = Self()
            try message.merge(from: &reader)
            return message
        }
    }

    @inlinable
    package func write(tag: UInt32, to writer: inout ProtobufWriter) {
        let start = writer.beginMessage(tag)
        write(to: &writer)
        writer.endMessage(start)
    }

    /// Decodes a bare message, without the `k8s` envelope.
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = try ProtobufReader.read(bytes) { reader throws(ProtobufError) in
            var message = Self()
            try message.merge(from: &reader)
            return message
        }
    }

    /// The bare message, without the `k8s` envelope.
    package func protobufBytes() -> [UInt8] {
        ProtobufWriter.bytes { write(to: &$0) }
    }
}

extension String: ProtobufValue {
    @inlinable
    package init(field reader: inout ProtobufReader) throws(ProtobufError) { self = try reader.string() }
    @inlinable
    package func write(tag: UInt32, to writer: inout ProtobufWriter) { writer.string(tag, self) }
}

extension Bool: ProtobufValue {
    @inlinable
    package init(field reader: inout ProtobufReader) throws(ProtobufError) { self = try reader.bool() }
    @inlinable
    package func write(tag: UInt32, to writer: inout ProtobufWriter) { writer.bool(tag, self) }
}

extension Int32: ProtobufValue {
    @inlinable
    package init(field reader: inout ProtobufReader) throws(ProtobufError) { self = try reader.int32() }
    @inlinable
    package func write(tag: UInt32, to writer: inout ProtobufWriter) { writer.int32(tag, self) }
}

extension Int64: ProtobufValue {
    @inlinable
    package init(field reader: inout ProtobufReader) throws(ProtobufError) { self = try reader.int64() }
    @inlinable
    package func write(tag: UInt32, to writer: inout ProtobufWriter) { writer.int64(tag, self) }
}

extension Double: ProtobufValue {
    @inlinable
    package init(field reader: inout ProtobufReader) throws(ProtobufError) { self = try reader.double() }
    @inlinable
    package func write(tag: UInt32, to writer: inout ProtobufWriter) { writer.double(tag, self) }
}

extension Quantity: ProtobufValue {
    package init(field reader: inout ProtobufReader) throws(ProtobufError) {
        let text = try reader.onlyField { reader throws(ProtobufError) in try reader.string() } ?? ""
        guard let quantity = Quantity(text.isEmpty ? "0" : text) else { throw reader.failure("invalid quantity") }
        self = quantity
    }

    package func write(tag: UInt32, to writer: inout ProtobufWriter) {
        let start = writer.beginMessage(tag)
        writer.string(1, description)
        writer.endMessage(start)
    }
}

extension Time: ProtobufValue {
    package init(field reader: inout ProtobufReader) throws(ProtobufError) {
        let (seconds, nanos) = try reader.instant()
        self.init(seconds: seconds, nanos: nanos)
    }

    /// Whole seconds, as upstream writes it.
    package func write(tag: UInt32, to writer: inout ProtobufWriter) {
        writer.instant(tag, seconds: seconds, nanos: 0)
    }
}

extension MicroTime: ProtobufValue {
    package init(field reader: inout ProtobufReader) throws(ProtobufError) {
        let (seconds, nanos) = try reader.instant()
        self.init(seconds: seconds, nanos: nanos)
    }

    package func write(tag: UInt32, to writer: inout ProtobufWriter) {
        writer.instant(tag, seconds: seconds, nanos: nanos)
    }
}

extension IntOrString: ProtobufValue {
    package init(field reader: inout ProtobufReader) throws(ProtobufError) {
        self = try reader.message { reader throws(ProtobufError) in
            var isString = false
            var int: Int32 = 0
            var string = ""
            while let field = try reader.nextField() {
                switch field {
                case 1: isString = try reader.int64() == 1
                case 2: int = try reader.int32()
                case 3: string = try reader.string()
                default: try reader.skip()
                }
            }
            return isString ? .string(string) : .int(int)
        }
    }

    package func write(tag: UInt32, to writer: inout ProtobufWriter) {
        let start = writer.beginMessage(tag)
        switch self {
        case .int(let int):
            writer.int64(1, 0)
            writer.int32(2, int)
            writer.string(3, "")
        case .string(let string):
            writer.int64(1, 1)
            writer.int32(2, 0)
            writer.string(3, string)
        }
        writer.endMessage(start)
    }
}

/// Free-form JSON travels as the text of a message's only field (`RawExtension.raw`, `FieldsV1.Raw`).
extension Value: ProtobufValue {
    package init(field reader: inout ProtobufReader) throws(ProtobufError) {
        let bytes = try reader.onlyField { reader throws(ProtobufError) in try reader.bytes() } ?? []
        do throws(JSONError) {
            self = bytes.isEmpty ? .null : try Value(json: bytes)
        } catch {
            throw reader.failure(error.description)
        }
    }

    package func write(tag: UInt32, to writer: inout ProtobufWriter) {
        let start = writer.beginMessage(tag)
        writer.bytes(1, jsonBytes())
        writer.endMessage(start)
    }
}

/// What the generated readers are made of.
extension ProtobufReader {
    @inlinable
    @inline(never)
    package mutating func read<Field: ProtobufValue>(_ field: inout Field) throws(ProtobufError) {
        field = try Field(field: &self)
    }

    @inlinable
    @inline(never)
    package mutating func readOptional<Field: ProtobufValue>(_ field: inout Field?) throws(ProtobufError) {
        field = try Field(field: &self)
    }

    @inlinable
    @inline(never)
    package mutating func readElement<Field: ProtobufValue>(_ list: inout [Field]) throws(ProtobufError) {
        list.append(try Field(field: &self))
    }

    /// Upstream writes repeated integers unpacked, but must read both.
    package mutating func readElement(_ list: inout [Int64]) throws(ProtobufError) {
        list += try integers()
    }

    package mutating func readElement(_ list: inout [Int32]) throws(ProtobufError) {
        list += try integers().map { Int32(truncatingIfNeeded: $0) }
    }

    /// One entry of a map: a message with the key as field 1 and the value as field 2.
    @inlinable
    @inline(never)
    package mutating func readEntry<Field: ProtobufValue>(_ map: inout [String: Field]) throws(ProtobufError) {
        let (key, value) = try entry { reader throws(ProtobufError) in try Field(field: &reader) }
        if let value { map[key] = value }
    }

    package mutating func readEntry(_ map: inout [String: [UInt8]]) throws(ProtobufError) {
        let (key, value) = try entry { reader throws(ProtobufError) in try reader.bytes() }
        map[key] = value ?? []
    }

    /// A map's value that is a list is wrapped in a message with the elements as field 1.
    package mutating func readListEntry(_ map: inout [String: [String]]) throws(ProtobufError) {
        let (key, value) = try entry { reader throws(ProtobufError) in
            var list: [String] = []
            try reader.message { reader throws(ProtobufError) in
                while let field = try reader.nextField() {
                    if field == 1 { list.append(try reader.string()) } else { try reader.skip() }
                }
            }
            return list
        }
        map[key] = value ?? []
    }

    @inlinable
    mutating func entry<Field>(
        _ read: (inout ProtobufReader) throws(ProtobufError) -> Field
    ) throws(ProtobufError) -> (String, Field?) {
        var key = ""
        var value: Field?
        try message { reader throws(ProtobufError) in
            while let field = try reader.nextField() {
                switch field {
                case 1: key = try reader.string()
                case 2: value = try read(&reader)
                default: try reader.skip()
                }
            }
        }
        return (key, value)
    }

    /// Field 1 of a message that has no other.
    package mutating func onlyField<Field>(
        _ read: (inout ProtobufReader) throws(ProtobufError) -> Field
    ) throws(ProtobufError) -> Field? {
        var value: Field?
        try message { reader throws(ProtobufError) in
            while let field = try reader.nextField() {
                if field == 1 { value = try read(&reader) } else { try reader.skip() }
            }
        }
        return value
    }

    private mutating func integers() throws(ProtobufError) -> [Int64] {
        guard isPacked else { return [try int64()] }
        return try message { reader throws(ProtobufError) in
            var list: [Int64] = []
            while let value = try reader.packedVarint() { list.append(Int64(bitPattern: value)) }
            return list
        }
    }

    fileprivate mutating func instant() throws(ProtobufError) -> (Int64, Int32) {
        try message { reader throws(ProtobufError) in
            var seconds: Int64 = 0
            var nanos: Int32 = 0
            while let field = try reader.nextField() {
                switch field {
                case 1: seconds = try reader.int64()
                case 2: nanos = try reader.int32()
                default: try reader.skip()
                }
            }
            return (seconds, nanos)
        }
    }
}

/// What the generated writers are made of.
extension ProtobufWriter {
    @inlinable
    @inline(never)
    package mutating func field(_ tag: UInt32, _ value: some ProtobufValue) {
        value.write(tag: tag, to: &self)
    }

    @inlinable
    @inline(never)
    package mutating func field(_ tag: UInt32, ifSet value: (some ProtobufValue)?) {
        value?.write(tag: tag, to: &self)
    }

    @inlinable
    @inline(never)
    package mutating func field<Field: ProtobufValue>(_ tag: UInt32, each list: [Field]) {
        for element in list { element.write(tag: tag, to: &self) }
    }

    /// Entries in the order of their keys, as upstream writes them.
    @inlinable
    @inline(never)
    package mutating func field<Field: ProtobufValue>(_ tag: UInt32, entries map: [String: Field]) {
        for key in map.sortedKeys {
            let start = beginMessage(tag)
            string(1, key)
            map[key]?.write(tag: 2, to: &self)
            endMessage(start)
        }
    }

    package mutating func field(_ tag: UInt32, entries map: [String: [UInt8]]) {
        for key in map.sortedKeys {
            let start = beginMessage(tag)
            string(1, key)
            bytes(2, map[key] ?? [])
            endMessage(start)
        }
    }

    package mutating func field(_ tag: UInt32, listEntries map: [String: [String]]) {
        for key in map.sortedKeys {
            let start = beginMessage(tag)
            string(1, key)
            let list = beginMessage(2)
            field(1, each: map[key] ?? [])
            endMessage(list)
            endMessage(start)
        }
    }

    package mutating func field(_ tag: UInt32, bytesIfAny bytes: [UInt8]) {
        if !bytes.isEmpty { self.bytes(tag, bytes) }
    }

    fileprivate mutating func instant(_ tag: UInt32, seconds: Int64, nanos: Int32) {
        let start = beginMessage(tag)
        int64(1, seconds)
        int32(2, nanos)
        endMessage(start)
    }
}

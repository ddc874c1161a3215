extension Value {
    /// Parses one JSON document. Of repeated fields the last wins. The error's text is that of Go's decoder.
    package init(json bytes: [UInt8]) throws(JSONError) {
        self = try Self.parse(json: bytes, collectsDuplicates: false).value
    }

    /// Parses one JSON document and appends the paths of repeated fields (`spec.replicas`), at most 100.
    package static func parse(json bytes: [UInt8], duplicates: inout [String]) throws(JSONError) -> Value {
        let (value, found) = try parse(json: bytes, collectsDuplicates: true)
        duplicates += found
        return value
    }

    /// The document with repeated fields and the text of its numbers, for naming what is wrong with it.
    static func parse(sourceOf bytes: [UInt8]) throws(JSONError) -> Value {
        try parse(json: bytes, collectsDuplicates: false, keepsSource: true).value
    }

    private static func parse(
        json bytes: [UInt8], collectsDuplicates: Bool, keepsSource: Bool = false
    ) throws(JSONError) -> (value: Value, duplicates: [String]) {
        let outcome: Result<(Value, [String]), JSONError> = bytes.withUnsafeBufferPointer { buffer in
            var parser = ValueParser(buffer, collectsDuplicates: collectsDuplicates, keepsSource: keepsSource)
            do throws(JSONSyntaxError) {
                return .success((try parser.parseDocument(), parser.duplicates))
            } catch {
                return .failure(JSONError(message: error.description, offset: parser.position))
            }
        }
        return try outcome.get()
    }

    /// Compact JSON with all object keys sorted bytewise: equal values have equal bytes.
    package func sortedJSONBytes() -> [UInt8] {
        JSONWriter.bytes { write(to: &$0, isSorted: true) }
    }

    /// `jsonBytes()` as text.
    package var jsonText: String { String(decoding: jsonBytes(), as: UTF8.self) }
}

extension Value: JSONReadable, JSONWritable {
    package init(from reader: inout JSONReader) throws(JSONError) {
        let start = reader.offset
        let raw = try reader.raw()
        var parser = ValueParser(raw, collectsDuplicates: false)
        do throws(JSONSyntaxError) {
            self = try parser.parseValue()
        } catch {
            throw JSONError(message: error.description, offset: start + parser.position)
        }
    }

    package func write(to writer: inout JSONWriter) {
        write(to: &writer, isSorted: false)
    }

    private func write(to writer: inout JSONWriter, isSorted: Bool) {
        switch self {
        case .null: writer.null()
        case .bool(let bool): writer.bool(bool)
        case .int(let int): writer.int(int)
        case .double(let double): writer.double(double)
        case .string(let string): writer.string(string)
        case .array(let elements):
            writer.beginArray()
            for element in elements { element.write(to: &writer, isSorted: isSorted) }
            writer.endArray()
        case .object(let fields):
            writer.beginObject()
            for (key, value) in (isSorted ? fields.sorted() : fields).entries {
                writer.key(key)
                value.write(to: &writer, isSorted: isSorted)
            }
            writer.endObject()
        }
    }
}

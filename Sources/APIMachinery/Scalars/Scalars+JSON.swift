extension Time: JSONReadable, JSONWritable {
    package init(from reader: inout JSONReader) throws(JSONError) {
        let text = try reader.string()
        guard let time = Time(text) else { throw reader.failure(Self.parseFailure(of: text)) }
        self = time
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }

    /// Go's words for a text that is no RFC 3339 time.
    static func parseFailure(of text: String) -> String {
        TimeFailure.text(of: text, layout: TimeFailure.seconds) ?? "parsing time \"\(text)\": out of range"
    }
}

extension MicroTime: JSONReadable, JSONWritable {
    package init(from reader: inout JSONReader) throws(JSONError) {
        let text = try reader.string()
        guard let time = MicroTime(text) else { throw reader.failure(Self.parseFailure(of: text)) }
        self = time
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }

    static func parseFailure(of text: String) -> String {
        TimeFailure.text(of: text, layout: TimeFailure.micros) ?? "parsing time \"\(text)\": out of range"
    }
}

extension Quantity: JSONReadable, JSONWritable {
    /// A string, or a bare number, which is read as its digits.
    package init(from reader: inout JSONReader) throws(JSONError) {
        let text: String
        switch try reader.peek() {
        case .string: text = try reader.string()
        case .number: text = String(decoding: try reader.raw(), as: UTF8.self)
        case let token: throw reader.mismatch("a quantity", token)
        }
        do throws(QuantityError) {
            try self.init(parsing: text)
        } catch {
            throw reader.failure(error.description)
        }
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension IntOrString: JSONReadable, JSONWritable {
    package init(from reader: inout JSONReader) throws(JSONError) {
        switch try reader.peek() {
        case .string: self = .string(try reader.string())
        case .number: self = .int(try reader.int32())
        case let token: throw reader.mismatch("a number or a string", token)
        }
    }

    package func write(to writer: inout JSONWriter) {
        switch self {
        case .int(let value): writer.int(value)
        case .string(let value): writer.string(value)
        }
    }
}

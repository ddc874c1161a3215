internal import CYAML

/// Why a text is not YAML, in the words of the Go library that upstream uses (`yaml: line 2: …`).
package struct YAMLError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

extension Value {
    /// The first document of a YAML text, with the types that Kubernetes gives scalars. An empty text is `null`.
    package init(yaml bytes: [UInt8]) throws(YAMLError) {
        var duplicates: [String] = []
        self = try YAMLReader.read(bytes, documentsMax: 1, duplicates: &duplicates).first ?? .null
    }

    /// The first document with sorted keys, as upstream has it after its conversion to JSON. Appends repeated keys
    /// (`line 9: key "replicas" already set in map`).
    package static func parse(yaml bytes: [UInt8], duplicates: inout [String]) throws(YAMLError) -> Value {
        (try YAMLReader.read(bytes, documentsMax: 1, duplicates: &duplicates).first ?? .null).sortedKeys()
    }

    /// All documents of a YAML text; empty ones are left out.
    package static func documents(yaml bytes: [UInt8]) throws(YAMLError) -> [Value] {
        var duplicates: [String] = []
        return try YAMLReader.read(bytes, documentsMax: .max, duplicates: &duplicates).filter { !$0.isNull }
    }
}

/// Builds values from libyaml's events.
private struct YAMLReader {
    /// Levels of nesting accepted, as in JSON.
    private static let depthMax = ValueParser.depthMax
    /// Values that aliases may add to one text. Stops "billion laughs" texts, which copy themselves exponentially.
    private static let aliasedValuesMax = 100_000

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private var depth = 0
    private var anchors: [String: (value: Value, size: Int)] = [:]
    private var aliasedValues = 0
    /// Values built so far.
    private var size = 0
    private var duplicates: [String] = []

    static func read(
        _ bytes: [UInt8], documentsMax: Int, duplicates: inout [String]
    ) throws(YAMLError) -> [Value] {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { throw YAMLError(description: "yaml: out of memory") }
        defer { yaml_parser_delete(parser) }
        let outcome: Result<([Value], [String]), YAMLError> = bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
            var reader = YAMLReader(parser: parser)
            do throws(YAMLError) {
                return .success((try reader.documents(max: documentsMax), reader.duplicates))
            } catch {
                return .failure(error)
            }
        }
        let (documents, found) = try outcome.get()
        duplicates += found
        return documents
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>) {
        self.parser = parser
    }

    private mutating func documents(max: Int) throws(YAMLError) -> [Value] {
        var documents: [Value] = []
        while documents.count < max {
            let event = try next()
            switch event.kind {
            case YAML_DOCUMENT_START_EVENT:
                anchors = [:]
                documents.append(try value(of: try next()))
            case YAML_STREAM_END_EVENT: return documents
            default: break
            }
        }
        return documents
    }

    // MARK: Events

    private struct Event {
        var kind: yaml_event_type_t
        var text = ""
        var tag = ""
        var anchor = ""
        var isPlain = false
        var line = 0
    }

    private func next() throws(YAMLError) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw failure() }
        defer { yaml_event_delete(&raw) }
        var event = Event(kind: raw.type)
        event.line = Int(raw.start_mark.line)
        switch raw.type {
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            event.text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            event.tag = Self.text(scalar.tag)
            event.anchor = Self.text(scalar.anchor)
            event.isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
        case YAML_SEQUENCE_START_EVENT: event.anchor = Self.text(raw.data.sequence_start.anchor)
        case YAML_MAPPING_START_EVENT: event.anchor = Self.text(raw.data.mapping_start.anchor)
        case YAML_ALIAS_EVENT: event.anchor = Self.text(raw.data.alias.anchor)
        default: break
        }
        return event
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }

    /// Upstream's library names the line only past the first, and counts scanner errors one further.
    private func failure() -> YAMLError {
        let state = parser.pointee
        var line = 0
        if state.problem_mark.line != 0 {
            line = Int(state.problem_mark.line) + (state.error == YAML_SCANNER_ERROR ? 1 : 0)
        } else if state.context_mark.line != 0 {
            line = Int(state.context_mark.line)
        }
        let problem = state.problem.map { String(cString: $0) } ?? "unknown problem parsing YAML content"
        return YAMLError(description: "yaml: " + (line > 0 ? "line \(line): " : "") + problem)
    }

    // MARK: Values

    private mutating func value(of event: Event) throws(YAMLError) -> Value {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else { throw YAMLError(description: "yaml: exceeded max depth") }
        let sizeBefore = size
        size += 1
        let result: Value
        switch event.kind {
        case YAML_SCALAR_EVENT:
            result = try YAMLScalar.resolve(event.text, tag: event.tag, isPlain: event.isPlain)
        case YAML_SEQUENCE_START_EVENT:
            result = try sequence()
        case YAML_MAPPING_START_EVENT:
            result = try mapping()
        case YAML_ALIAS_EVENT:
            return try alias(event.anchor)
        default:
            throw YAMLError(description: "yaml: unexpected event")
        }
        if !event.anchor.isEmpty { anchors[event.anchor] = (result, size - sizeBefore) }
        return result
    }

    private mutating func alias(_ anchor: String) throws(YAMLError) -> Value {
        guard let (value, copied) = anchors[anchor] else {
            throw YAMLError(description: "yaml: unknown anchor '\(anchor)' referenced")
        }
        size += copied
        aliasedValues += copied
        guard aliasedValues <= Self.aliasedValuesMax else {
            throw YAMLError(description: "yaml: document contains excessive aliasing")
        }
        return value
    }

    private mutating func sequence() throws(YAMLError) -> Value {
        var elements: [Value] = []
        while true {
            let event = try next()
            if event.kind == YAML_SEQUENCE_END_EVENT { return .array(elements) }
            elements.append(try value(of: event))
        }
    }

    private mutating func mapping() throws(YAMLError) -> Value {
        var fields = OrderedFields()
        var positions: [String: Int] = [:]
        var merges: [Value] = []
        while true {
            let event = try next()
            if event.kind == YAML_MAPPING_END_EVENT { break }
            let isMerge = event.kind == YAML_SCALAR_EVENT && event.isPlain && event.text == "<<"
            let key = try keyText(of: event)
            let member = try value(of: try next())
            if isMerge {
                merges.append(member)
            } else if let position = positions[key] {
                if duplicates.count < ValueParser.duplicatesMax {
                    duplicates.append("line \(event.line + 1): key \"\(key)\" already set in map")
                }
                fields.replace(at: position, with: member)
            } else {
                positions[key] = fields.count
                fields.appendNew(key, member)
            }
        }
        for source in merges { try merge(source, into: &fields, &positions) }
        return .object(fields)
    }

    /// `<<`: members of the named maps that are not set here.
    private func merge(
        _ source: Value, into fields: inout OrderedFields, _ positions: inout [String: Int]
    ) throws(YAMLError) {
        switch source {
        case .object(let inherited):
            for (key, value) in inherited.entries where positions[key] == nil {
                positions[key] = fields.count
                fields.appendNew(key, value)
            }
        case .array(let sources):
            for source in sources {
                guard case .object = source else { throw Self.badMerge }
                try merge(source, into: &fields, &positions)
            }
        default: throw Self.badMerge
        }
    }

    private static let badMerge = YAMLError(
        description: "yaml: map merge requires map or sequence of maps as the value")

    /// JSON keys are strings: numbers and booleans are written out, as upstream does.
    private mutating func keyText(of event: Event) throws(YAMLError) -> String {
        if event.kind == YAML_SCALAR_EVENT, event.isPlain, event.text == "<<" { return "<<" }
        switch try value(of: event) {
        case .string(let text): return text
        case .int(let number): return String(number)
        case .bool(let bool): return bool ? "true" : "false"
        case .double(let number): return Value.double(number).jsonText
        case .null: return "null"
        case .array, .object:
            throw YAMLError(description: "error converting YAML to JSON: unsupported map key")
        }
    }
}

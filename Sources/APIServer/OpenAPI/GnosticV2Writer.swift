internal import APIMachinery

/// Writes an OpenAPI v2 document as gnostic's protobuf message `openapi.v2.Document`, gzip'd.
///
/// kubectl before 1.27 reads it for validation, apply and explain; numbers are those of gnostic's `OpenAPIv2.proto`.
/// A message may be cut at any repeated field, so paths and definitions are written as they come: concatenated
/// occurrences of `paths` (8) and `definitions` (9) merge.
struct GnosticV2Writer: OpenAPIWriter, ~Copyable {
    private var output = CompressedOutput()

    init(title: String, version: String) {
        output.append(
            ProtobufWriter.bytes { writer in
                writer.string(1, "2.0")
                writer.message(2) {
                    $0.string(1, title)
                    $0.string(2, version)
                }
            }
        )
    }

    mutating func path(_ name: String, _ item: Value) {
        output.append(
            ProtobufWriter.bytes(capacity: 8192) { writer in
                writer.message(8) { $0.message(2) { $0.named(name) { $0.pathItem(item) } } }
            }
        )
    }

    mutating func definition(_ name: String, _ schema: Value) {
        output.append(
            ProtobufWriter.bytes(capacity: 8192) { writer in
                writer.message(9) { $0.message(1) { $0.named(name) { $0.schema(schema) } } }
            }
        )
    }

    /// Adds how clients authenticate: a bearer token in a header.
    mutating func finish() -> [UInt8] {
        output.append(
            ProtobufWriter.bytes { writer in
                writer.message(12) { $0.message(1) { $0.named("BearerToken") { _ in } } }
                writer.message(13) { definitions in
                    definitions.message(1) {
                        $0.named("BearerToken") {
                            $0.message(2) { key in
                                key.string(1, "apiKey")
                                key.string(2, "authorization")
                                key.string(3, "header")
                                key.string(4, "Bearer Token authentication")
                            }
                        }
                    }
                }
            }
        )
        return output.finish()
    }
}

extension ProtobufWriter {
    /// Gnostic's maps: entries with the key as field 1 and the value as field 2.
    fileprivate mutating func named(_ name: String, _ value: (inout ProtobufWriter) -> Void) {
        string(1, name)
        message(2, value)
    }

    fileprivate mutating func strings(_ tag: UInt32, _ value: Value?) {
        for element in value?.array ?? [] { string(tag, element.string ?? "") }
    }

    fileprivate mutating func string(_ tag: UInt32, ifSet value: Value?) {
        if let text = value?.string { string(tag, text) }
    }

    fileprivate mutating func bool(_ tag: UInt32, ifTrue value: Value?) {
        if value?.bool == true { bool(tag, true) }
    }

    /// `Any`: its text is YAML, and JSON is YAML.
    fileprivate mutating func any(_ tag: UInt32, _ value: Value?) {
        if let value { message(tag) { $0.string(2, value.jsonText) } }
    }

    fileprivate mutating func extensions(_ tag: UInt32, of value: Value) {
        for entry in value.fields?.entries ?? [] where entry.key.hasPrefix("x-") {
            message(tag) { extensionEntry in
                extensionEntry.string(1, entry.key)
                extensionEntry.any(2, entry.value)
            }
        }
    }

    fileprivate mutating func pathItem(_ item: Value) {
        let methods: [(String, UInt32)] = [
            ("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("options", 6), ("head", 7), ("patch", 8),
        ]
        for (method, tag) in methods {
            if let value = item[method] { message(tag) { $0.operation(value) } }
        }
        for parameter in item["parameters"]?.array ?? [] { message(9) { $0.parameter(parameter) } }
    }

    private mutating func operation(_ value: Value) {
        strings(1, value["tags"])
        string(3, ifSet: value["description"])
        string(5, ifSet: value["operationId"])
        strings(6, value["produces"])
        strings(7, value["consumes"])
        for parameter in value["parameters"]?.array ?? [] { message(8) { $0.parameter(parameter) } }
        message(9) { responses in
            for entry in value["responses"]?.fields?.entries ?? [] {
                responses.message(1) { $0.named(entry.key) { $0.message(1) { $0.response(entry.value) } } }
            }
        }
        strings(10, value["schemes"])
        extensions(13, of: value)
    }

    private mutating func response(_ value: Value) {
        string(1, ifSet: value["description"])
        if let schema = value["schema"] { message(2) { $0.message(1) { $0.schema(schema) } } }
    }

    /// `ParametersItem`: a choice of `Parameter`, itself a choice by location.
    private mutating func parameter(_ value: Value) {
        message(1) { parameter in
            switch value["in"]?.string {
            case "body": parameter.message(1) { $0.bodyParameter(value) }
            case "path": parameter.message(2) { $0.message(4) { $0.plainParameter(value, typeTag: 5) } }
            default: parameter.message(2) { $0.message(3) { $0.plainParameter(value, typeTag: 6) } }
            }
        }
    }

    private mutating func bodyParameter(_ value: Value) {
        string(1, ifSet: value["description"])
        string(2, ifSet: value["name"])
        string(3, ifSet: value["in"])
        bool(4, ifTrue: value["required"])
        if let schema = value["schema"] { message(5) { $0.schema(schema) } }
    }

    /// Query and path parameters differ in where `type` and what follows it stand.
    private mutating func plainParameter(_ value: Value, typeTag: UInt32) {
        bool(1, ifTrue: value["required"])
        string(2, ifSet: value["in"])
        string(3, ifSet: value["description"])
        string(4, ifSet: value["name"])
        string(typeTag, ifSet: value["type"])
        bool(typeTag + 14, ifTrue: value["uniqueItems"])
    }

    fileprivate mutating func schema(_ value: Value) {
        string(1, ifSet: value["$ref"])
        string(2, ifSet: value["format"])
        string(4, ifSet: value["description"])
        any(5, value["default"])
        strings(19, value["required"])
        for element in value["enum"]?.array ?? [] { any(20, element) }
        if let element = value["additionalProperties"] { message(21) { $0.message(1) { $0.schema(element) } } }
        if let type = value["type"]?.string { message(22) { $0.string(1, type) } }
        if let element = value["items"] { message(23) { $0.message(1) { $0.schema(element) } } }
        for element in value["allOf"]?.array ?? [] { message(24) { $0.schema(element) } }
        if let properties = value["properties"]?.fields {
            message(25) { map in
                for entry in properties.entries { map.message(1) { $0.named(entry.key) { $0.schema(entry.value) } } }
            }
        }
        extensions(31, of: value)
    }
}

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
                writer.message(8) { $0.message(2) { $0.named(name) { $0.pathItemV2(item) } } }
            }
        )
    }

    mutating func definition(_ name: String, _ schema: Value) {
        output.append(
            ProtobufWriter.bytes(capacity: 8192) { writer in
                writer.message(9) { $0.message(1) { $0.named(name) { $0.schemaV2(schema) } } }
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
                            $0.message(2) { $0.bearerToken(name: 2, location: 3, description: 4) }
                        }
                    }
                }
            }
        )
        return output.finish()
    }
}

extension ProtobufWriter {
    fileprivate mutating func pathItemV2(_ item: Value) {
        pathItem(item, first: 2, parameters: 9, operation: { $0.operation($1) }, parameter: { $0.parameter($1) })
    }

    private mutating func operation(_ value: Value) {
        strings(1, value["tags"])
        string(3, ifSet: value["description"])
        string(5, ifSet: value["operationId"])
        strings(6, value["produces"])
        strings(7, value["consumes"])
        for parameter in value["parameters"]?.array ?? [] { message(8) { $0.parameter(parameter) } }
        message(9) { responses in
            responses.entries(1, of: value["responses"]) { named, response in
                named.message(1) { $0.response(response) }
            }
        }
        strings(10, value["schemes"])
        extensions(13, of: value)
    }

    private mutating func response(_ value: Value) {
        string(1, ifSet: value["description"])
        if let schema = value["schema"] { message(2) { $0.message(1) { $0.schemaV2(schema) } } }
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
        if let schema = value["schema"] { message(5) { $0.schemaV2(schema) } }
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

    fileprivate mutating func schemaV2(_ value: Value) {
        string(1, ifSet: value["$ref"])
        string(2, ifSet: value["format"])
        string(4, ifSet: value["description"])
        any(5, value["default"])
        strings(19, value["required"])
        for element in value["enum"]?.array ?? [] { any(20, element) }
        if let element = value["additionalProperties"] { message(21) { $0.message(1) { $0.schemaV2(element) } } }
        if let type = value["type"]?.string { message(22) { $0.string(1, type) } }
        if let element = value["items"] { message(23) { $0.message(1) { $0.schemaV2(element) } } }
        for element in value["allOf"]?.array ?? [] { message(24) { $0.schemaV2(element) } }
        if let properties = value["properties"]?.fields {
            message(25) { $0.entries(1, of: .object(properties)) { $0.schemaV2($1) } }
        }
        extensions(31, of: value)
    }
}

internal import APIMachinery

/// Writes an OpenAPI v3 document as gnostic's protobuf message `openapi.v3.Document`, gzip'd.
///
/// Numbers are those of gnostic's `OpenAPIv3.proto`. Occurrences of `paths` (4) and `components` (5) merge.
struct GnosticV3Writer: OpenAPIWriter, ~Copyable {
    private var output = CompressedOutput()

    init(title: String, version: String) {
        output.append(
            ProtobufWriter.bytes { writer in
                writer.string(1, "3.0.0")
                writer.message(2) {
                    $0.string(1, title)
                    $0.string(6, version)
                }
            }
        )
    }

    mutating func path(_ name: String, _ item: Value) {
        output.append(
            ProtobufWriter.bytes(capacity: 8192) { writer in
                writer.message(4) { $0.message(1) { $0.named(name) { $0.pathItemV3(item) } } }
            }
        )
    }

    mutating func definition(_ name: String, _ schema: Value) {
        output.append(
            ProtobufWriter.bytes(capacity: 8192) { writer in
                writer.message(5) { components in
                    components.message(1) { $0.message(1) { $0.named(name) { $0.schemaOrReference(schema) } } }
                }
            }
        )
    }

    /// Adds how clients authenticate: a bearer token in a header.
    mutating func finish() -> [UInt8] {
        output.append(
            ProtobufWriter.bytes { writer in
                writer.message(5) { components in
                    components.message(7) { schemes in
                        schemes.message(1) {
                            $0.named("BearerToken") {
                                $0.message(1) { $0.bearerToken(name: 3, location: 4, description: 2) }
                            }
                        }
                    }
                }
                writer.message(6) { $0.message(1) { $0.named("BearerToken") { _ in } } }
            }
        )
        return output.finish()
    }
}

extension ProtobufWriter {
    fileprivate mutating func pathItemV3(_ item: Value) {
        pathItem(item, first: 4, parameters: 13, operation: { $0.operation($1) }, parameter: { $0.parameter($1) })
    }

    private mutating func operation(_ value: Value) {
        strings(1, value["tags"])
        string(3, ifSet: value["description"])
        string(5, ifSet: value["operationId"])
        for parameter in value["parameters"]?.array ?? [] { message(6) { $0.parameter(parameter) } }
        if let body = value["requestBody"] {
            message(7) {
                $0.message(1) { request in
                    request.content(2, body["content"])
                    request.bool(3, ifTrue: body["required"])
                }
            }
        }
        message(8) { responses in
            responses.entries(2, of: value["responses"]) { named, response in
                named.message(1) { $0.response(response) }
            }
        }
        extensions(13, of: value)
    }

    private mutating func response(_ value: Value) {
        string(1, ifSet: value["description"])
        content(3, value["content"])
    }

    /// `MediaTypes`: by type, each with its schema.
    private mutating func content(_ tag: UInt32, _ value: Value?) {
        guard let value else { return }
        message(tag) { types in
            types.entries(1, of: value) { type, content in
                if let schema = content["schema"] { type.message(1) { $0.schemaOrReference(schema) } }
            }
        }
    }

    private mutating func parameter(_ value: Value) {
        message(1) { parameter in
            parameter.string(1, ifSet: value["name"])
            parameter.string(2, ifSet: value["in"])
            parameter.string(3, ifSet: value["description"])
            parameter.bool(4, ifTrue: value["required"])
            if let schema = value["schema"] { parameter.message(10) { $0.schemaOrReference(schema) } }
        }
    }

    fileprivate mutating func schemaOrReference(_ value: Value) {
        if let reference = value["$ref"]?.string {
            message(2) { $0.string(1, reference) }
        } else {
            message(1) { $0.schema(value) }
        }
    }

    private mutating func schema(_ value: Value) {
        bool(20, ifTrue: value["uniqueItems"])
        strings(23, value["required"])
        for element in value["enum"]?.array ?? [] { any(24, element) }
        string(25, ifSet: value["type"])
        for element in value["allOf"]?.array ?? [] { message(26) { $0.schemaOrReference(element) } }
        for element in value["oneOf"]?.array ?? [] { message(27) { $0.schemaOrReference(element) } }
        if let element = value["items"] { message(30) { $0.message(1) { $0.schemaOrReference(element) } } }
        if let properties = value["properties"]?.fields {
            message(31) { $0.entries(1, of: .object(properties)) { $0.schemaOrReference($1) } }
        }
        if let element = value["additionalProperties"] {
            message(32) { $0.message(1) { $0.schemaOrReference(element) } }
        }
        defaultValue(value["default"])
        string(34, ifSet: value["description"])
        string(35, ifSet: value["format"])
        extensions(36, of: value)
    }

    /// The message has only scalars: a default of `{}` cannot be said, and upstream drops it too.
    private mutating func defaultValue(_ value: Value?) {
        switch value {
        case .int(let number): message(33) { $0.double(1, Double(number)) }
        case .double(let number): message(33) { $0.double(1, number) }
        case .bool(let flag): message(33) { $0.bool(2, flag) }
        case .string(let text): message(33) { $0.string(3, text) }
        default: break
        }
    }
}

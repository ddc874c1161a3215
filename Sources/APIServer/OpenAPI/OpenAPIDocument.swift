internal import APIMachinery
internal import KubeAPI

/// Receives a document piece by piece, so that only one path or definition is held as a tree at a time.
protocol OpenAPIWriter: ~Copyable {
    mutating func path(_ name: String, _ item: Value)
    mutating func definition(_ name: String, _ schema: Value)
}

/// One OpenAPI document: some resources, or the discovery paths alone.
struct OpenAPIDocument {
    let schema: Schema
    let dialect: OpenAPIDialect
    let resources: [ResourceDefinition]
    /// Paths that answer documents about the server.
    var discoveryPaths: [DocumentPath] = []

    /// All paths first, then every definition they need.
    func write(to writer: inout some OpenAPIWriter & ~Copyable) {
        var schemas = OpenAPISchemas(schema: schema, dialect: dialect)
        for entry in discoveryPaths {
            writer.path(entry.path, entry.value(with: &schemas))
        }
        for resource in resources {
            for path in OpenAPIPaths(schema: schema, resource: resource).paths {
                writer.path(path.path, path.value(with: &schemas))
            }
        }
        if !resources.isEmpty { _ = schemas.reference(to: TypeName.watchEvent) }
        schemas.forEachDefinition { writer.definition($0, $1) }
    }
}

/// A path that answers a document about the server.
struct DocumentPath {
    let path: String
    let identifier: String
    let description: String
    let tag: String
    /// `nil` for plain text.
    var type: String?
    var mediaTypes = [DocumentMedia.json, DocumentMedia.yaml, DocumentMedia.protobuf]

    func value(with schemas: inout OpenAPISchemas) -> Value {
        var entries: [(String, Value)] = [
            ("tags", .strings([tag])), ("description", .string(description)), ("operationId", .string(identifier)),
        ]
        let schema = type.map { schemas.reference(to: $0) } ?? .typed("string")
        let answer: Value
        switch schemas.dialect {
        case .v2:
            entries += [("produces", .strings(mediaTypes)), ("schemes", .strings(["https"]))]
            answer = .ordered([("description", .string("OK")), ("schema", schema)])
        case .v3:
            let content = mediaTypes.map { ($0, Value.ordered([("schema", schema)])) }
            answer = .ordered([("description", .string("OK")), ("content", .ordered(content))])
        }
        let refused = Value.ordered([("description", .string("Unauthorized"))])
        entries.append(("responses", .ordered([("200", answer), ("401", refused)])))
        return .ordered([("get", .ordered(entries))])
    }
}

/// Writes a document as gzip'd JSON.
struct OpenAPIJSONWriter: OpenAPIWriter, ~Copyable {
    private let dialect: OpenAPIDialect
    private var output = CompressedOutput()
    private var isInDefinitions = false
    private var isFirst = true

    /// `head` are the members before `paths`.
    init(dialect: OpenAPIDialect, head: [(String, Value)]) {
        self.dialect = dialect
        var bytes = Value.ordered(head).jsonBytes()
        bytes.removeLast()
        output.append(bytes + Array(",\"paths\":{".utf8))
    }

    mutating func path(_ name: String, _ item: Value) { member(name, item) }

    mutating func definition(_ name: String, _ schema: Value) {
        if !isInDefinitions { beginDefinitions() }
        member(name, schema)
    }

    /// Adds the definition of the security schemes; the whole document, compressed.
    mutating func finish(security: Value) -> [UInt8] {
        if !isInDefinitions { beginDefinitions() }
        let requirement = #""security":[{"BearerToken":[]}]}"# + "\n"
        output.append(Array((dialect == .v2 ? #"},"securityDefinitions":"# : #"},"securitySchemes":"#).utf8))
        output.append(security.jsonBytes())
        output.append(Array(((dialect == .v2 ? "," : "},") + requirement).utf8))
        return output.finish()
    }

    private mutating func beginDefinitions() {
        isInDefinitions = true
        isFirst = true
        output.append(Array((dialect == .v2 ? #"},"definitions":{"# : #"},"components":{"schemas":{"#).utf8))
    }

    private mutating func member(_ name: String, _ value: Value) {
        output.append((isFirst ? [] : [UInt8(ascii: ",")]) + Value.string(name).jsonBytes() + [UInt8(ascii: ":")])
        output.append(value.jsonBytes())
        isFirst = false
    }
}

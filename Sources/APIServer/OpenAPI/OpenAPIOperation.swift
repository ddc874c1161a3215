internal import APIMachinery

/// One operation of a path, independent of the dialect it is written in.
struct OpenAPIOperation {
    /// `get`, `post`, … as the key in the path item.
    let method: String
    /// `x-kubernetes-action`: `list`, `deletecollection`, `connect`, …
    let action: String
    let identifier: String
    let tag: String
    let kind: GroupVersionKind
    var parameters: [OpenAPIParameter] = []
    /// Type of the request body; `nil` for none.
    var body: String?
    var isBodyRequired = true
    /// Type of the answer; `nil` for plain text.
    var answer: String?
    var successCodes = [200]

    /// What a PATCH may be sent as. kubectl reads from it that strategic merge is supported.
    static let patchTypes = [
        "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ]

    func value(with schemas: inout OpenAPISchemas) -> Value {
        var entries: [(String, Value)] = [
            ("tags", .strings([tag])), ("description", .string(description)), ("operationId", .string(identifier)),
        ]
        var parameterValues = parameters.map { $0.value(in: schemas.dialect) }
        let bodySchema = body.map { schemas.reference(to: $0) }
        if schemas.dialect == .v2 {
            entries.append(("consumes", .strings(action == "patch" ? Self.patchTypes : ["*/*"])))
            entries.append(("produces", .strings(produces)))
            entries.append(("schemes", .strings(["https"])))
            if let bodySchema {
                let body: [(String, Value)] = [("name", .string("body")), ("in", .string("body"))]
                let required: [(String, Value)] = isBodyRequired ? [("required", .bool(true))] : []
                parameterValues.append(.ordered(body + required + [("schema", bodySchema)]))
            }
        }
        if !parameterValues.isEmpty { entries.append(("parameters", .array(parameterValues))) }
        if schemas.dialect == .v3, let bodySchema {
            let types = action == "patch" ? Self.patchTypes : ["*/*"]
            let content = types.map { ($0, Value.ordered([("schema", bodySchema)])) }
            let required: [(String, Value)] = isBodyRequired ? [("required", .bool(true))] : []
            entries.append(("requestBody", .ordered([("content", .ordered(content))] + required)))
        }
        entries.append(("responses", responses(with: &schemas)))
        entries.append(("x-kubernetes-action", .string(action)))
        entries.append(("x-kubernetes-group-version-kind", kind.openAPIValue))
        return .ordered(entries)
    }

    private var description: String {
        switch action {
        case "get": "read the specified \(kind.kind)"
        case "list": "list or watch objects of kind \(kind.kind)"
        case "watch":
            "watch one object of kind \(kind.kind). Deprecated: list with the parameters watch and fieldSelector."
        case "watchlist": "watch objects of kind \(kind.kind). Deprecated: list with the parameter watch."
        case "post": "create \(kind.kind)"
        case "put": "replace the specified \(kind.kind)"
        case "patch": "partially update the specified \(kind.kind)"
        case "delete": "delete \(kind.kind)"
        case "deletecollection": "delete collection of \(kind.kind)"
        default: "connect \(method.uppercased()) requests to \(kind.kind)"
        }
    }

    private var produces: [String] {
        if action == "connect" { return ["*/*"] }
        if answer == nil { return ["text/plain", "application/json", "application/yaml"] }
        let types = [DocumentMedia.json, DocumentMedia.yaml, DocumentMedia.protobuf]
        guard ["list", "watch", "watchlist"].contains(action) else { return types }
        return types + [DocumentMedia.json + ";stream=watch", DocumentMedia.protobuf + ";stream=watch"]
    }

    private func responses(with schemas: inout OpenAPISchemas) -> Value {
        let schema = answer.map { schemas.reference(to: $0) } ?? .typed("string")
        var entries: [(String, Value)] = successCodes.map { code in
            let text = [200: "OK", 201: "Created", 202: "Accepted"][code] ?? "OK"
            switch schemas.dialect {
            case .v2:
                return (String(code), .ordered([("description", .string(text)), ("schema", schema)]))
            case .v3:
                let content = produces.map { ($0, Value.ordered([("schema", schema)])) }
                return (String(code), .ordered([("description", .string(text)), ("content", .ordered(content))]))
            }
        }
        entries.append(("401", .ordered([("description", .string("Unauthorized"))])))
        return .ordered(entries)
    }
}

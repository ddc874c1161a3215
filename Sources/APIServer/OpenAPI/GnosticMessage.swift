internal import APIMachinery

/// What the protobuf forms of OpenAPI v2 and v3 have in common: gnostic writes maps, `Any` and extensions alike in both.
extension ProtobufWriter {
    /// An entry of a map: the key is field 1 and the value field 2.
    mutating func named(_ name: String, _ value: (inout ProtobufWriter) -> Void) {
        string(1, name)
        message(2, value)
    }

    /// The entries of a JSON object as those of a map, each in field `tag`.
    mutating func entries(_ tag: UInt32, of value: Value?, _ body: (inout ProtobufWriter, Value) -> Void) {
        for entry in value?.fields?.entries ?? [] {
            message(tag) { $0.named(entry.key) { body(&$0, entry.value) } }
        }
    }

    mutating func strings(_ tag: UInt32, _ value: Value?) {
        for element in value?.array ?? [] { string(tag, element.string ?? "") }
    }

    mutating func string(_ tag: UInt32, ifSet value: Value?) {
        if let text = value?.string { string(tag, text) }
    }

    mutating func bool(_ tag: UInt32, ifTrue value: Value?) {
        if value?.bool == true { bool(tag, true) }
    }

    /// `Any`: its text is YAML, and JSON is YAML.
    mutating func any(_ tag: UInt32, _ value: Value?) {
        if let value { message(tag) { $0.string(2, value.jsonText) } }
    }

    mutating func extensions(_ tag: UInt32, of value: Value) {
        for entry in value.fields?.entries ?? [] where entry.key.hasPrefix("x-") {
            message(tag) { named in
                named.string(1, entry.key)
                named.any(2, entry.value)
            }
        }
    }

    /// A path item: its methods are numbered in this order from `first`, its parameters are field `parameters`.
    mutating func pathItem(
        _ item: Value, first: UInt32, parameters: UInt32,
        operation: (inout ProtobufWriter, Value) -> Void, parameter: (inout ProtobufWriter, Value) -> Void
    ) {
        for (offset, method) in ["get", "put", "post", "delete", "options", "head", "patch"].enumerated() {
            if let value = item[method] { message(first + UInt32(offset)) { operation(&$0, value) } }
        }
        for value in item["parameters"]?.array ?? [] { message(parameters) { parameter(&$0, value) } }
    }

    /// `ApiKeySecurity` and `SecurityScheme`: a bearer token in a header. Their fields are numbered differently.
    mutating func bearerToken(name: UInt32, location: UInt32, description: UInt32) {
        let fields: [(UInt32, String)] = [
            (1, "apiKey"), (name, "authorization"), (location, "header"), (description, "Bearer Token authentication"),
        ]
        for (tag, text) in fields.sorted(by: { $0.0 < $1.0 }) { string(tag, text) }
    }
}

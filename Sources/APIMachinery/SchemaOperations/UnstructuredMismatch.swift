/// Why a tree does not fit a kind, in the words of upstream's converter from trees to Go structs. A strategic merge
/// goes through it, and not through the JSON decoder, so that its refusals read differently.
package struct UnstructuredMismatch {
    private let schema: Schema

    package init(schema: Schema) {
        self.schema = schema
    }

    /// `nil` where everything fits.
    package func text(_ value: Value, as type: TypeID) -> String? { text(value, .object(type)) }

    private func text(_ value: Value, _ type: FieldType) -> String? {
        switch (type, value) {
        case (_, .null), (.rawExtension, _), (.fieldsV1, _), (.json, _): return nil
        case (.object(let id), .object(let fields)):
            let type = schema[id]
            return firstText(fields) { type.field($0)?.type }
        case (.map(let element), .object(let fields)): return firstText(fields) { _ in element }
        case (.array(let element), .array(let elements)):
            for member in elements {
                if let text = text(member, element) { return text }
            }
            return nil
        case (.object, _): return "cannot restore struct from: \(Self.goKind(value))"
        case (.map, _): return "cannot restore map from \(Self.goKind(value))"
        case (.array, _): return "cannot restore slice from \(Self.goKind(value))"
        case (.bytes, .string):
            return schema.scalarMismatch(value, type).map { "error decoding from json: \($0.error.description)" }
        case (.bytes, _): return "cannot restore slice from \(Self.goKind(value))"
        case (.quantity, _), (.time, _), (.microTime, _), (.duration, _), (.intOrString, _):
            return schema.scalarMismatch(value, type)?.error.description
        default: return scalarText(value, type)
        }
    }

    private func firstText(_ fields: OrderedFields, _ type: (String) -> FieldType?) -> String? {
        for (key, member) in fields.entries {
            if let type = type(key), let text = text(member, type) { return text }
        }
        return nil
    }

    /// Go converts numbers to each other and integers to strings where it is asked to; upstream forbids what JSON
    /// does not know, and names only what is left.
    private func scalarText(_ value: Value, _ type: FieldType) -> String? {
        let wanted = schema.goName(of: type)
        switch (type, value) {
        case (.string, .string), (.bool, .bool), (.int32, .int), (.int64, .int), (.double, .int), (.double, .double):
            return nil
        case (.string, .int): return "cannot convert int64 to string"
        case (.int32, .double(let number)), (.int64, .double(let number)):
            return number == number.rounded(.towardZero) ? nil : "cannot convert float64 to \(wanted)"
        default: return "unrecognized type: \(wanted)"
        }
    }

    private static func goKind(_ value: Value) -> String {
        switch value {
        case .null: "invalid"
        case .bool: "bool"
        case .int: "int64"
        case .double: "float64"
        case .string: "string"
        case .array: "slice"
        case .object: "map"
        }
    }
}

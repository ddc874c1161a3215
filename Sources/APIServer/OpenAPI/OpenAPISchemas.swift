internal import APIMachinery

/// Which version of OpenAPI a document is written in.
enum OpenAPIDialect: Sendable {
    case v2
    case v3

    func reference(to name: String) -> Value {
        .ordered([("$ref", .string((self == .v2 ? "#/definitions/" : "#/components/schemas/") + name))])
    }
}

/// Turns the schema tables into OpenAPI schemas, and remembers which types were referred to.
struct OpenAPISchemas {
    let schema: Schema
    let dialect: OpenAPIDialect
    private let descriptions: FieldDescriptions
    /// Names that some schema refers to, in the order met. All of them are to be defined.
    private(set) var referenced: [String] = []
    private var known: Set<String> = []

    init(schema: Schema, dialect: OpenAPIDialect) {
        self.schema = schema
        self.dialect = dialect
        descriptions = FieldDescriptions(of: schema)
    }

    /// `{"$ref": …}`; the type will be part of `definitions`.
    mutating func reference(to name: String) -> Value {
        if known.insert(name).inserted { referenced.append(name) }
        return dialect.reference(to: name)
    }

    /// Hands out every referenced type, and what those refer to, until all are defined.
    mutating func forEachDefinition(_ body: (String, Value) -> Void) {
        var next = 0
        while next < referenced.count {
            let name = referenced[next]
            next += 1
            if let scalar = SharedSchema(rawValue: name) {
                body(name, scalar.value(in: dialect))
            } else if let id = schema.type(named: name) {
                body(name, definition(of: id))
            }
        }
    }

    private mutating func definition(of id: TypeID) -> Value {
        let type = schema[id]
        var entries: [(String, Value)] = []
        if let text = descriptions.type(id) { entries.append(("description", .string(text))) }
        entries.append(("type", .string("object")))
        let required = type.fields.filter(\.isRequired).map(\.name)
        if !required.isEmpty { entries.append(("required", .strings(required))) }
        if !type.fields.isEmpty {
            let isList = type.kinds.contains { $0.kind.hasSuffix("List") }
            let properties = type.fields.enumerated().map { position, field in
                // The published lists of objects declare no list type.
                let declaresListType = !(isList && field.name == "items")
                let description = descriptions.field(position, of: id)
                return (field.name, property(field, description, declaresListType: declaresListType))
            }
            entries.append(("properties", .ordered(properties)))
        }
        if !type.kinds.isEmpty {
            entries.append(("x-kubernetes-group-version-kind", .array(type.kinds.map(\.openAPIValue))))
        }
        if type.isAtomic { entries.append(("x-kubernetes-map-type", .string("atomic"))) }
        if !type.unions.isEmpty { entries.append(("x-kubernetes-unions", .array(type.unions.map(union)))) }
        return .ordered(entries)
    }

    private mutating func property(
        _ field: FieldSchema, _ description: FieldDescriptions.Entry?, declaresListType: Bool
    ) -> Value {
        var entries: [(String, Value)] = []
        if let description { entries.append(("description", .string(text(description)))) }
        let values = field.allowedValues.isEmpty ? description?.values ?? [] : field.allowedValues
        let bare = bareSchema(field.type, values: values)
        let isReference = bare["$ref"] != nil
        // In v3 nothing may stand beside `$ref`; in v2 it may, but no default does.
        entries += isReference && dialect == .v3 ? [("allOf", .array([bare]))] : pairs(bare)
        if dialect == .v3 || !isReference, let value = defaultValue(field, isReference: isReference) {
            entries.append(("default", value))
        }
        return .ordered(entries + extensions(field, declaresListType: declaresListType))
    }

    /// Older clients never show an enumeration: the text tells the values too, unless they are too many to read.
    private func text(_ description: FieldDescriptions.Entry) -> String {
        let named = description.values.filter { !$0.isEmpty }
        guard (1...Self.namedValuesMax).contains(named.count) else { return description.text }
        return description.text + " Values: " + named.joined(separator: ", ") + "."
    }

    private static let namedValuesMax = 12

    private func extensions(_ field: FieldSchema, declaresListType: Bool) -> [(String, Value)] {
        var entries: [(String, Value)] = []
        if case .array = field.type, declaresListType {
            switch field.listType {
            case .atomic: entries.append(("x-kubernetes-list-type", .string("atomic")))
            case .set: entries.append(("x-kubernetes-list-type", .string("set")))
            case .map(let keys):
                entries.append(("x-kubernetes-list-map-keys", .strings(keys)))
                entries.append(("x-kubernetes-list-type", .string("map")))
            }
        }
        if field.isAtomicMap { entries.append(("x-kubernetes-map-type", .string("atomic"))) }
        if let key = field.patchMergeKey { entries.append(("x-kubernetes-patch-merge-key", .string(key))) }
        switch field.patchStrategy {
        case .replace: break
        case .merge: entries.append(("x-kubernetes-patch-strategy", .string("merge")))
        case .retainKeys: entries.append(("x-kubernetes-patch-strategy", .string("retainKeys")))
        case .mergeRetainKeys: entries.append(("x-kubernetes-patch-strategy", .string("merge,retainKeys")))
        }
        return entries
    }

    /// `values` restrict a text, or the texts in a list or map.
    private mutating func bareSchema(_ type: FieldType, values: [String] = []) -> Value {
        switch type {
        case .string:
            values.isEmpty
                ? .typed("string") : .ordered([("type", .string("string")), ("enum", .strings(values))])
        case .bool: .typed("boolean")
        case .int32: .typed("integer", format: "int32")
        case .int64: .typed("integer", format: "int64")
        case .double: .typed("number", format: "double")
        case .bytes: .typed("string", format: "byte")
        case .quantity: reference(to: SharedSchema.quantity.rawValue)
        case .time: reference(to: SharedSchema.time.rawValue)
        case .microTime: reference(to: SharedSchema.microTime.rawValue)
        case .duration: reference(to: SharedSchema.duration.rawValue)
        case .intOrString: reference(to: SharedSchema.intOrString.rawValue)
        case .rawExtension: reference(to: SharedSchema.rawExtension.rawValue)
        case .fieldsV1: reference(to: SharedSchema.fieldsV1.rawValue)
        case .json: reference(to: SharedSchema.json.rawValue)
        case .object(let id): reference(to: schema[id].name)
        case .array(let element):
            .ordered([("type", .string("array")), ("items", bareSchema(element, values: values))])
        case .map(let element):
            .ordered([("type", .string("object")), ("additionalProperties", bareSchema(element, values: values))])
        }
    }

    /// The published default: the real one, or the zero that marks a field as always present.
    private func defaultValue(_ field: FieldSchema, isReference: Bool) -> Value? {
        if let value = field.defaultValue { return value }
        guard field.isAlwaysPresent else { return nil }
        switch field.type {
        case .string: return .string("")
        case .bool: return .bool(false)
        case .int32, .int64, .double: return .int(0)
        default: return isReference ? .ordered([]) : nil
        }
    }

    private func union(_ union: UnionSchema) -> Value {
        var entries: [(String, Value)] = []
        if let discriminator = union.discriminator { entries.append(("discriminator", .string(discriminator))) }
        let members = union.members.map { ($0.field, Value.string($0.value)) }
        return .ordered(entries + [("fields-to-discriminateBy", .ordered(members))])
    }

    private func pairs(_ value: Value) -> [(String, Value)] {
        (value.fields?.entries ?? []).map { ($0.key, $0.value) }
    }
}

extension Value {
    /// `{"type": …}`, with a format where there is one.
    static func typed(_ type: String, format: String? = nil) -> Value {
        let entries: [(String, Value)] = [("type", .string(type))]
        return .ordered(entries + (format.map { [("format", .string($0))] } ?? []))
    }
}

extension GroupVersionKind {
    var openAPIValue: Value {
        .ordered([("group", .string(group)), ("kind", .string(kind)), ("version", .string(version))])
    }
}

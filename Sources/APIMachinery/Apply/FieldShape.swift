internal import Synchronization

/// How server-side apply divides a value into parts that can have different owners.
final class FieldShape: Sendable {
    enum Kind: Sendable {
        /// Owned as a whole: scalars, atomic lists, maps and structs.
        case leaf
        case structure(TypeID)
        case map(FieldShape)
        case set
        case keyed([String], FieldShape)
    }

    let kind: Kind
    let type: FieldType

    /// An element of a list or map, or a root: nothing is said about it beyond its type.
    convenience init(_ type: FieldType, in schema: Schema) {
        self.init(type, list: .atomic, isAtomicMap: false, in: schema)
    }

    convenience init(_ field: FieldSchema, of owner: TypeSchema, in schema: Schema) {
        // Published as granular for this one field, though its type is atomic.
        if owner.name == "io.k8s.api.core.v1.PersistentVolumeSpec", field.name == "claimRef",
            case .object(let id) = field.type
        {
            self.init(kind: .structure(id), type: field.type)
            return
        }
        self.init(field.type, list: field.listType, isAtomicMap: field.isAtomicMap, in: schema)
    }

    private init(_ type: FieldType, list: ListType, isAtomicMap: Bool, in schema: Schema) {
        self.type = type
        switch type {
        case .object(let id): kind = schema[id].isAtomic || isAtomicMap ? .leaf : .structure(id)
        case .map(let element): kind = isAtomicMap ? .leaf : .map(FieldShape(element, in: schema))
        case .array(let element):
            switch list {
            case .atomic: kind = .leaf
            case .set: kind = .set
            case .map(let keys): kind = .keyed(keys, FieldShape(element, in: schema))
            }
        default: kind = .leaf
        }
    }

    static let leaf = FieldShape(kind: .leaf, type: .json)

    init(kind: Kind, type: FieldType) {
        self.kind = kind
        self.type = type
    }

    var isObject: Bool {
        switch kind {
        case .structure, .map: true
        default: false
        }
    }

    var isList: Bool {
        switch kind {
        case .set, .keyed: true
        default: false
        }
    }

    /// The shape of the elements of a list.
    var element: FieldShape {
        if case .keyed(_, let element) = kind { element } else { .leaf }
    }
}

/// Path elements.
extension FieldShape {
    /// How FieldsV1 spells an element of this list; the text says why it cannot be told apart from others.
    func pathElement(of value: Value, in schema: Schema) -> Result<String, ElementError> {
        switch kind {
        case .keyed(let keys, let element): keyed(value, keys, element, schema)
        default: setElement(value)
        }
    }

    struct ElementError: Error { let text: String }

    private func keyed(
        _ value: Value, _ keys: [String], _ element: FieldShape, _ schema: Schema
    ) -> Result<String, ElementError> {
        let noun = "associative list with keys "
        guard !value.isNull else { return .failure(ElementError(text: noun + "may not have a null element")) }
        guard case .object(let fields) = value else {
            return .failure(ElementError(text: noun + "may not have non-map elements"))
        }
        if keys.count == 1, case .string(let text)? = fields[keys[0]], Self.isPlain(text) {
            return .success("k:{\"" + keys[0] + "\":\"" + text + "\"}")
        }
        var named: [(key: String, value: Value)] = []
        for key in keys.sorted() {
            if let value = fields[key] {
                named.append((key, value))
            } else if let value = Self.defaultValue(of: key, in: element, schema) {
                named.append((key, value))
            } else {
                return .failure(
                    ElementError(
                        text: noun + "has an element that omits key field \"\(key)\" (and doesn't have default value)"
                    ))
            }
        }
        return .success("k:" + Value.object(OrderedFields(named)).jsonText)
    }

    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }

    private static func defaultValue(of key: String, in element: FieldShape, _ schema: Schema) -> Value? {
        guard case .structure(let id) = element.kind, let field = schema[id].field(key) else { return nil }
        if let value = field.defaultValue { return value }
        guard field.isAlwaysPresent else { return nil }
        switch field.type {
        case .string: return ""
        case .int32, .int64: return 0
        case .bool: return false
        default: return nil
        }
    }

    private func setElement(_ value: Value) -> Result<String, ElementError> {
        switch value {
        case .object:
            return .failure(ElementError(text: "associative list without keys has an element that's a map type"))
        case .array: return .failure(ElementError(text: "not supported: associative list with lists as elements"))
        case .null:
            return .failure(ElementError(text: "associative list without keys has an element that's an explicit null"))
        default: return .success("v:" + value.jsonText)
        }
    }

    /// The path elements of all elements of a list; those that have none are left out.
    func pathElements(of list: [Value], in schema: Schema) -> [(key: String, value: Value)] {
        list.compactMap { value in
            guard case .success(let key) = pathElement(of: value, in: schema) else { return nil }
            return (key, value)
        }
    }
}

/// The members of one struct, with the path elements that name them.
final class StructShape: Sendable {
    struct Member: Sendable {
        let shape: FieldShape
        /// `f:name`
        let element: String
    }

    let members: [String: Member]

    init(_ type: TypeSchema, in schema: Schema) {
        members = Dictionary(
            type.fields.map { ($0.name, Member(shape: FieldShape($0, of: type, in: schema), element: "f:" + $0.name)) },
            uniquingKeysWith: { first, _ in first })
    }
}

/// The members of any object: of a struct or a map.
enum MemberShapes {
    case structure(StructShape)
    case same(FieldShape)

    init(_ shape: FieldShape, in schema: Schema) {
        switch shape.kind {
        case .structure(let id): self = .structure(schema.structShape(id))
        case .map(let element): self = .same(element)
        default: self = .same(.leaf)
        }
    }

    func element(_ name: String) -> String {
        if case .structure(let shape) = self, let member = shape.members[name] { return member.element }
        return "f:" + name
    }

    /// The shape of a member; undeclared ones are taken as a whole.
    subscript(name: String) -> FieldShape {
        switch self {
        case .structure(let shape): shape.members[name]?.shape ?? .leaf
        case .same(let shape): shape
        }
    }

    func declares(_ name: String) -> Bool {
        if case .structure(let shape) = self { shape.members[name] != nil } else { false }
    }

    var isStructure: Bool { if case .structure = self { true } else { false } }
}

extension Schema {
    func structShape(_ id: TypeID) -> StructShape {
        structShapes.withLock { shapes in
            if let known = shapes[id] { return known }
            let made = StructShape(self[id], in: self)
            shapes[id] = made
            return made
        }
    }
}

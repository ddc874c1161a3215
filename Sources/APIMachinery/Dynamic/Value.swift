/// A JSON value as an ordered tree: what generic code (patches, defaulting, validation, transcoding) works on.
///
/// Numbers keep their kind: an integer literal that fits is `.int`, every other number is `.double`.
package enum Value: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([Value])
    case object(OrderedFields)
}

/// The members of a JSON object in the order they were read or set. Lookup is linear: objects are small.
/// Code that looks up many keys of a possibly large object takes `index()` first.
package struct OrderedFields: Hashable, Sendable {
    package private(set) var entries: [(key: String, value: Value)]

    /// Keys must be unique.
    package init(_ entries: [(key: String, value: Value)] = []) {
        self.entries = entries
    }

    package var isEmpty: Bool { entries.isEmpty }
    package var count: Int { entries.count }
    package var keys: [String] { entries.map(\.key) }

    /// The value of `key`. Setting `nil` removes the entry; setting a new key appends it.
    package subscript(key: String) -> Value? {
        get { position(of: key).map { entries[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append((key, value))
            case (nil, nil): break
            }
        }
    }

    package func contains(_ key: String) -> Bool { position(of: key) != nil }

    private func position(of key: String) -> Int? {
        // Most keys differ in length already, which is cheaper to see than that their letters differ.
        let length = key.utf8.count
        for index in entries.indices
        where entries[index].key.utf8.count == length && entries[index].key == key {
            return index
        }
        return nil
    }

    /// Where each key is: for many lookups in a possibly large object.
    package func index() -> [String: Int] {
        Dictionary(entries.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Appends a key known to be absent.
    mutating func appendNew(_ key: String, _ value: Value) {
        entries.append((key, value))
    }

    mutating func reserve(_ count: Int) {
        entries.reserveCapacity(count)
    }

    mutating func replace(at index: Int, with value: Value) {
        entries[index].value = value
    }

    /// Takes the value out to be changed in place, leaving `.null` until `replace(at:with:)` puts it back.
    mutating func take(at index: Int) -> Value {
        let value = entries[index].value
        entries[index].value = .null
        return value
    }

    mutating func removeAll(where isRemoved: (String, Value) -> Bool) {
        entries.removeAll { isRemoved($0.key, $0.value) }
    }

    /// The same members, ordered by key bytewise, as Go orders maps.
    package func sorted() -> OrderedFields {
        if zip(entries, entries.dropFirst()).allSatisfy({ $0.key < $1.key }) { return self }
        return OrderedFields(entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
    }

    /// Objects up to this size are compared and searched without an index.
    static let linearMax = 16

    /// Equality ignores order, as JSON objects do.
    package static func == (lhs: OrderedFields, rhs: OrderedFields) -> Bool {
        guard lhs.count == rhs.count else { return false }
        if lhs.isSameStorage(as: rhs) { return true }
        // Mostly both sides have the same order.
        var mismatches: [Int] = []
        for index in lhs.entries.indices {
            guard lhs.entries[index].key == rhs.entries[index].key else {
                mismatches.append(index)
                continue
            }
            if lhs.entries[index].value != rhs.entries[index].value { return false }
        }
        guard mismatches.count > linearMax else {
            return mismatches.allSatisfy { rhs[lhs.entries[$0].key] == lhs.entries[$0].value }
        }
        let positions = rhs.index()
        return mismatches.allSatisfy { index in
            positions[lhs.entries[index].key].map { rhs.entries[$0].value == lhs.entries[index].value } ?? false
        }
    }

    /// Whether both are copies of one, not changed since.
    private func isSameStorage(as other: OrderedFields) -> Bool {
        entries.withUnsafeBufferPointer { mine in
            other.entries.withUnsafeBufferPointer { mine.baseAddress == $0.baseAddress && mine.count == $0.count }
        }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(entries.count)
        // Order must not matter: members are combined by a commutative sum.
        var sum = 0
        for entry in entries {
            var member = Hasher()
            member.combine(entry.key)
            member.combine(entry.value)
            sum &+= member.finalize()
        }
        hasher.combine(sum)
    }
}

extension Value {
    /// Member `key` of an object; `nil` for other values or where it is absent.
    /// Setting creates the object if this is `.null`, and is ignored for other values.
    package subscript(key: String) -> Value? {
        get {
            guard case .object(let fields) = self else { return nil }
            return fields[key]
        }
        set {
            switch self {
            case .object(var fields):
                self = .null  // Keeps `fields` uniquely referenced.
                fields[key] = newValue
                self = .object(fields)
            case .null:
                var fields = OrderedFields()
                fields[key] = newValue
                self = .object(fields)
            default:
                break
            }
        }
    }

    package var string: String? {
        guard case .string(let string) = self else { return nil }
        return string
    }
    package var int: Int64? {
        guard case .int(let int) = self else { return nil }
        return int
    }
    package var bool: Bool? {
        guard case .bool(let bool) = self else { return nil }
        return bool
    }
    package var array: [Value]? {
        guard case .array(let array) = self else { return nil }
        return array
    }
    package var fields: OrderedFields? {
        guard case .object(let fields) = self else { return nil }
        return fields
    }
    package var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The value at a path of object keys: `value[path: "spec", "replicas"]`.
    package subscript(path path: String...) -> Value? {
        self[path: path]
    }

    /// The value at a path of object keys.
    package subscript(path path: [String]) -> Value? {
        var current: Value? = self
        for key in path { current = current?[key] }
        return current
    }

    /// Sets the value at a path of object keys, creating objects on the way; `nil` removes.
    package mutating func set(_ value: Value?, at path: [String]) {
        guard let first = path.first else {
            self = value ?? .null
            return
        }
        guard path.count > 1 else {
            self[first] = value
            return
        }
        var member = self[first] ?? .null
        if member.isNull, value == nil { return }
        member.set(value, at: Array(path.dropFirst()))
        self[first] = member
    }

    /// An object with the given members, in that order.
    package static func fields(_ entries: KeyValuePairs<String, Value>) -> Value {
        .object(OrderedFields(entries.map { ($0.key, $0.value) }))
    }

    /// Whether containers nest no deeper than `levels`.
    func isNested(atMost levels: Int) -> Bool {
        switch self {
        case .array(let elements): levels > 0 && elements.allSatisfy { $0.isNested(atMost: levels - 1) }
        case .object(let fields): levels > 0 && fields.entries.allSatisfy { $0.value.isNested(atMost: levels - 1) }
        default: true
        }
    }

    /// The same value with the members of every object sorted by key, as Go prints maps.
    package func sortedKeys() -> Value {
        switch self {
        case .array(let elements): .array(elements.map { $0.sortedKeys() })
        case .object(let fields):
            .object(OrderedFields(fields.sorted().entries.map { ($0.key, $0.value.sortedKeys()) }))
        default: self
        }
    }

    /// What Go's decoder calls this kind of value in its errors.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .int, .double: "number"
        case .string(let text): text.first == ValueParser.numberMark ? "number" : "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(arrayLiteral elements: Value...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, Value)...) {
        self = .object(OrderedFields(elements.map { ($0, $1) }))
    }
}

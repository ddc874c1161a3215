internal import APIMachinery

extension Value {
    /// An object with members that are only known at run time. Keys must be unique.
    static func record(_ members: [(String, Value)]) -> Value {
        .object(OrderedFields(members.map { (key: $0.0, value: $0.1) }))
    }

    static func strings(_ strings: [String]) -> Value { .array(strings.map { .string($0) }) }
}

/// Editing in place: a member is taken out, changed while it is the only reference, and put back.
extension Value {
    /// Changes member `key` if it is there and not null.
    mutating func edit(_ key: String, _ change: (inout Value) -> Void) {
        guard var member = self[key], !member.isNull else { return }
        self[key] = .null
        change(&member)
        self[key] = member
    }

    /// Changes member `key`, which is made an empty object first if it is missing.
    mutating func editObject(_ key: String, _ change: (inout Value) -> Void) {
        var member = self[key] ?? .null
        if member.fields == nil { member = [:] }
        self[key] = .null
        change(&member)
        self[key] = member
    }

    /// Changes each element of the list at `key`.
    mutating func editEach(_ key: String, _ change: (inout Value) -> Void) {
        edit(key) { list in
            guard case .array(var elements) = list else { return }
            list = .null
            for index in elements.indices { change(&elements[index]) }
            list = .array(elements)
        }
    }

    /// Adds to the list at `key`, which is made if it is missing.
    mutating func append(_ element: Value, to key: String) {
        self[key] = .array((self[key]?.array ?? []) + [element])
    }

    /// Sets member `key` unless it has a value; null counts as none.
    mutating func setDefault(_ key: String, _ value: Value) {
        guard self[key]?.isNull ?? true else { return }
        self[key] = value
    }

    /// As `setDefault`, for strings: an empty one counts as none.
    mutating func setDefaultString(_ key: String, _ value: String) {
        guard (self[key]?.string ?? "").isEmpty else { return }
        self[key] = .string(value)
    }

    mutating func remove(_ key: String) { self[key] = nil }

    /// The string at `key`, empty where there is none.
    func text(_ key: String) -> String { self[key]?.string ?? "" }

    func list(_ key: String) -> [Value] { self[key]?.array ?? [] }

    func entries(_ key: String) -> [(key: String, value: Value)] { self[key]?.fields?.entries ?? [] }

    /// Member `key` if it is there and not null.
    func present(_ key: String) -> Value? {
        guard let member = self[key], !member.isNull else { return nil }
        return member
    }

    /// The strings of a map such as `labels`.
    func stringMap(_ key: String) -> [String: String] {
        var map: [String: String] = [:]
        for entry in entries(key) { map[entry.key] = entry.value.string ?? "" }
        return map
    }

    /// True for null, `{}`, `[]` and `""`.
    var isEmptyValue: Bool {
        switch self {
        case .null: true
        case .string(let string): string.isEmpty
        case .array(let array): array.isEmpty
        case .object(let fields): fields.isEmpty
        default: false
        }
    }
}

/// Shortcuts into `metadata`, for objects of any kind.
extension Value {
    var metadata: Value { self["metadata"] ?? .null }
    var name: String { self[path: "metadata", "name"]?.string ?? "" }
    var namespace: String { self[path: "metadata", "namespace"]?.string ?? "" }
    var uid: String { self[path: "metadata", "uid"]?.string ?? "" }
    var resourceVersion: String { self[path: "metadata", "resourceVersion"]?.string ?? "" }
    var generation: Int64 { self[path: "metadata", "generation"]?.int ?? 0 }
    var isBeingDeleted: Bool { metadata.present("deletionTimestamp") != nil }
    var finalizers: [String] { metadata.list("finalizers").compactMap(\.string) }

    mutating func editMetadata(_ change: (inout Value) -> Void) { editObject("metadata", change) }
}

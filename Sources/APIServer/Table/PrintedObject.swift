internal import APIMachinery

/// One object about to be printed, with the accessors that rows need.
struct PrintedObject {
    let value: Value
    /// What ages are counted from; the same for all rows of a Table.
    let now: Time

    var name: Value { .string(string("metadata", "name")) }

    subscript(_ path: String...) -> Value? { value[path: path] }

    func string(_ path: String...) -> String { value[path: path]?.string ?? "" }

    func string(_ path: String..., or absent: String) -> Value {
        let text = value[path: path]?.string ?? ""
        return .string(text.isEmpty ? absent : text)
    }

    func int(_ path: String...) -> Int64 { value[path: path]?.int ?? 0 }

    func list(_ path: String...) -> [Value] { value[path: path]?.array ?? [] }

    /// Number of members of an object or elements of a list.
    func count(_ path: String...) -> Int64 {
        let found = value[path: path]
        return Int64(found?.array?.count ?? found?.fields?.count ?? 0)
    }

    /// Keys and string values in the order of keys.
    func map(_ path: String...) -> [(key: String, value: String)] {
        (value[path: path]?.fields?.entries ?? []).map { ($0.key, $0.value.string ?? "") }.sorted { $0.key < $1.key }
    }

    var isBeingDeleted: Bool { value[path: "metadata", "deletionTimestamp"]?.string != nil }

    var age: Value { .string(since(value[path: "metadata", "creationTimestamp"])) }

    /// How long ago a time was; `<unknown>` where it is not set.
    func since(_ time: Value?) -> String {
        guard let text = time?.string, let instant = MicroTime(text) else { return "<unknown>" }
        return HumanDuration.text(now - instant.time)
    }

    /// The condition of that type in `status.conditions`.
    func condition(_ type: String) -> Value? {
        list("status", "conditions").first { $0["type"]?.string == type }
    }

    func isConditionTrue(_ type: String) -> Bool { condition(type)?["status"]?.string == "True" }

    /// `a=b,c=d`, or `<none>`.
    func labels(_ path: String...) -> Value {
        let entries = (value[path: path]?.fields?.entries ?? []).sorted { $0.key < $1.key }
        if entries.isEmpty { return "<none>" }
        return .string(entries.map { $0.key + "=" + ($0.value.string ?? "") }.joined(separator: ","))
    }

    /// A label selector in kubectl's notation: `app=a,tier in (x,y)`; `<none>` for an empty one.
    func selector(_ path: String...) -> Value {
        let selector = value[path: path]
        var parts: [(key: String, text: String)] =
            (selector?["matchLabels"]?.fields?.entries ?? []).sorted { $0.key < $1.key }
            .map { ($0.key, $0.key + "=" + ($0.value.string ?? "")) }
        for expression in selector?["matchExpressions"]?.array ?? [] {
            let key = expression["key"]?.string ?? ""
            let values = (expression["values"]?.array ?? []).compactMap(\.string).sorted().joined(separator: ",")
            switch expression["operator"]?.string {
            case "In": parts.append((key, "\(key) in (\(values))"))
            case "NotIn": parts.append((key, "\(key) notin (\(values))"))
            case "Exists": parts.append((key, key))
            case "DoesNotExist": parts.append((key, "!" + key))
            default: return "<error>"
            }
        }
        if parts.isEmpty { return "<none>" }
        let ordered = parts.enumerated().sorted { ($0.element.key, $0.offset) < ($1.element.key, $1.offset) }
        return .string(ordered.map(\.element.text).joined(separator: ","))
    }

    /// Names and images of the containers at `path`, comma-separated.
    func containers(_ path: String...) -> [Value] {
        let containers = value[path: path]?.array ?? []
        return [
            .string(containers.map { $0["name"]?.string ?? "" }.joined(separator: ",")),
            .string(containers.map { $0["image"]?.string ?? "" }.joined(separator: ",")),
        ]
    }

    /// At most three items, and how many more there are.
    static func firstThree(_ items: [String], ifNone none: String) -> String {
        let shown = items.prefix(3).joined(separator: ",")
        if items.count > 3 { return shown + " + \(items.count - 3) more..." }
        return shown.isEmpty ? none : shown
    }
}

/// What a printer makes of one object: cells in the order of the kind's columns.
struct PrintedRow {
    var cells: [Value]
    /// `TableRowCondition`s, which kubectl uses to mark finished pods.
    var conditions: [Value] = []

    init(_ cells: [Value], conditions: [Value] = []) {
        self.cells = cells
        self.conditions = conditions
    }
}

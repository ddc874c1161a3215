/// A set of field paths, in the very form it has in `managedFields[].fieldsV1`.
///
/// Each node is a JSON object. Its keys are path elements as FieldsV1 spells them: `f:name` (a field), `k:{…}` (an
/// element of a keyed list), `v:…` (an element of a set). `{}` is a path that belongs to the set; a node with children
/// belongs to it if it also has the key `.`. Keys are sorted, `.` first, so that two sets are merged in one pass and
/// what is stored needs no decoding.
package struct FieldSet: Equatable, Sendable {
    /// The children of the root. The root itself is never in the set.
    var nodes: [FieldNode]

    package init() { nodes = [] }

    init(nodes: [FieldNode]) { self.nodes = nodes }

    package var isEmpty: Bool { nodes.isEmpty }

    /// FieldsV1.
    package var value: Value { .object(OrderedFields(nodes)) }

    package static func == (lhs: FieldSet, rhs: FieldSet) -> Bool { lhs.value == rhs.value }

    /// A set of whole paths, each a list of elements (`["f:metadata", "f:name"]`).
    package init(paths: [[String]]) {
        self.init()
        for path in paths { self = union(FieldSet(path: path)) }
    }

    private init(path: [String]) {
        var node = Value.leaf
        for element in path.dropFirst().reversed() { node = .object(OrderedFields([(element, node)])) }
        nodes = path.first.map { [($0, node)] } ?? []
    }

    package func contains(path: [String]) -> Bool {
        var nodes = nodes
        for (depth, element) in path.enumerated() {
            guard let found = nodes.first(where: { $0.key == element }) else { return false }
            if depth == path.count - 1 { return found.value.isMember }
            nodes = found.value.nodes
        }
        return false
    }
}

/// One path element and what is below it.
typealias FieldNode = (key: String, value: Value)

extension FieldSet {
    static let own = "."

    /// Reads FieldsV1 that a client wrote: any order, perhaps elements unknown here, which are left out.
    /// `nil` if it is not FieldsV1.
    package init?(fieldsV1 value: Value) {
        guard case .object(let fields) = value, let nodes = Self.canonical(fields, depth: 0) else { return nil }
        self.init(nodes: nodes.filter { $0.key != Self.own })
    }

    /// Takes FieldsV1 that this server wrote as it is.
    package init(storedFieldsV1 value: Value) { nodes = value.fields?.entries ?? [] }

    private static let depthMax = 200

    private static func canonical(_ fields: OrderedFields, depth: Int) -> [FieldNode]? {
        guard depth < depthMax else { return nil }
        var nodes: [FieldNode] = []
        for (key, value) in fields.entries {
            guard case .object(let children) = value else { return nil }
            guard key != own else {
                nodes.append((own, .leaf))
                continue
            }
            guard key.utf8.count >= 2 else { return nil }
            guard let element = canonicalElement(key) else { continue }
            guard let below = canonical(children, depth: depth + 1) else { return nil }
            nodes.append((element, .object(OrderedFields(below))))
        }
        // `{".": {}}` says no more than `{}`.
        if nodes.count == 1, nodes[0].key == own, depth > 0 { return [] }
        return nodes.sorted { $0.key < $1.key }
    }

    private static func canonicalElement(_ key: String) -> String? {
        switch key.utf8.prefix(2).elementsEqual("f:".utf8) ? "f" : String(key.prefix(2)) {
        case "f": return key
        case "k:":
            guard let names = try? Value(json: Array(key.utf8.dropFirst(2))), names.fields != nil else { return nil }
            return "k:" + String(decoding: names.sortedJSONBytes(), as: UTF8.self)
        case "v:", "i:": return key
        default: return nil
        }
    }
}

extension Value {
    /// A path without children.
    static let leaf = Value.object(OrderedFields())

    /// Of a node: whether its own path is in the set.
    var isMember: Bool {
        guard case .object(let fields) = self else { return false }
        return fields.isEmpty || fields.entries[0].key == FieldSet.own
    }

    /// Of a node: its children.
    var nodes: [FieldNode] {
        guard case .object(let fields) = self else { return [] }
        guard let first = fields.entries.first, first.key == FieldSet.own else { return fields.entries }
        return Array(fields.entries.dropFirst())
    }

    /// The node of these parts; `nil` if it says nothing.
    static func node(isMember: Bool, _ children: [FieldNode]) -> Value? {
        guard !children.isEmpty else { return isMember ? .leaf : nil }
        guard isMember else { return .object(OrderedFields(children)) }
        var all: [FieldNode] = []
        all.reserveCapacity(children.count + 1)
        all.append((FieldSet.own, .leaf))
        all += children
        return .object(OrderedFields(all))
    }
}

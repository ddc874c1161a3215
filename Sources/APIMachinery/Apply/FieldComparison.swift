/// What differs between two states of an object, by path.
package struct FieldComparison: Sendable {
    package var added: FieldSet
    package var modified: FieldSet
    package var removed: FieldSet

    package init(added: FieldSet, modified: FieldSet, removed: FieldSet) {
        self.added = added
        self.modified = modified
        self.removed = removed
    }

    package var isEmpty: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty }
}

extension Schema {
    /// Compares two objects of a kind. Both are normalised.
    package func compare(_ old: Value, _ new: Value, as type: TypeID) -> FieldComparison {
        let comparer = FieldComparer(schema: self)
        let delta = comparer.compare(old, new, FieldShape(.object(type), in: self))
        return FieldComparison(
            added: FieldSet(nodes: delta.added?.nodes ?? []), modified: FieldSet(nodes: delta.modified?.nodes ?? []),
            removed: FieldSet(nodes: delta.removed?.nodes ?? []))
    }
}

private struct FieldComparer {
    let schema: Schema

    /// The nodes of one path.
    struct Delta {
        var added: Value?
        var modified: Value?
        var removed: Value?
    }

    /// The nodes of a path's children.
    private struct Children {
        var added: [FieldNode] = []
        var modified: [FieldNode] = []
        var removed: [FieldNode] = []

        mutating func add(_ element: @autoclosure () -> String, _ delta: Delta) {
            if let node = delta.added { added.append((element(), node)) }
            if let node = delta.modified { modified.append((element(), node)) }
            if let node = delta.removed { removed.append((element(), node)) }
        }

        var delta: Delta {
            Delta(
                added: .node(isMember: false, added.inFieldOrder),
                modified: .node(isMember: false, modified.inFieldOrder),
                removed: .node(isMember: false, removed.inFieldOrder))
        }
    }

    func compare(_ old: Value?, _ new: Value?, _ shape: @autoclosure () -> FieldShape) -> Delta {
        guard let old else { return Delta(added: new.map { allPaths(of: $0, shape()) }) }
        guard let new else { return Delta(removed: allPaths(of: old, shape())) }
        if old == new { return Delta() }
        let shape = shape()
        if shape.isObject {
            let (left, right) = (old.fields, new.fields)
            guard !(left?.isEmpty ?? true) || !(right?.isEmpty ?? true) else { return Delta(modified: .leaf) }
            if (left == nil && !old.isNull) || (right == nil && !new.isNull) { return Delta(modified: .leaf) }
            return compare(left ?? OrderedFields(), right ?? OrderedFields(), members: shape)
        }
        guard shape.isList else { return Delta(modified: .leaf) }
        let (left, right) = (old.array ?? [], new.array ?? [])
        guard !left.isEmpty || !right.isEmpty else { return Delta(modified: .leaf) }
        return compare(left, right, elements: shape)
    }

    private func compare(_ old: OrderedFields, _ new: OrderedFields, members shape: FieldShape) -> Delta {
        var children = Children()
        let members = MemberShapes(shape, in: schema)
        var next = 0
        var found = 0
        let others = new.entries
        let places = KeyPlaces(of: others)
        for (key, value) in old.entries {
            // Mostly both have the same members in the same order.
            var position: Int? = next < others.count && others[next].key == key ? next : nil
            if position == nil { position = places.place(of: key, in: others) }
            if let position {
                next = position + 1
                found += 1
            }
            let delta = compare(value, position.map { others[$0].value }, members[key])
            children.add(members.element(key), delta)
        }
        if found < others.count {
            let before = KeyPlaces(of: old.entries)
            for (key, value) in others where before.place(of: key, in: old.entries) == nil {
                children.add(members.element(key), Delta(added: allPaths(of: value, members[key])))
            }
        }
        return children.delta
    }

    /// Elements are told apart by their keys. Several with the same are compared as one.
    private func compare(_ old: [Value], _ new: [Value], elements shape: FieldShape) -> Delta {
        var (left, right): ([String: [Value]], [String: [Value]]) = ([:], [:])
        var order: [String] = []
        for (key, value) in shape.pathElements(of: old, in: schema) {
            if left[key] == nil { order.append(key) }
            left[key, default: []].append(value)
        }
        for (key, value) in shape.pathElements(of: new, in: schema) {
            if right[key] == nil, left[key] == nil { order.append(key) }
            right[key, default: []].append(value)
        }
        var children = Children()
        let element = shape.element
        for key in order {
            let (before, after) = (left[key] ?? [], right[key] ?? [])
            switch (before.count, after.count) {
            case (...1, ...1): children.add(key, compare(before.first, after.first, element))
            case (2..., 2...): if before != after { children.add(key, Delta(modified: .leaf)) }
            case (2..., _):
                let added = after.first.map { allPaths(of: $0, element) }
                children.add(key, Delta(added: added, removed: .leaf))
            default:
                let removed = before.first.map { allPaths(of: $0, element) }
                children.add(key, Delta(added: .leaf, removed: removed))
            }
        }
        return children.delta
    }

    /// The node of a path that appears or disappears with all that is below it.
    private func allPaths(of value: Value, _ shape: FieldShape) -> Value {
        if shape.isObject, case .object(let fields) = value {
            var nodes: [FieldNode] = []
            nodes.reserveCapacity(fields.count)
            let members = MemberShapes(shape, in: schema)
            for (key, member) in fields.entries {
                nodes.append((members.element(key), allPaths(of: member, members[key])))
            }
            return .node(isMember: true, nodes.inFieldOrder) ?? .leaf
        }
        guard shape.isList, case .array(let elements) = value else { return .leaf }
        var nodes: [FieldNode] = []
        var places = KeyPlaces(expecting: elements.count)
        for (key, element) in shape.pathElements(of: elements, in: schema) {
            if let earlier = places.place(of: key, in: nodes) {
                nodes[earlier].value = .leaf
            } else {
                places.note(key, at: nodes.count)
                nodes.append((key, allPaths(of: element, shape.element)))
            }
        }
        return .node(isMember: true, nodes.inFieldOrder) ?? .leaf
    }
}

extension [FieldNode] {
    /// Sorted by key; mostly it is already.
    var inFieldOrder: [FieldNode] {
        guard count > 1 else { return self }
        for index in 1..<count where !(self[index - 1].key < self[index].key) {
            return sorted { $0.key < $1.key }
        }
        return self
    }
}

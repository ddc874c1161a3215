/// The paths that a value sets: what an applier owns.
extension Schema {
    package func fieldSet(of value: Value, as type: TypeID) -> FieldSet {
        FieldSet(nodes: nodes(of: value, FieldShape(.object(type), in: self)).children)
    }

    /// Whether the value is a leaf itself, and what is below it.
    private func nodes(of value: Value, _ shape: FieldShape) -> (isLeaf: Bool, children: [FieldNode]) {
        switch shape.kind {
        case .leaf: return (true, [])
        case .structure, .map:
            guard case .object(let fields) = value else { return (false, []) }
            let members = MemberShapes(shape, in: self)
            var children: [FieldNode] = []
            children.reserveCapacity(fields.count)
            for (name, member) in fields.entries {
                let (isLeaf, below) = nodes(of: member, members[name])
                let isEmpty = member.isNull || member.fields?.isEmpty == true
                if let node = Value.node(isMember: isLeaf || isEmpty || !members.declares(name), below) {
                    children.append((members.element(name), node))
                }
            }
            return (false, children.inFieldOrder)
        case .set, .keyed:
            guard case .array(let elements) = value else { return (false, []) }
            var children: [FieldNode] = []
            var places = KeyPlaces(expecting: elements.count)
            for (key, element) in shape.pathElements(of: elements, in: self) {
                if let earlier = places.place(of: key, in: children) {
                    // Of repeated elements only the path is owned.
                    children[earlier].value = .leaf
                } else {
                    places.note(key, at: children.count)
                    let below = nodes(of: element, shape.element).children
                    children.append((key, .node(isMember: true, below) ?? .leaf))
                }
            }
            return (false, children.inFieldOrder)
        }
    }

    /// `set` with every declared field that has something below it: such a field exists because of that.
    package func withDeclaredParents(_ set: FieldSet, as type: TypeID) -> FieldSet {
        FieldSet(nodes: withDeclaredParents(set.nodes, FieldShape(.object(type), in: self)))
    }

    private func withDeclaredParents(_ nodes: [FieldNode], _ shape: FieldShape) -> [FieldNode] {
        let members = MemberShapes(shape, in: self)
        return nodes.map { node in
            let children = node.value.nodes
            guard !children.isEmpty else { return node }
            var isMember = node.value.isMember
            let below: FieldShape
            if node.key.hasPrefix("f:"), shape.isObject {
                let name = String(node.key.dropFirst(2))
                isMember = isMember || members.declares(name)
                below = members[name]
            } else {
                below = shape.element
            }
            return (node.key, .node(isMember: isMember, withDeclaredParents(children, below)) ?? .leaf)
        }
    }

    /// `value` without the paths of `set`.
    package func removing(_ set: FieldSet, from value: Value, as type: TypeID) -> Value {
        guard !set.isEmpty else { return value }
        return removing(set.nodes, from: value, FieldShape(.object(type), in: self))
    }

    private func removing(_ nodes: [FieldNode], from value: Value, _ shape: FieldShape) -> Value {
        switch (shape.kind, value) {
        case (.structure, .object(let fields)), (.map, .object(let fields)):
            let members = MemberShapes(shape, in: self)
            let places = KeyPlaces(of: nodes)
            var kept: [(key: String, value: Value)] = []
            for (name, member) in fields.entries {
                let element = members.element(name)
                guard let node = places.place(of: element, in: nodes).map({ nodes[$0].value }) else {
                    kept.append((name, member))
                    continue
                }
                if node.isMember { continue }
                kept.append((name, removing(node.nodes, from: member, members[name])))
            }
            return kept.isEmpty ? .null : .object(OrderedFields(kept))
        case (.set, .array(let elements)), (.keyed, .array(let elements)):
            let places = KeyPlaces(of: nodes)
            var kept: [Value] = []
            for element in elements {
                guard case .success(let key) = shape.pathElement(of: element, in: self),
                    let node = places.place(of: key, in: nodes).map({ nodes[$0].value })
                else {
                    kept.append(element)
                    continue
                }
                if node.isMember { continue }
                kept.append(removing(node.nodes, from: element, shape.element))
            }
            return kept.isEmpty ? .null : .array(kept)
        case (.leaf, .object), (.leaf, .array), (_, .null): return .null
        default: return value
        }
    }
}

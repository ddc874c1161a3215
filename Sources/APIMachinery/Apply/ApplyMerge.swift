/// Merges what an applier sends into an object: its values win, what it does not mention stays.
extension Schema {
    package func merge(_ applied: Value, into live: Value, as type: TypeID) -> Value {
        ApplyMerger(schema: self).merge(live, applied, FieldShape(.object(type), in: self)) ?? .null
    }
}

private struct ApplyMerger {
    let schema: Schema

    /// `nil`: nothing is left.
    func merge(_ live: Value?, _ applied: Value?, _ shape: FieldShape) -> Value? {
        guard let live else { return applied }
        guard let applied else { return live }
        if shape.isObject {
            let (left, right) = (live.fields ?? OrderedFields(), applied.fields ?? OrderedFields())
            guard !left.isEmpty || !right.isEmpty else { return applied }
            return merge(left, right, members: shape)
        }
        guard shape.isList else { return applied }
        let (left, right) = (live.array ?? [], applied.array ?? [])
        guard !left.isEmpty || !right.isEmpty else { return applied }
        let merged = merge(left, right, elements: shape)
        return merged.isEmpty ? nil : .array(merged)
    }

    private func merge(_ live: OrderedFields, _ applied: OrderedFields, members shape: FieldShape) -> Value? {
        let members = MemberShapes(shape, in: schema)
        var result: [(key: String, value: Value)] = []
        result.reserveCapacity(live.count + applied.count)
        var found = 0
        let positions = applied.count > 8 ? applied.index() : nil
        for (name, value) in live.entries {
            var change: Value?
            if let positions {
                change = positions[name].map { applied.entries[$0].value }
            } else {
                change = applied[name]
            }
            guard let change else {
                result.append((name, value))
                continue
            }
            found += 1
            if let merged = merge(value, change, members[name]) { result.append((name, merged)) }
        }
        if found < applied.count {
            let before = KeyPlaces(of: live.entries)
            for (name, value) in applied.entries where before.place(of: name, in: live.entries) == nil {
                result.append((name, value))
            }
        }
        return result.isEmpty ? nil : .object(OrderedFields(result))
    }

    /// Keeps the applier's order of what it sends, and between those the live order of all else.
    private func merge(_ live: [Value], _ applied: [Value], elements shape: FieldShape) -> [Value] {
        var list = ElementMerge(
            live: shape.pathElements(of: live, in: schema), applied: shape.pathElements(of: applied, in: schema))
        let element = shape.element
        return list.merged { (old, new) in merge(old, new, element) }
    }
}

/// The two lists of one merge and how far it has come.
private struct ElementMerge {
    private let live: [(key: String, value: Value)]
    private let applied: [(key: String, value: Value)]
    /// Of repeated elements there is nothing to merge with: null.
    private var liveByKey: [String: Value] = [:]
    private var appliedByKey: [String: Value] = [:]
    private var done: Set<String> = []
    /// Keys of both lists, in the applied order, from the next one on.
    private var shared: ArraySlice<String> = []

    init(live: [(key: String, value: Value)], applied: [(key: String, value: Value)]) {
        self.live = live
        self.applied = applied
        for (key, value) in live { liveByKey[key] = liveByKey[key] == nil ? value : .null }
        for (key, value) in applied { appliedByKey[key] = value }
        shared = applied.map(\.key).filter { liveByKey[$0] != nil }[...]
    }

    mutating func merged(_ merge: (Value?, Value?) -> Value?) -> [Value] {
        var result: [Value] = []
        result.reserveCapacity(max(live.count, applied.count))
        var (l, r) = (0, 0)
        while l < live.count || r < applied.count {
            if l < live.count, r < applied.count {
                let key = live[l].key
                if key == applied[r].key {
                    done.insert(key)
                    if let value = merge(liveByKey[key], appliedByKey[key]) { result.append(value) }
                    l += 1
                    r += 1
                    shared = shared.dropFirst()
                    continue
                }
                if appliedByKey[key] != nil, let next = shared.first, next != key {
                    // Shared, but its turn comes later.
                    l += 1
                    continue
                }
            }
            if l < live.count {
                let key = live[l].key
                if appliedByKey[key] == nil {
                    result.append(live[l].value)
                    l += 1
                    continue
                }
                if done.contains(key) {
                    l += 1
                    continue
                }
            }
            if r < applied.count {
                let key = applied[r].key
                done.insert(key)
                if let value = merge(liveByKey[key], appliedByKey[key]) { result.append(value) }
                r += 1
                if shared.first == key { shared = shared.dropFirst() }
            } else {
                l += 1
            }
        }
        return result
    }
}

extension StrategicMergePatch {
    /// Merges a list of scalars (a set) or of objects with a merge key.
    func merge(
        _ patch: [Value], into original: [Value], _ member: Member, isDeletion: Bool
    ) throws(PatchError) -> [Value] {
        if original.isEmpty, patch.isEmpty { return original }
        let list = ElementList(member: member)
        guard case .object? = (original + patch).first else {
            if isDeletion {
                let removed = Set(patch)
                return original.filter { !removed.contains($0) }
            }
            var seen: Set<Value> = []
            let merged = (original + patch).filter { seen.insert($0).inserted }
            return list.sort(merged, by: patch, original: original)
        }
        guard let key = member.mergeKey else {
            throw .internalError("cannot merge lists without merge key for \(elementName(member))")
        }
        var (kept, changes) = try Self.obeyDirectives(original, patch, key)
        let before = kept
        let element: FieldType? = if case .array(let element) = member.type { element } else { nil }
        var positions: [Value: Int] = [:]
        for (index, value) in kept.enumerated() {
            if let id = value[key], positions[id] == nil { positions[id] = index }
        }
        for change in changes {
            guard case .object(let fields) = change, let id = fields[key] else { throw Self.noMergeKey(change, key) }
            if let index = positions[id], case .object(let old) = kept[index] {
                kept[index] = .object(try merge(fields, into: old, element))
            } else {
                positions[id] = kept.count
                kept.append(Self.withoutDirectives(change))
            }
        }
        return list.sort(kept, by: changes, original: before)
    }

    /// Obeys `$patch: delete` and `replace` among a list's elements; returns what is left to merge.
    private static func obeyDirectives(
        _ original: [Value], _ patch: [Value], _ key: String
    ) throws(PatchError) -> (original: [Value], patch: [Value]) {
        var deleted: Set<Value> = []
        var rest: [Value] = []
        var isReplacing = false
        for change in patch {
            guard case .object(let fields) = change, let directive = fields[directive] else {
                rest.append(change)
                continue
            }
            switch directive.string {
            case "delete":
                guard let id = fields[key] else { throw noMergeKey(change, key) }
                deleted.insert(id)
            case "replace": isReplacing = true
            case "merge": throw .internalError("merging lists cannot yet be specified in the patch")
            default: throw unknownDirective(directive, fields)
            }
        }
        if isReplacing { return (rest.map(withoutDirectives), []) }
        guard !deleted.isEmpty else { return (original, rest) }
        return (original.filter { !($0[key].map(deleted.contains) ?? false) }, rest)
    }

    private static func noMergeKey(_ change: Value, _ key: String) -> PatchError {
        .internalError("map: \(change.goText) does not contain declared merge key: \(key)")
    }

    private func elementName(_ member: Member) -> String {
        guard case .array(.object(let id)) = member.type else { return "" }
        return schema[id].shortName
    }

}

/// The order of a merged list's elements: those of the patch in the patch's order, the others where they were.
struct ElementList {
    let member: StrategicMergePatch.Member

    /// What tells elements apart: the merge key's value, or the scalar itself.
    private func identity(_ element: Value) -> Value {
        guard let key = member.mergeKey, case .object(let fields) = element else { return element }
        return fields[key] ?? .null
    }

    private func positions(_ list: [Value]) -> [Value: Int] {
        Dictionary(list.enumerated().map { (identity($1), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Elements of `merged` that are in `order` come in that order. The others keep the order they had in `original`
    /// and go in front of the first ordered element that stood behind them there, or at the end.
    func sort(_ merged: [Value], by order: [Value], original: [Value]) -> [Value] {
        let wanted = positions(order)
        let before = positions(original)
        var ordered: [(position: Int, element: Value)] = []
        var others: [(position: Int, element: Value)] = []
        for element in merged {
            let id = identity(element)
            if let position = wanted[id] {
                ordered.append((position, element))
            } else {
                others.append((before[id] ?? Int.max, element))
            }
        }
        ordered.sort { $0.position < $1.position }
        others.sort { $0.position < $1.position }
        var result: [Value] = []
        result.reserveCapacity(merged.count)
        var next = others[...]
        for (_, element) in ordered {
            while let other = next.first, let place = before[identity(element)], other.position < place {
                result.append(other.element)
                next.removeFirst()
            }
            result.append(element)
        }
        result += next.map(\.element)
        return result
    }

    /// The elements of a patch must come in the order that `$setElementOrder` gives.
    func checkOrder(of patch: [Value], in order: [Value]) throws(PatchError) {
        var rest = patch.filter { $0[StrategicMergePatch.directive]?.string != "delete" }[...]
        for element in order {
            guard let first = rest.first else { return }
            if identity(first) == identity(element) { rest.removeFirst() }
        }
        guard rest.isEmpty else {
            throw .internalError(
                "The order in patch list:\n\(Value.array(patch).goText)\n doesn't match $setElementOrder list:\n"
                    + "\(Value.array(order).goText)\n")
        }
    }
}

extension Value {
    /// As Go's `%v` prints decoded JSON: `map[name:c value:3]`.
    package var goText: String {
        switch self {
        case .null: "<nil>"
        case .string(let text): text
        case .array(let elements): "[" + elements.map(\.goText).joined(separator: " ") + "]"
        case .object(let fields):
            "map[" + fields.sorted().entries.map { "\($0.key):\($0.value.goText)" }.joined(separator: " ") + "]"
        case .bool, .int, .double: jsonText
        }
    }
}

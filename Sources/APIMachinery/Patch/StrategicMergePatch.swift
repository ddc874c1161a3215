/// Kubernetes' strategic merge patch: a merge patch that merges lists by key, as the schema says, with directives
/// (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) for what a merge cannot say.
///
/// See "Strategic Merge Patch" in the Kubernetes API conventions; order and errors are upstream's.
package struct StrategicMergePatch {
    static let directive = "$patch"
    private static let retainKeys = "$retainKeys"
    private static let elementOrder = "$setElementOrder/"
    private static let primitiveDeletion = "$deleteFromPrimitiveList/"

    let schema: Schema

    /// Parses a patch body; `null` is an empty patch.
    package static func parse(json bytes: [UInt8]) throws(PatchError) -> Value {
        var duplicates: [String] = []
        return try parse(json: bytes, duplicates: &duplicates)
    }

    /// Parses a patch body, noting the paths of repeated fields.
    package static func parse(json bytes: [UInt8], duplicates: inout [String]) throws(PatchError) -> Value {
        let patch: Value
        do throws(JSONError) {
            patch = try Value.parse(json: bytes, duplicates: &duplicates)
        } catch {
            throw .malformed(error.message)
        }
        switch patch {
        case .object: return patch
        case .null: return .object(OrderedFields())
        default:
            throw .malformed(
                "json: cannot unmarshal \(patch.kindName) into Go value of type map[string]interface {}")
        }
    }

    /// `target` after `patch`, which must be an object. The result is not yet checked against the schema.
    package static func apply(
        _ patch: Value, to target: Value, as type: TypeID, schema: Schema
    ) throws(PatchError) -> Value {
        guard case .object(let changes) = patch else {
            throw .malformed(
                "json: cannot unmarshal \(patch.kindName) into Go value of type map[string]interface {}")
        }
        let merge = StrategicMergePatch(schema: schema)
        return .object(try merge.merge(changes, into: target.fields ?? OrderedFields(), .object(type)))
    }

    // MARK: Maps

    /// Merges an object of the given type (or a map, or anything without a schema).
    func merge(
        _ patch: OrderedFields, into original: OrderedFields, _ type: FieldType?
    ) throws(PatchError) -> OrderedFields {
        if let directive = patch[Self.directive] { return try Self.obey(directive, patch) }
        var patch = patch
        var result = original
        try Self.applyRetainKeys(&result, &patch)
        try applyElementOrders(&result, &patch, type)
        var positions = result.index()
        var removed: Set<String> = []
        for (name, change) in patch.entries {
            let key = Self.suffix(of: name, after: Self.primitiveDeletion) ?? name
            let isDeletion = key != name
            let position = removed.contains(key) ? nil : positions[key]
            if change.isNull {
                if position != nil { removed.insert(key) }
                continue
            }
            guard let position else {
                guard !isDeletion else { continue }
                removed.remove(key)
                let value = Self.withoutDirectives(change)
                if let free = positions[key] {
                    result.replace(at: free, with: value)
                } else {
                    positions[key] = result.count
                    result.appendNew(key, value)
                }
                continue
            }
            let old = result.take(at: position)
            let merged = try merge(change, into: old, memberType(key, of: type), isDeletion: isDeletion)
            result.replace(at: position, with: merged)
        }
        if !removed.isEmpty { result.removeAll { key, _ in removed.contains(key) } }
        return result
    }

    private func merge(
        _ change: Value, into old: Value, _ member: Member, isDeletion: Bool
    ) throws(PatchError) -> Value {
        switch (old, change) {
        case (.object(let fields), .object(let changes)):
            return .object(try merge(changes, into: fields, member.type))
        case (.array(let elements), .array(let changes)):
            guard member.mergesLists || isDeletion else { return change }
            return .array(try merge(changes, into: elements, member, isDeletion: isDeletion))
        default:
            return isDeletion ? old : change
        }
    }

    /// `$patch: replace` and `delete` in an object.
    private static func obey(_ directive: Value, _ patch: OrderedFields) throws(PatchError) -> OrderedFields {
        switch directive.string {
        case "replace":
            var rest = patch
            rest[Self.directive] = nil
            return rest
        case "delete": return OrderedFields()
        default: throw unknownDirective(directive, patch)
        }
    }

    static func unknownDirective(_ directive: Value, _ patch: OrderedFields) -> PatchError {
        .internalError("unknown patch type: \(directive.goText) in map: \(Value.object(patch).goText)")
    }

    /// `$retainKeys` names all members that stay.
    private static func applyRetainKeys(
        _ original: inout OrderedFields, _ patch: inout OrderedFields
    ) throws(PatchError) {
        guard let list = patch[retainKeys] else { return }
        patch[retainKeys] = nil
        guard let kept = list.array.map({ Set($0.compactMap(\.string)) }) else {
            throw .malformed("invalid patch format of retainKeys")
        }
        // What is null goes anyway: `kubectl apply` sends `rollingUpdate: null` beside the kept `type`.
        for (key, value) in patch.entries where !kept.contains(key) && !key.hasPrefix("$") && !value.isNull {
            throw .malformed("invalid patch format of retainKeys")
        }
        original.removeAll { key, _ in !kept.contains(key) }
    }

    /// A value that has nothing to merge with: directives in it have nothing to act on, and nulls nothing to delete.
    static func withoutDirectives(_ value: Value) -> Value {
        switch value {
        case .object(let fields):
            if fields[directive]?.string == "delete" { return .object(OrderedFields()) }
            var kept = OrderedFields()
            for (key, member) in fields.entries where !key.hasPrefix("$") || !isDirective(key) {
                if !member.isNull { kept.appendNew(key, withoutDirectives(member)) }
            }
            return .object(kept)
        case .array(let elements):
            return .array(elements.filter { $0[directive] == nil }.map(withoutDirectives))
        default: return value
        }
    }

    private static func isDirective(_ key: String) -> Bool {
        key == directive || key == retainKeys || key.hasPrefix(elementOrder) || key.hasPrefix(primitiveDeletion)
    }

    private static func suffix(of key: String, after prefix: String) -> String? {
        key.hasPrefix(prefix) ? String(key.dropFirst(prefix.count)) : nil
    }

    // MARK: Schema

    /// How a member is merged.
    struct Member {
        var type: FieldType?
        var strategy = PatchStrategy.replace
        var mergeKey: String?

        var mergesLists: Bool { strategy == .merge || strategy == .mergeRetainKeys }
    }

    private func memberType(_ key: String, of type: FieldType?) -> Member {
        switch type {
        case .object(let id):
            guard let field = schema[id].field(key) else { return Member() }
            return Member(type: field.type, strategy: field.patchStrategy, mergeKey: field.patchMergeKey)
        case .map(let element): return Member(type: element)
        default: return Member()
        }
    }

    // MARK: Element order

    /// `$setElementOrder/list`: merges that list here and puts it in the given order.
    private func applyElementOrders(
        _ original: inout OrderedFields, _ patch: inout OrderedFields, _ type: FieldType?
    ) throws(PatchError) {
        for name in patch.keys {
            guard let key = Self.suffix(of: name, after: Self.elementOrder) else { continue }
            guard let order = patch[name]?.array else {
                throw .malformed("invalid patch format of setElementOrder list")
            }
            patch[name] = nil
            let member = memberType(key, of: type)
            // A null list in the patch deletes; that is left to the merge of members.
            if let change = patch[key], change.isNull { continue }
            let changes = patch[key]?.array
            patch[key] = nil
            let old = original[key]?.array
            guard changes != nil || old != nil else { continue }
            let list = ElementList(member: member)
            if let changes { try list.checkOrder(of: changes, in: order) }
            var merged = old ?? []
            if let changes {
                if let old {
                    merged = member.mergesLists ? try merge(changes, into: old, member, isDeletion: false) : changes
                } else {
                    merged = Self.withoutDirectives(.array(changes)).array ?? []
                }
            }
            original[key] = .array(list.sort(merged, by: order, original: old ?? []))
        }
    }
}

/// JSON merge patch (RFC 7386).
package enum MergePatch {
    /// Parses a patch body; it must be an object.
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
            throw .malformed("error decoding patch: \(error.message)")
        }
        switch patch {
        case .object: return patch
        case .null: throw .malformed("Invalid JSON Patch")
        default:
            throw .malformed(
                "error decoding patch: json: cannot unmarshal \(patch.kindName) into Go value of type "
                    + "map[string]interface {}")
        }
    }

    /// Members of `patch` replace those of `target`, objects member by member; `null` removes.
    package static func apply(_ patch: Value, to target: Value) -> Value {
        guard case .object(let changes) = patch else { return patch }
        var result: OrderedFields
        if case .object(let fields) = target { result = fields } else { result = OrderedFields() }
        var positions = result.index()
        var removed: Set<String> = []
        for (key, change) in changes.entries {
            guard let position = positions[key] else {
                guard !change.isNull else { continue }
                positions[key] = result.count
                result.appendNew(key, apply(change, to: .null))
                continue
            }
            if change.isNull {
                removed.insert(key)
            } else {
                result.replace(at: position, with: apply(change, to: result.take(at: position)))
            }
        }
        if !removed.isEmpty { result.removeAll { key, _ in removed.contains(key) } }
        return .object(result)
    }
}

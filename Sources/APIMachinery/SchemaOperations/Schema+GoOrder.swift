extension Schema {
    /// The value with the members of every struct in the order in which upstream's Go structs declare them, which is
    /// that of the field numbers with few exceptions. Patched objects are quoted in that order.
    package func goOrdered(_ value: Value, as type: TypeID) -> Value { goOrdered(value, .object(type)) }

    private func goOrdered(_ value: Value, _ type: FieldType) -> Value {
        switch (type, value) {
        case (.object(let id), .object(let fields)):
            let type = self[id]
            var ranked: [(rank: [UInt32], key: String, value: Value)] = []
            for (key, member) in fields.entries {
                let field = type.field(key)
                let rank: [UInt32] =
                    switch key {
                    case "kind" where !type.kinds.isEmpty: [0, 0]
                    case "apiVersion" where !type.kinds.isEmpty: [0, 1]
                    default: field?.tags ?? [.max]
                    }
                ranked.append((rank, key, field.map { goOrdered(member, $0.type) } ?? member))
            }
            ranked.sort { $0.rank.lexicographicallyPrecedes($1.rank) }
            return .object(OrderedFields(ranked.map { ($0.key, $0.value) }))
        case (.map(let element), .object(let fields)):
            return .object(OrderedFields(fields.sorted().entries.map { ($0.key, goOrdered($0.value, element)) }))
        case (.array(let element), .array(let elements)): return .array(elements.map { goOrdered($0, element) })
        default: return value
        }
    }

    /// As `goOrdered`, but with sorted members in the objects that a JSON patch library has taken apart: the root, and
    /// whatever `touched` says of a path of keys.
    package func patchOrdered(_ value: Value, as type: TypeID, touched: ([String]) -> Bool) -> Value {
        patchOrdered(goOrdered(value, as: type), path: [], touched: touched)
    }

    private func patchOrdered(_ value: Value, path: [String], touched: ([String]) -> Bool) -> Value {
        guard path.isEmpty || touched(path) else { return value }
        switch value {
        case .object(let fields):
            return .object(
                OrderedFields(
                    fields.sorted().entries.map { (key: String, member: Value) in
                        (key, patchOrdered(member, path: path + [key], touched: touched))
                    }))
        case .array(let elements):
            return .array(
                elements.enumerated().map { index, member in
                    patchOrdered(member, path: path + [String(index)], touched: touched)
                })
        default: return value
        }
    }
}

extension Schema {
    /// What upstream's Go type looks like before anything is set: only what is always encoded, and no defaults.
    package func emptyObject(as type: TypeID) -> Value {
        guard let object = try? normalised([:], as: type) else { return [:] }
        return withoutDefaults(object, type)
    }

    private func withoutDefaults(_ value: Value, _ type: TypeID) -> Value {
        guard case .object(let fields) = value else { return value }
        var kept: [(key: String, value: Value)] = []
        for (name, member) in fields.entries {
            guard let field = self[type].field(name) else { continue }
            if field.defaultValue != nil, !field.isAlwaysPresent { continue }
            if case .object(let id) = field.type {
                kept.append((name, withoutDefaults(member, id)))
            } else {
                kept.append((name, member))
            }
        }
        return .object(OrderedFields(kept))
    }
}

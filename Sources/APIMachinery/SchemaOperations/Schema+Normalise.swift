extension Schema {
    /// The value as upstream would answer it after one round trip through its Go types.
    ///
    /// Unknown fields, nulls, and empty optional fields are dropped, fields that are always encoded are added, schema
    /// defaults are set, scalars are written canonically (`1024Mi` as `1Gi`), fields come in the published order
    /// after `kind`, `apiVersion` and `metadata`, map keys sorted. Types of custom resources keep explicit zeros.
    package func normalised(_ value: Value, as type: TypeID) throws(SchemaError) -> Value {
        do throws(TypeMismatch) {
            return try normalised(value, .object(type))
        } catch {
            throw error.error
        }
    }

    /// The same for a value that shares much with one already normalised: top-level fields that are equal to those
    /// of `known` are taken from there.
    package func normalised(_ value: Value, as type: TypeID, known: Value) throws(SchemaError) -> Value {
        guard case .object(let fields) = value else { return try normalised(value, as: type) }
        do throws(TypeMismatch) {
            return .object(try normalised(fields, self[type], known: known.fields))
        } catch {
            throw error.error
        }
    }

    private func normalised(_ value: Value, _ type: FieldType) throws(TypeMismatch) -> Value {
        switch (type, value) {
        case (.object(let id), .object(let fields)): return .object(try normalised(fields, self[id]))
        case (.object(let id), .null): return .object(try normalised(OrderedFields(), self[id]))
        case (.array(let element), .array(let elements)):
            var result: [Value] = []
            result.reserveCapacity(elements.count)
            for member in elements { result.append(try normalised(member, element)) }
            return .array(result)
        case (.map(let element), .object(let fields)):
            var result = OrderedFields()
            for (key, member) in fields.sorted().entries {
                result.appendNew(key, try normalised(member, element))
            }
            return .object(result)
        case (.array, .null), (.map, .null): return .null
        case (.object, _), (.array, _), (.map, _): throw TypeMismatch(found: value.kindName, wanted: goName(of: type))
        case (_, .null): return Self.zero(of: type)
        default: return try canonical(value, type)
        }
    }

    /// A scalar in the form upstream prints it in.
    private func canonical(_ value: Value, _ type: FieldType) throws(TypeMismatch) -> Value {
        if let error = scalarMismatch(value, type) { throw error }
        switch (type, value) {
        case (.quantity, .string(let text)): return .string(Quantity(text)?.description ?? text)
        case (.quantity, _): return .string(Quantity(value.jsonText)?.description ?? "0")
        case (.time, .string(let text)): return .string(Time(text)?.description ?? text)
        case (.microTime, .string(let text)): return .string(MicroTime(text)?.description ?? text)
        case (.duration, .string(let text)): return .string(GoDuration(text)?.description ?? text)
        case (.bytes, .string(let text)) where text.utf8.contains(0x0A) || text.utf8.contains(0x0D):
            return .string(text.filter { !$0.isNewline })
        default: return value
        }
    }

    private func normalised(
        _ fields: OrderedFields, _ type: TypeSchema, known: OrderedFields? = nil
    ) throws(TypeMismatch) -> OrderedFields {
        var result = OrderedFields()
        let isRoot = !type.kinds.isEmpty
        if isRoot {
            for name in ["kind", "apiVersion"] {
                if let text = fields[name]?.string, !text.isEmpty { result.appendNew(name, .string(text)) }
            }
        }
        for (index, value) in present(fields, type) {
            let name = type.fields[index].name
            if isRoot, name == "kind" || name == "apiVersion" { continue }
            if let known, let done = known[name], value == done {
                result.appendNew(name, done)
            } else {
                try add(value, index, of: type, to: &result)
            }
        }
        return result
    }

    /// What an object has of its type's fields, by their places and in the order in which they are written; `.null`
    /// for those that are not there and written all the same. Looks at what is there, not at all that could be.
    private func present(_ fields: OrderedFields, _ type: TypeSchema) -> [(index: Int, value: Value)] {
        var present: [(index: Int, value: Value)] = []
        present.reserveCapacity(fields.count + type.writtenWhenAbsent.count)
        for entry in fields.entries where !entry.value.isNull {
            if let index = type.index(of: entry.key) { present.append((index, entry.value)) }
        }
        for index in type.writtenWhenAbsent where !present.contains(where: { $0.index == index }) {
            present.append((index, .null))
        }
        // Of a root, the metadata comes before everything else.
        let first = type.kinds.isEmpty ? nil : type.index(of: "metadata")
        func rank(_ index: Int) -> Int { index == first ? -1 : index }
        if zip(present, present.dropFirst()).contains(where: { rank($0.index) > rank($1.index) }) {
            present.sort { rank($0.index) < rank($1.index) }
        }
        return present
    }

    private func add(
        _ value: Value, _ index: Int, of type: TypeSchema, to result: inout OrderedFields
    ) throws(TypeMismatch) {
        if !value.isNull {
            let normal: Value
            do throws(TypeMismatch) {
                normal = try normalised(value, type.fields[index].type)
            } catch {
                throw error.within(type.fields[index], of: type)
            }
            if Self.isEmpty(normal, type.fields[index].type), !keepsEmpty(type.fields[index], index, of: type) {
                return
            }
            result.appendNew(type.fields[index].name, normal)
        } else if let value = type.fields[index].defaultValue {
            result.appendNew(type.fields[index].name, value)
        } else if type.fields[index].isAlwaysPresent, type.fields[index].name != "minReadySeconds" {
            // (Published with a zero default for ReplicationControllers, and `omitempty` all the same.)
            result.appendNew(type.fields[index].name, try normalised(.null, type.fields[index].type))
        } else if type.isNullWhenAbsent[index] {
            result.appendNew(type.fields[index].name, .null)
        }
    }

    private func keepsEmpty(_ field: FieldSchema, _ index: Int, of type: TypeSchema) -> Bool {
        switch field.type {
        case .array, .map: type.isNullWhenAbsent[index] || field.isAlwaysPresent || !type.isBuiltIn
        case .bytes: field.isAlwaysPresent || !type.isBuiltIn
        default: type.keepsZero[index]
        }
    }

    /// What Go's `omitempty` leaves out, apart from pointers. Structs are never empty.
    private static func isEmpty(_ value: Value, _ type: FieldType) -> Bool {
        switch (type, value) {
        case (.string, .string(let text)), (.bytes, .string(let text)): text.isEmpty
        case (.bool, .bool(let bool)): !bool
        case (.int32, .int(let number)), (.int64, .int(let number)): number == 0
        case (.array, .array(let elements)): elements.isEmpty
        case (.map, .object(let fields)): fields.isEmpty
        default: false
        }
    }

    /// What an absent field that is always encoded looks like.
    private static func zero(of type: FieldType) -> Value {
        switch type {
        case .string, .bytes: .string("")
        case .bool: .bool(false)
        case .int32, .int64, .double, .intOrString: .int(0)
        case .quantity: .string("0")
        case .duration: .string("0s")
        case .array, .map, .object, .time, .microTime, .rawExtension, .fieldsV1, .json: .null
        }
    }
}

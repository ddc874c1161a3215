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
        _ fields: OrderedFields, _ type: TypeSchema
    ) throws(TypeMismatch) -> OrderedFields {
        var result = OrderedFields()
        if !type.kinds.isEmpty {
            for name in ["kind", "apiVersion"] {
                if let text = fields[name]?.string, !text.isEmpty { result.appendNew(name, .string(text)) }
            }
            for (index, field) in type.fields.enumerated() where field.name == "metadata" {
                try add(field, index, of: type, from: fields, to: &result)
            }
        }
        let isRoot = !type.kinds.isEmpty
        for (index, field) in type.fields.enumerated() {
            if isRoot, field.name == "kind" || field.name == "apiVersion" || field.name == "metadata" { continue }
            try add(field, index, of: type, from: fields, to: &result)
        }
        return result
    }

    private func add(
        _ field: FieldSchema, _ index: Int, of type: TypeSchema, from fields: OrderedFields,
        to result: inout OrderedFields
    ) throws(TypeMismatch) {
        if let value = fields[field.name], !value.isNull {
            let normal: Value
            do throws(TypeMismatch) {
                normal = try normalised(value, field.type)
            } catch {
                throw error.within(field, of: type)
            }
            if Self.isEmpty(normal, field.type), !keepsEmpty(field, index, of: type) { return }
            result.appendNew(field.name, normal)
        } else if let value = field.defaultValue {
            result.appendNew(field.name, value)
        } else if field.isAlwaysPresent, field.name != "minReadySeconds" {
            // (Published with a zero default for ReplicationControllers, and `omitempty` all the same.)
            result.appendNew(field.name, try normalised(.null, field.type))
        } else if type.isNullWhenAbsent[index] {
            result.appendNew(field.name, .null)
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

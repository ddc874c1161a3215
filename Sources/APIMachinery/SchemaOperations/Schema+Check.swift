extension Schema {
    /// Finds unknown fields and the first value of a wrong type. `path` is put before every path in the report.
    package func check(_ value: Value, as type: TypeID, path: String = "") -> StrictReport {
        var report = StrictReport()
        check(value, as: type, path: path, &report)
        return report
    }

    /// The same for JSON as it was sent: findings in the order of the text, repeated fields among them, and numbers
    /// quoted as they were written. Slower; for documents that are known to have something wrong with them.
    package func check(sourceOf json: [UInt8], as type: TypeID) -> StrictReport {
        guard let value = try? Value.parse(sourceOf: json) else { return StrictReport() }
        var report = StrictReport()
        report.seeksDuplicates = true
        check(value, as: type, &report)
        report.seeksDuplicates = false
        return report
    }

    private func check(_ value: Value, as type: TypeID, path: String = "", _ report: inout StrictReport) {
        do throws(TypeMismatch) {
            try check(value, .object(type), path: path, &report)
        } catch {
            report.typeError = error.error.description
        }
    }

    private func check(
        _ value: Value, _ type: FieldType, path: @autoclosure () -> String, _ report: inout StrictReport
    ) throws(TypeMismatch) {
        if value.isNull { return }
        switch (type, value) {
        case (.object(let id), .object(let fields)):
            try check(fields, self[id], path: path(), &report)
        case (.array(let element), .array(let elements)):
            for (index, member) in elements.enumerated() {
                try check(member, element, path: path() + "[\(index)]", &report)
            }
        case (.map(let element), .object(let fields)):
            let repeated = report.seeksDuplicates ? fields.repeatedPositions : []
            for (index, (key, member)) in fields.entries.enumerated() {
                if repeated.contains(index) { report.addDuplicate(Self.join(path(), key)) }
                try check(member, element, path: Self.join(path(), key), &report)
            }
        case (.object, _), (.array, _), (.map, _):
            throw TypeMismatch(found: value.kindName, wanted: goName(of: type))
        default:
            if let mismatch = scalarMismatch(value, type) { throw mismatch }
        }
    }

    private func check(
        _ fields: OrderedFields, _ type: TypeSchema, path: @autoclosure () -> String, _ report: inout StrictReport
    ) throws(TypeMismatch) {
        let repeated = report.seeksDuplicates ? fields.repeatedPositions : []
        for (index, (name, member)) in fields.entries.enumerated() {
            guard let field = type.field(name) else {
                if !type.isTypeMeta(name) { report.addUnknown(Self.join(path(), name)) }
                continue
            }
            if repeated.contains(index) { report.addDuplicate(Self.join(path(), name)) }
            do throws(TypeMismatch) {
                try check(member, field.type, path: Self.join(path(), name), &report)
            } catch {
                throw error.within(field, of: type)
            }
        }
    }

    private static func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : path + "." + name
    }
}

extension OrderedFields {
    /// Entries whose key stands further in front too: there are none but in values that keep their source.
    fileprivate var repeatedPositions: Set<Int> {
        var seen: Set<String> = []
        return Set(entries.indices.filter { !seen.insert(entries[$0].key).inserted })
    }
}

extension TypeSchema {
    /// Every kind has these two, whether or not the tables list them.
    func isTypeMeta(_ name: String) -> Bool {
        !kinds.isEmpty && (name == "kind" || name == "apiVersion")
    }
}

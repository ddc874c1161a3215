/// One column of a Table answer.
package struct PrinterColumn: Sendable, Equatable {
    package let name: String
    /// `string`, `integer`, …
    package let type: String
    /// `name` for the object's name; empty mostly.
    package let format: String
    /// 0 always shown; 1 with `-o wide`.
    package let priority: Int32

    package init(name: String, type: String, format: String = "", priority: Int32 = 0) {
        self.name = name
        self.type = type
        self.format = format
        self.priority = priority
    }
}

/// The columns that `kubectl get` shows for each built-in resource.
package enum PrinterColumns {
    /// `nil` where upstream prints only name and age.
    package static func columns(group: String, version: String, plural: String) -> [PrinterColumn]? {
        table[Key(group: group, version: version, plural: plural)]
    }

    private struct Key: Hashable {
        let group: String
        let version: String
        let plural: String
    }

    private static let table: [Key: [PrinterColumn]] = {
        var table: [Key: [PrinterColumn]] = [:]
        var key = Key(group: "", version: "", plural: "")
        for var line in TableLines(EmbeddedTables.columns) {
            if line.isIndented {
                let priority = Int32(line.required().number)
                let type = line.required().string
                let format = line.required()
                table[key, default: []].append(
                    PrinterColumn(
                        name: line.remainder(), type: type, format: format.isDash ? "" : format.string,
                        priority: priority
                    )
                )
            } else {
                _ = line.required()
                let (group, version) = line.required().groupVersion
                key = Key(group: group, version: version, plural: line.required().string)
            }
        }
        return table
    }()
}

package import APIMachinery

extension Schema {
    /// The built-in kinds of the API, from the embedded description. Read at first use, in a few milliseconds.
    package static let kubernetes: Schema = {
        var parser = SchemaParser()
        return parser.parse()
    }()
}

/// Reads the embedded form of `Schema/*.schema` (its grammar is described in `Tools/…/SchemaText.swift`).
private struct SchemaParser {
    private var ids: [String: TypeID] = [:]
    private var types: [TypeSchema] = []
    /// Most fields have one small tag: they share these arrays.
    private let singleTags: [[UInt32]] = (0..<64).map { [$0] }

    mutating func parse() -> Schema {
        for (name, text) in EmbeddedTables.schemas { number(text, package: "\(name)") }
        types.reserveCapacity(ids.count)
        for (name, text) in EmbeddedTables.schemas { read(text, package: "\(name)") }
        return Schema(types: types)
    }

    /// Gives every type its number, so that fields can refer ahead.
    private mutating func number(_ text: StaticString, package: String) {
        for var line in TableLines(text) where !line.isIndented {
            if line.required() == "type" { ids[package + ":" + line.required().string] = TypeID(ids.count) }
        }
    }

    private struct Header {
        var name = ""
        var protobufName = ""
        var kinds: [GroupVersionKind] = []
        var isAtomic = false
        var unions: [UnionSchema] = []
    }

    private mutating func read(_ text: StaticString, package: String) {
        var openAPI = ""
        var protobuf = ""
        var header: Header?
        var fields: [FieldSchema] = []
        for var line in TableLines(text) {
            if line.isIndented {
                fields.append(field(&line, package: package))
            } else if line.required() == "package" {
                openAPI = line.required().string + "."
                protobuf = line.required().string + "."
            } else {
                finish(header, &fields)
                header = self.header(&line, openAPI: openAPI, protobuf: protobuf)
            }
        }
        finish(header, &fields)
    }

    private mutating func finish(_ header: Header?, _ fields: inout [FieldSchema]) {
        guard let header else { return }
        types.append(
            TypeSchema(
                name: header.name, protobufName: header.protobufName, kinds: header.kinds, fields: fields,
                isAtomic: header.isAtomic, unions: header.unions
            )
        )
        fields.removeAll(keepingCapacity: true)
    }

    private func header(_ line: inout TableLine, openAPI: String, protobuf: String) -> Header {
        let name = line.required().string
        var header = Header(name: openAPI + name, protobufName: protobuf + name)
        while let word = line.word() {
            if word == "atomic" {
                header.isAtomic = true
            } else if word == "no-protobuf" {
                header.protobufName = ""
            } else if let kind = word.argument(of: "kind") {
                header.kinds.append(kind.kind)
            } else if let union = word.argument(of: "union") {
                header.unions.append(self.union(union))
            } else {
                preconditionFailure("embedded schema: unknown property \(word.string)")
            }
        }
        return header
    }

    private func union(_ word: TableWord) -> UnionSchema {
        let parts = word.split(UInt8(ascii: ":"))
        let members = parts[1].split(UInt8(ascii: ",")).map { member in
            let pair = member.strings(separatedBy: UInt8(ascii: "="))
            return (field: pair[0], value: pair[1])
        }
        return UnionSchema(discriminator: parts[0].isDash ? nil : parts[0].string, members: members)
    }

    private func field(_ line: inout TableLine, package: String) -> FieldSchema {
        let name = line.required().string
        let type = self.type(line.required(), package: package)
        let tags = self.tags(line.required())
        var isRequired = false
        var isAlwaysPresent = false
        var defaultValue: Value?
        var listType = ListType.atomic
        var isAtomicMap = false
        var strategy = PatchStrategy.replace
        var mergeKey: String?
        var allowed: [String] = []
        while let word = line.word() {
            switch true {
            case word == "required": isRequired = true
            case word == "always": isAlwaysPresent = true
            case word == "atomic": listType = .atomic
            case word == "set": listType = .set
            case word == "atomic-map": isAtomicMap = true
            case word.hasPrefix("default="): defaultValue = value(word.dropFirst("default=".utf8.count))
            default:
                if let keys = word.argument(of: "map") {
                    listType = .map(keys: keys.strings())
                } else if let patch = word.argument(of: "patch") {
                    strategy = self.strategy(patch)
                } else if let key = word.argument(of: "key") {
                    mergeKey = key.string
                } else if let values = word.argument(of: "enum") {
                    allowed = values.strings(separatedBy: UInt8(ascii: "|"))
                } else {
                    preconditionFailure("embedded schema: unknown property \(word.string)")
                }
            }
        }
        return FieldSchema(
            name: name, type: type, tags: tags, isRequired: isRequired, isAlwaysPresent: isAlwaysPresent,
            defaultValue: defaultValue, listType: listType, isAtomicMap: isAtomicMap, patchStrategy: strategy,
            patchMergeKey: mergeKey, allowedValues: allowed
        )
    }

    private func tags(_ word: TableWord) -> [UInt32] {
        if word.isDash { return [] }
        let parts = word.split(UInt8(ascii: "."))
        if parts.count == 1, parts[0].number < singleTags.count { return singleTags[parts[0].number] }
        return parts.map { UInt32($0.number) }
    }

    private func strategy(_ word: TableWord) -> PatchStrategy {
        switch word.string {
        case "merge": .merge
        case "retainKeys": .retainKeys
        case "merge,retainKeys": .mergeRetainKeys
        default: .replace
        }
    }

    private func value(_ word: TableWord) -> Value {
        do throws(JSONError) {
            return try Value(json: [UInt8](word.bytes))
        } catch {
            preconditionFailure("embedded schema: default \(word.string): \(error)")
        }
    }

    private func type(_ word: TableWord, package: String) -> FieldType {
        switch word.bytes.first {
        case UInt8(ascii: "["): return .array(type(word.dropFirst(1).dropLast(), package: package))
        case UInt8(ascii: "{"): return .map(type(word.dropFirst(1).dropLast(), package: package))
        default: break
        }
        let name = word.string
        if let scalar = SchemaParser.scalars[name] { return scalar }
        guard let id = ids[name.utf8.contains(UInt8(ascii: ":")) ? name : package + ":" + name] else {
            preconditionFailure("embedded schema: no type \(name)")
        }
        return .object(id)
    }

    private static let scalars: [String: FieldType] = [
        "string": .string, "bool": .bool, "int32": .int32, "int64": .int64, "double": .double, "bytes": .bytes,
        "quantity": .quantity, "time": .time, "microTime": .microTime, "duration": .duration,
        "intOrString": .intOrString, "rawExtension": .rawExtension, "fieldsV1": .fieldsV1, "json": .json,
    ]
}

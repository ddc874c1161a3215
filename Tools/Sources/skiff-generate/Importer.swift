import Foundation

/// Turns upstream's published documents into `Schema/`: everything that the served kinds reach.
struct Importer {
    private let schemas: [String: [String: Any]]
    private let messages: [String: [String: [Any]]]
    private let resources: [[String: Any]]
    private let columns: [String: [[String: Any]]]

    init(directory: URL) throws {
        func load<Document>(_ name: String, as type: Document.Type) throws -> Document {
            let data = try Data(contentsOf: directory.appending(path: name))
            guard let document = try JSONSerialization.jsonObject(with: data) as? Document else {
                throw Failure("\(name): unexpected form")
            }
            return document
        }
        schemas = try load("schemas.json", as: [String: [String: Any]].self)
        messages = try load("protobuf-tags.json", as: [String: [String: [Any]]].self)
        resources = try load("resources.json", as: [[String: Any]].self)
        columns = try load("table-columns.json", as: [String: [[String: Any]]].self)
    }

    func run(writingTo directory: URL) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var packages: [String: Package] = [:]
        for name in reachable().sorted() {
            guard let (package, type) = split(name), scalar(for: name) == nil, let schema = schemas[name] else {
                continue
            }
            let key = shortName(ofPackage: package)
            var entry =
                packages[key] ?? Package(name: key, openAPI: package, protobuf: protobufName(ofPackage: package))
            entry.types.append(try describe(type, schema, in: entry))
            packages[key] = entry
        }
        for package in packages.values {
            let file = directory.appending(path: package.name + ".schema")
            try SchemaText.print(package).write(to: file, atomically: true, encoding: .utf8)
        }
        try resourceText().write(to: directory.appending(path: "resources.txt"), atomically: true, encoding: .utf8)
        try columnText().write(to: directory.appending(path: "columns.txt"), atomically: true, encoding: .utf8)
    }

    // MARK: Which types

    /// Types that are served as no resource and yet travel.
    private static let alwaysWanted: Set<String> = [
        "APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "DeleteOptions", "Status", "WatchEvent",
        "Condition", "LabelSelector", "ListMeta", "ObjectMeta",
    ]

    private func reachable() -> Set<String> {
        let served = Set(resources.map { kind(of: $0) })
        var pending: [String] = []
        for (name, schema) in schemas {
            let isMeta = name.hasPrefix("io.k8s.apimachinery.pkg.apis.meta.v1.")
            let isServed = kinds(of: schema).contains { gvk in
                let base = gvk.kind.hasSuffix("List") ? String(gvk.kind.dropLast(4)) : gvk.kind
                return served.contains(gvk)
                    || served.contains(GroupVersionKind(group: gvk.group, version: gvk.version, kind: base))
            }
            let isWanted = isMeta && Importer.alwaysWanted.contains(split(name)?.type ?? "")
            if isWanted || (isServed && !isMeta) { pending.append(name) }
        }
        var found: Set<String> = []
        while let name = pending.popLast() {
            guard found.insert(name).inserted, let schema = schemas[name] else { continue }
            for property in properties(of: schema).values { pending += references(property) }
        }
        return found
    }

    private func kind(of resource: [String: Any]) -> GroupVersionKind {
        GroupVersionKind(
            group: resource["kindGroup"] as? String ?? resource["group"] as? String ?? "",
            version: resource["kindVersion"] as? String ?? resource["version"] as? String ?? "",
            kind: resource["kind"] as? String ?? ""
        )
    }

    private func kinds(of schema: [String: Any]) -> [GroupVersionKind] {
        (schema["x-kubernetes-group-version-kind"] as? [[String: String]] ?? []).map {
            GroupVersionKind(group: $0["group"] ?? "", version: $0["version"] ?? "", kind: $0["kind"] ?? "")
        }
    }

    private func properties(of schema: [String: Any]) -> [String: [String: Any]] {
        schema["properties"] as? [String: [String: Any]] ?? [:]
    }

    private func references(_ property: [String: Any]) -> [String] {
        var found: [String] = []
        if let name = reference(property) { found.append(name) }
        for key in ["items", "additionalProperties"] {
            if let inner = property[key] as? [String: Any] { found += references(inner) }
        }
        return found
    }

    private func reference(_ property: [String: Any]) -> String? {
        let direct = property["$ref"] as? String
        let wrapped = (property["allOf"] as? [[String: Any]])?.first?["$ref"] as? String
        return (direct ?? wrapped)?.split(separator: "/").last.map(String.init)
    }

    // MARK: Names

    private func split(_ name: String) -> (package: String, type: String)? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        return (String(name[..<dot]), String(name[name.index(after: dot)...]))
    }

    /// `io.k8s.api.core.v1` is `core.v1`.
    private func shortName(ofPackage package: String) -> String {
        package.split(separator: ".").suffix(2).joined(separator: ".")
    }

    private func protobufName(ofPackage package: String) -> String {
        let tail = package.dropFirst("io.k8s.".count)
        return "k8s.io."
            + tail.replacingOccurrences(of: "apiextensions-apiserver", with: "apiextensions_apiserver")
            .replacingOccurrences(of: "kube-aggregator", with: "kube_aggregator")
    }

    /// Types with an encoding of their own.
    private func scalar(for name: String) -> String? {
        switch split(name)?.type {
        case "Quantity": "quantity"
        case "Time": "time"
        case "MicroTime": "microTime"
        case "Duration": "duration"
        case "IntOrString": "intOrString"
        case "RawExtension": "rawExtension"
        case "FieldsV1": "fieldsV1"
        case "JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray": "json"
        default: nil
        }
    }

    // MARK: Types and fields

    private func describe(_ name: String, _ schema: [String: Any], in package: Package) throws -> TypeDescription {
        var type = TypeDescription(name: name)
        let all = kinds(of: schema)
        // Options and events of watches are registered in every group; the core entry stands for all.
        type.kinds = all.count > 3 ? all.filter { $0.group.isEmpty } : all
        type.isAtomic = schema["x-kubernetes-map-type"] as? String == "atomic"
        type.unions = (schema["x-kubernetes-unions"] as? [[String: Any]] ?? []).map { union in
            let members = union["fields-to-discriminateBy"] as? [String: String] ?? [:]
            let pairs = members.sorted { $0.key < $1.key }.map { $0.key + "=" + $0.value }
            return (union["discriminator"] as? String ?? "-") + ":" + pairs.joined(separator: ",")
        }
        let message = package.protobuf + "." + name
        type.hasProtobuf = messages[message] != nil
        let required = Set(schema["required"] as? [String] ?? [])
        let properties = properties(of: schema)
        for key in properties.keys.sorted() {
            guard let property = properties[key] else { continue }
            var field = try describeField(key, property)
            field.isRequired = required.contains(key)
            field.tags = tags(of: key, in: message, isList: property["type"] as? String == "array") ?? []
            if field.tags.isEmpty, type.hasProtobuf, !(["kind", "apiVersion"].contains(key) && !type.kinds.isEmpty) {
                throw Failure("\(message).\(key): no protobuf field")
            }
            type.fields.append(field)
        }
        return type
    }

    private func describeField(_ name: String, _ property: [String: Any]) throws -> FieldDescription {
        var field = FieldDescription(name: name, type: try fieldKind(property), tags: [])
        if let value = property["default"] {
            let text = try json(value)
            if ["\"\"", "0", "false", "{}"].contains(text) {
                field.isAlwaysPresent = true
            } else {
                field.defaultValue = text
            }
        }
        switch property["x-kubernetes-list-type"] as? String {
        case "map":
            let keys = property["x-kubernetes-list-map-keys"] as? [String] ?? []
            field.listType = "map(\(keys.joined(separator: ",")))"
        case let other: field.listType = other
        }
        field.isAtomicMap = property["x-kubernetes-map-type"] as? String == "atomic"
        field.patchStrategy = property["x-kubernetes-patch-strategy"] as? String
        field.mergeKey = property["x-kubernetes-patch-merge-key"] as? String
        field.allowedValues = property["enum"] as? [String] ?? []
        return field
    }

    private func json(_ value: Any) throws -> String {
        let data = try JSONSerialization.data(
            withJSONObject: value, options: [.fragmentsAllowed, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }

    private func fieldKind(_ property: [String: Any]) throws -> FieldKind {
        if let name = reference(property) {
            if let scalar = scalar(for: name) { return .scalar(scalar) }
            guard let (package, type) = split(name) else { throw Failure("odd reference \(name)") }
            return .object(TypeReference(package: shortName(ofPackage: package), type: type))
        }
        switch (property["type"] as? String, property["format"] as? String) {
        case ("string", "byte"): return .scalar("bytes")
        case ("string", _): return .scalar("string")
        case ("boolean", _): return .scalar("bool")
        case ("integer", "int32"): return .scalar("int32")
        case ("integer", _): return .scalar("int64")
        case ("number", _): return .scalar("double")
        case ("array", _): return .array(try fieldKind(property["items"] as? [String: Any] ?? [:]))
        case ("object", _): return .map(try fieldKind(property["additionalProperties"] as? [String: Any] ?? [:]))
        case let other: throw Failure("unknown type \(other)")
        }
    }

    // MARK: Protobuf tags

    /// The path to a JSON field in a message: through messages that stand for structs which Go embeds inline, and
    /// into messages that wrap a list (`items`).
    private func tags(of name: String, in message: String, isList: Bool) -> [Int]? {
        guard let fields = messages[message] else { return nil }
        let folded = fold(name)
        let match = fields.first { $0.key == name } ?? fields.first { $0.key.lowercased() == folded }
        if let (_, entry) = match, let tag = entry.first as? Int {
            let label = entry.count > 2 ? entry[2] as? String : nil
            if isList, label == "optional", let wrapper = qualify(entry, in: message),
                let items = messages[wrapper]?["items"]?.first as? Int
            {
                return [tag, items]
            }
            return [tag]
        }
        for (embedded, entry) in fields.sorted(by: { $0.key < $1.key }) where Importer.inlineFields.contains(embedded) {
            guard let tag = entry.first as? Int, let inner = qualify(entry, in: message),
                let rest = tags(of: name, in: inner, isList: isList)
            else { continue }
            return [tag] + rest
        }
        return nil
    }

    /// Protobuf fields that hold a struct which is inline in JSON.
    private static let inlineFields: Set<String> = [
        "ruleWithOperations", "rule", "localObjectReference", "ephemeralContainerCommon", "persistentVolumeSource",
        "handler", "volumeSource", "ingressRuleValue", "deviceConfiguration",
    ]

    private func fold(_ name: String) -> String {
        name.lowercased().filter { $0 != "-" && $0 != "$" }
    }

    private func qualify(_ entry: [Any], in message: String) -> String? {
        guard entry.count > 1, let type = entry[1] as? String, let (package, _) = split(message) else { return nil }
        return type.hasPrefix(".") ? String(type.dropFirst()) : package + "." + type
    }

    // MARK: Resources and columns

    private func resourceText() -> String {
        var text = "# group/version plural singular Kind namespaced|cluster; `subresource name kind verbs`.\n"
        for resource in resources {
            let name = resource["name"] as? String ?? ""
            let verbs = (resource["verbs"] as? [String] ?? []).joined(separator: ",")
            let gvk = kind(of: resource)
            let own = GroupVersionKind(
                group: resource["group"] as? String ?? "", version: resource["version"] as? String ?? "", kind: gvk.kind
            )
            if let slash = name.firstIndex(of: "/") {
                let sub = name[name.index(after: slash)...]
                text +=
                    "  subresource \(name[..<slash])/\(sub) \(own.apiVersion) \(gvk.apiVersion)/\(gvk.kind) \(verbs)\n"
                continue
            }
            let scope = resource["namespaced"] as? Bool == true ? "namespaced" : "cluster"
            let singular = resource["singularName"] as? String ?? ""
            text +=
                "resource \(own.apiVersion) \(name) \(singular.isEmpty ? "-" : singular) \(gvk.kind) \(scope) \(verbs)"
            let short = resource["shortNames"] as? [String] ?? []
            let categories = resource["categories"] as? [String] ?? []
            if !short.isEmpty { text += " short(\(short.joined(separator: ",")))" }
            if !categories.isEmpty { text += " categories(\(categories.joined(separator: ",")))" }
            text += "\n"
        }
        return text
    }

    private func columnText() -> String {
        var text = "# group/version plural, then a line a column: priority type format Name.\n"
        for (key, list) in columns.sorted(by: { $0.key < $1.key }) {
            let parts = key.split(separator: "/").map(String.init)
            guard let plural = parts.last else { continue }
            let version = parts.dropLast().joined(separator: "/")
            text += "\ncolumns \(version.hasPrefix("core/") ? String(version.dropFirst(5)) : version) \(plural)\n"
            for column in list {
                let format = column["format"] as? String ?? ""
                text += "  \(column["priority"] as? Int ?? 0) \(column["type"] as? String ?? "string") "
                text += "\(format.isEmpty ? "-" : format) \(column["name"] as? String ?? "")\n"
            }
        }
        return text
    }
}

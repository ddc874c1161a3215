import Foundation

/// Reads and prints `Schema/*.schema`.
///
///     package io.k8s.api.core.v1 k8s.io.api.core.v1
///
///     type ContainerPort
///       containerPort int32 3 required always
///       protocol string 4 default="TCP"
///
/// A field is its JSON name, its type (`[T]` a list, `{T}` a map with string keys, `package:Type` a type of another
/// file), its path of protobuf tags (`-` for none) and its properties. Text after ` # ` documents.
enum SchemaText {
    static let scalars: Set<String> = [
        "string", "bool", "int32", "int64", "double", "bytes", "quantity", "time", "microTime", "duration",
        "intOrString", "rawExtension", "fieldsV1", "json",
    ]

    static func print(_ package: Package) -> String {
        var text = "package \(package.openAPI) \(package.protobuf)\n"
        for type in package.types {
            var words = ["type", type.name]
            words += type.kinds.map { "kind(\($0.apiVersion)/\($0.kind))" }
            if type.isAtomic { words.append("atomic") }
            if !type.hasProtobuf { words.append("no-protobuf") }
            words += type.unions.map { "union(\($0))" }
            text += "\n" + words.joined(separator: " ") + "\n"
            for field in type.fields { text += "  " + print(field, in: package.name) + "\n" }
        }
        return text
    }

    private static func print(_ field: FieldDescription, in package: String) -> String {
        var words = [field.name, print(field.type, in: package)]
        words.append(field.tags.isEmpty ? "-" : field.tags.map(String.init).joined(separator: "."))
        if field.isRequired { words.append("required") }
        if field.isAlwaysPresent { words.append("always") }
        if let value = field.defaultValue { words.append("default=\(value)") }
        if let list = field.listType { words.append(list) }
        if field.isAtomicMap { words.append("atomic-map") }
        if let strategy = field.patchStrategy { words.append("patch(\(strategy))") }
        if let key = field.mergeKey { words.append("key(\(key))") }
        if !field.allowedValues.isEmpty { words.append("enum(\(field.allowedValues.joined(separator: "|")))") }
        return words.joined(separator: " ")
    }

    private static func print(_ kind: FieldKind, in package: String) -> String {
        switch kind {
        case .scalar(let name): name
        case .object(let reference):
            reference.package == package ? reference.type : reference.package + ":" + reference.type
        case .array(let element): "[" + print(element, in: package) + "]"
        case .map(let element): "{" + print(element, in: package) + "}"
        }
    }

    static func read(directory: URL) throws -> Model {
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        var model = Model()
        for file in files.sorted(by: { $0.lastPathComponent < $1.lastPathComponent })
        where file.pathExtension == "schema" {
            let name = file.deletingPathExtension().lastPathComponent
            model.packages.append(try read(String(contentsOf: file, encoding: .utf8), name: name))
        }
        return model
    }

    static func read(_ text: String, name: String) throws -> Package {
        var package = Package(name: name, openAPI: "", protobuf: "")
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = strip(line).split(separator: " ").map(String.init)
            guard let first = words.first else { continue }
            do {
                if line.hasPrefix("  ") {
                    guard !package.types.isEmpty else { throw Failure("a field before the first type") }
                    let field = try readField(words, in: name)
                    package.types[package.types.count - 1].fields.append(field)
                } else if first == "package", words.count == 3 {
                    package.openAPI = words[1]
                    package.protobuf = words[2]
                } else if first == "type", words.count >= 2 {
                    package.types.append(try readType(words))
                } else {
                    throw Failure("expected `package` or `type`")
                }
            } catch {
                throw Failure("\(name).schema:\(number + 1): \(error)")
            }
        }
        return package
    }

    /// A line without its documentation.
    static func strip(_ line: Substring) -> Substring {
        line.range(of: " # ").map { line[..<$0.lowerBound] } ?? line
    }

    private static func readType(_ words: [String]) throws -> TypeDescription {
        var type = TypeDescription(name: words[1])
        for word in words.dropFirst(2) {
            switch (word, argument(of: word)) {
            case ("atomic", _): type.isAtomic = true
            case ("no-protobuf", _): type.hasProtobuf = false
            case (_, ("kind", let kind)?): type.kinds.append(try readKind(kind))
            case (_, ("union", let union)?): type.unions.append(union)
            default: throw Failure("unknown property \(word)")
            }
        }
        return type
    }

    static func readKind(_ text: String) throws -> GroupVersionKind {
        let parts = text.split(separator: "/").map(String.init)
        switch parts.count {
        case 2: return GroupVersionKind(group: "", version: parts[0], kind: parts[1])
        case 3: return GroupVersionKind(group: parts[0], version: parts[1], kind: parts[2])
        default: throw Failure("not a kind: \(text)")
        }
    }

    private static func readField(_ words: [String], in package: String) throws -> FieldDescription {
        guard words.count >= 3 else { throw Failure("a field needs name, type and tags") }
        let tags = words[2] == "-" ? [] : words[2].split(separator: ".").compactMap { Int($0) }
        var field = FieldDescription(name: words[0], type: try readFieldKind(words[1], in: package), tags: tags)
        for word in words.dropFirst(3) {
            switch (word, argument(of: word)) {
            case ("required", _): field.isRequired = true
            case ("always", _): field.isAlwaysPresent = true
            case ("atomic", _), ("set", _), (_, ("map", _)?): field.listType = word
            case ("atomic-map", _): field.isAtomicMap = true
            case (_, ("patch", let strategy)?): field.patchStrategy = strategy
            case (_, ("key", let key)?): field.mergeKey = key
            case (_, ("enum", let values)?): field.allowedValues = values.split(separator: "|").map(String.init)
            default:
                guard word.hasPrefix("default=") else { throw Failure("unknown property \(word)") }
                field.defaultValue = String(word.dropFirst("default=".count))
            }
        }
        return field
    }

    private static func readFieldKind(_ text: String, in package: String) throws -> FieldKind {
        if text.hasPrefix("[") { return .array(try readFieldKind(String(text.dropFirst().dropLast()), in: package)) }
        if text.hasPrefix("{") { return .map(try readFieldKind(String(text.dropFirst().dropLast()), in: package)) }
        if scalars.contains(text) { return .scalar(text) }
        let parts = text.split(separator: ":").map(String.init)
        return .object(
            parts.count == 2
                ? TypeReference(package: parts[0], type: parts[1]) : TypeReference(package: package, type: text)
        )
    }

    /// `name(argument)`.
    private static func argument(of word: String) -> (name: String, argument: String)? {
        guard let open = word.firstIndex(of: "("), word.hasSuffix(")") else { return nil }
        return (String(word[..<open]), String(word[word.index(after: open)...].dropLast()))
    }
}

internal import APIMachinery

/// Objects as upstream's internal Go structs print as JSON: every field, under its Go name, with null and zero where
/// nothing is set. Messages about structs quote them so, and the differences of two are shown line by line.
enum GoShape {
    /// What one field of a struct is.
    private enum Kind: Sendable {
        /// A pointer, slice or map of what JSON prints as it is.
        case raw
        case zero(Value)
        case structure(String)
        case pointer(String)
        case slice(String)
        /// The fields of another struct, or of `metadata`, as if they were this struct's own.
        case embedded(String)
    }

    private struct Field: Sendable {
        let name: String
        let key: String
        let kind: Kind
    }

    private static let types: [String: [Field]] = {
        var types: [String: [Field]] = [:]
        for line in (goStructs + "\n" + policyStructs).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let head = words.first else { continue }
            types[String(head.dropLast())] = words.dropFirst().map(field)
        }
        return types
    }()

    /// `GoName/jsonName:kind`, where the JSON name is left out if it follows from the Go name, and the kind of strings.
    private static func field(_ word: Substring) -> Field {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        let names = parts[0].split(separator: "/")
        let name = String(names[0])
        let kind = parts.count > 1 ? String(parts[1]) : "s"
        if name.hasPrefix("@") { return Field(name: "", key: "", kind: .embedded(String(name.dropFirst()))) }
        return Field(name: name, key: names.count > 1 ? String(names[1]) : key(of: name), kind: self.kind(kind))
    }

    private static func kind(_ text: String) -> Kind {
        switch text {
        case "?": .raw
        case "s": .zero("")
        case "i": .zero(0)
        case "b": .zero(false)
        case "q": .zero("0")
        default:
            text.hasPrefix("[]")
                ? .slice(String(text.dropFirst(2)))
                : text.hasPrefix("*") ? .pointer(String(text.dropFirst())) : .structure(text)
        }
    }

    /// `DNSPolicy` to `dnsPolicy`, `TTY` to `tty`.
    private static func key(of name: String) -> String {
        let run = name.prefix { $0.isUppercase }.count
        let lowered = run > 1 && run < name.count ? run - 1 : run
        return name.prefix(lowered).lowercased() + name.dropFirst(lowered)
    }

    static func value(_ value: Value, _ type: String) -> Value {
        var members: [(String, Value)] = []
        append(value, type, to: &members)
        return .record(members)
    }

    private static func append(_ value: Value, _ type: String, to members: inout [(String, Value)]) {
        guard type != "ObjectMeta" else { return appendMetadata(value.metadata, to: &members) }
        for field in types[type] ?? [] {
            if case .embedded(let other) = field.kind {
                append(value, other, to: &members)
            } else {
                members.append((field.name, shaped(value[field.key], field.kind)))
            }
        }
    }

    private static func shaped(_ member: Value?, _ kind: Kind) -> Value {
        let present = member?.isNull == false ? member : nil
        switch kind {
        case .raw: return present?.sortedMaps ?? .null
        case .zero(let zero): return present ?? zero
        case .structure(let type): return value(present ?? [:], type)
        case .pointer(let type): return present.map { value($0, type) } ?? .null
        case .slice(let type): return present?.array.map { .array($0.map { value($0, type) }) } ?? .null
        case .embedded: return .null
        }
    }

    private static let metadataKeys = [
        "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    ]

    /// Metadata has JSON names even inside, and leaves out what is empty.
    private static func appendMetadata(_ metadata: Value, to members: inout [(String, Value)]) {
        for key in metadataKeys {
            guard let value = metadata.present(key), !value.isEmptyValue else { continue }
            members.append((key, value.sortedMaps))
        }
    }

    /// A pod's spec. Upstream keeps the host's namespaces with the security context.
    static func podSpec(_ spec: Value) -> Value {
        value(internalSpec(spec), "PodSpec")
    }

    /// A template: metadata and spec.
    static func podTemplate(_ template: Value) -> Value {
        var template = template
        template["spec"] = internalSpec(template["spec"] ?? [:])
        return value(template, "PodTemplateSpec")
    }

    private static func internalSpec(_ spec: Value) -> Value {
        var spec = spec
        var context = spec["securityContext"] ?? [:]
        if context.isNull { context = [:] }
        for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
            if let value = spec.present(key) { context[key] = value }
        }
        spec["securityContext"] = context
        return spec
    }
}

extension Value {
    /// The same with all maps ordered by key, as Go prints them. For values without structs in them.
    fileprivate var sortedMaps: Value {
        switch self {
        case .object(let fields):
            // Selectors are structs with names of their own, already in order.
            fields.contains("matchLabels") || fields.contains("matchExpressions") ? self : .object(fields.sorted())
        default: self
        }
    }

    /// Several lines, a member or element each, indented by one space a level: what Go calls MarshalIndent.
    var indentedJSON: String {
        var text = ""
        writeIndented(to: &text, depth: 0)
        return text
    }

    private func writeIndented(to text: inout String, depth: Int) {
        func newLine(_ depth: Int) {
            text += "\n"
            for _ in 0..<depth { text += " " }
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                newLine(depth + 1)
                element.writeIndented(to: &text, depth: depth + 1)
            }
            newLine(depth)
            text += "]"
        case .object(let fields) where !fields.isEmpty:
            text += "{"
            for (index, member) in fields.entries.enumerated() {
                if index > 0 { text += "," }
                newLine(depth + 1)
                text += Value.string(member.key).escapedJSON + ": "
                member.value.writeIndented(to: &text, depth: depth + 1)
            }
            newLine(depth)
            text += "}"
        default: text += escapedJSON
        }
    }
}

/// A JSON patch (RFC 6902), with the leniencies of upstream's library: negative indexes count from the end, an
/// operation without `value` has null, `test` of an absent member against null holds.
package struct JSONPatch: Equatable, Sendable {
    /// Operations accepted in one patch.
    package static let operationsMax = 10_000
    /// Bytes that all `copy` operations of one patch may add.
    package static let copiedBytesMax = 3 * 1024 * 1024

    private struct Operation: Equatable, Sendable {
        var name: String
        var path: String?
        var from: String?
        var value: Value
    }

    private let operations: [Operation]
    /// Findings for strict decoding: `json patch unknown field "[0].foo"`.
    package let warnings: [String]

    /// Parses a patch body.
    package init(json bytes: [UInt8]) throws(PatchError) {
        var duplicates: [String] = []
        let document: Value
        do throws(JSONError) {
            document = try Value.parse(json: bytes, duplicates: &duplicates)
        } catch {
            throw .malformed("error decoding patch: \(error.message)")
        }
        guard let elements = document.array else {
            if document.isNull {
                operations = []
                warnings = []
                return
            }
            throw Self.wrongType(document, "[]handlers.jsonPatchOp")
        }
        guard elements.count <= Self.operationsMax else {
            throw .tooLarge(
                "The allowed maximum operations in a JSON patch is \(Self.operationsMax), got \(elements.count)")
        }
        var operations: [Operation] = []
        var warnings = duplicates.map { "json patch duplicate field \"\($0)\"" }
        for (index, element) in elements.enumerated() {
            let fields: OrderedFields
            switch element {
            case .object(let members): fields = members
            // An operation that says nothing; it fails when it is applied.
            case .null: fields = OrderedFields()
            default: throw Self.wrongType(element, "handlers.jsonPatchOp")
            }
            for name in ["op", "path", "from"] {
                guard let member = fields[name], !member.isNull, member.string == nil else { continue }
                throw .malformed(
                    "error decoding patch: json: cannot unmarshal \(member.kindName) into Go struct field "
                        + "jsonPatchOp.\(name) of type string")
            }
            for key in fields.keys where !["op", "path", "from", "value"].contains(key) {
                warnings.append("json patch unknown field \"[\(index)].\(key)\"")
            }
            operations.append(
                Operation(
                    name: fields["op"]?.string ?? "", path: fields["path"]?.string, from: fields["from"]?.string,
                    value: fields["value"] ?? .null))
        }
        self.operations = operations
        self.warnings = warnings
    }

    private static func wrongType(_ value: Value, _ type: String) -> PatchError {
        .malformed("error decoding patch: json: cannot unmarshal \(value.kindName) into Go value of type \(type)")
    }

    /// The objects and lists on the way to what the operations name, as paths of keys.
    package var touchedPaths: Set<[String]> {
        var paths: Set<[String]> = []
        for operation in operations {
            for text in [operation.path, operation.from] {
                guard let text, var path = try? Self.pointer(text, of: operation.name) else { continue }
                while path.popLast() != nil { paths.insert(path) }
            }
        }
        return paths
    }

    /// Applies all operations, or none.
    package func apply(to value: Value) throws(PatchError) -> Value {
        var result = value
        var copiedBytes = 0
        for operation in operations {
            let path = try Self.pointer(operation.path, of: operation.name)
            switch operation.name {
            case "add":
                try Self.checkDepth(of: operation.value, at: path)
                try result.edit(path, .add(operation.value))
            case "remove": try result.edit(path, .remove)
            case "replace":
                try Self.checkDepth(of: operation.value, at: path)
                try result.edit(path, .replace(operation.value))
            case "move":
                let moved = try result.find(try Self.pointer(operation.from, of: "move"), for: "move")
                try Self.checkDepth(of: moved, at: path)
                try result.edit(try Self.pointer(operation.from, of: "move"), .remove)
                try result.edit(path, .add(moved))
            case "copy":
                let copied = try result.find(try Self.pointer(operation.from, of: "copy"), for: "copy")
                try Self.checkDepth(of: copied, at: path)
                copiedBytes += copied.jsonBytes().count
                guard copiedBytes <= Self.copiedBytesMax else {
                    throw .invalid(
                        "Unable to complete the copy, the accumulated size increase of copy is \(copiedBytes), "
                            + "exceeding the limit \(Self.copiedBytesMax)")
                }
                try result.edit(path, .add(copied))
            case "test":
                try Self.test(operation.value, result, path, operation.path ?? "")
            default:
                throw .invalid("Unexpected kind: \(operation.name)")
            }
        }
        return result
    }

    /// What could not be read back must not be stored. Checked step by step: a few copies into themselves would make
    /// a tree so deep that even letting go of it takes more stack than there is.
    private static func checkDepth(of value: Value, at path: [String]) throws(PatchError) {
        guard path.count <= ValueParser.depthMax, value.isNested(atMost: ValueParser.depthMax - path.count) else {
            throw .invalid("exceeded max depth")
        }
    }

    private static func test(
        _ wanted: Value, _ document: Value, _ path: [String], _ text: String
    ) throws(PatchError) {
        let found = try document.lookUp(path, for: "test")
        guard (found ?? .null).isSameNumberOrValue(as: wanted) else {
            throw .invalid("testing value \(text) failed: test failed")
        }
    }

    /// Splits a JSON pointer. What stands before the first slash is ignored, as upstream does.
    private static func pointer(_ text: String?, of operation: String) throws(PatchError) -> [String] {
        guard let text else {
            throw .invalid("\(operation) operation failed to decode path: missing value")
        }
        guard !text.isEmpty else { return [] }
        return text.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { unescape(String($0)) }
    }

    private static func unescape(_ token: String) -> String {
        guard token.contains("~") else { return token }
        var result = ""
        var rest = Substring(token)
        while let character = rest.popFirst() {
            if character == "~", rest.first == "1" || rest.first == "0" {
                result.append(rest.removeFirst() == "1" ? "/" : "~")
            } else {
                result.append(character)
            }
        }
        return result
    }
}

/// What happens to the place that a pointer names.
private enum Edit {
    case add(Value)
    case remove
    case replace(Value)

    var name: String {
        switch self {
        case .add: "add"
        case .remove: "remove"
        case .replace: "replace"
        }
    }
}

extension Value {
    /// The value at a pointer, which must exist.
    fileprivate func find(_ path: [String], for operation: String) throws(PatchError) -> Value {
        guard let found = try lookUp(path, for: operation) else {
            throw .invalid(
                "error in \(operation) for path: '/\(path.joined(separator: "/"))': missing value")
        }
        return found
    }

    /// The value at a pointer; `nil` if only the last member is absent.
    fileprivate func lookUp(_ path: [String], for operation: String) throws(PatchError) -> Value? {
        var current = self
        for (depth, token) in path.enumerated() {
            switch current {
            case .object(let fields):
                guard let member = fields[token] else {
                    if depth == path.count - 1 { return nil }
                    throw Self.missing(path, operation)
                }
                current = member
            case .array(let elements):
                guard let index = Self.index(token, count: elements.count), index < elements.count else {
                    throw .invalid("error in \(operation) for path: invalid array index '\(token)'")
                }
                current = elements[index]
            default: throw Self.missing(path, operation)
            }
        }
        return current
    }

    private static func missing(_ path: [String], _ operation: String) -> PatchError {
        .invalid(
            "\(operation) operation does not apply: doc is missing path: \"/\(path.joined(separator: "/"))\": "
                + "missing value")
    }

    /// Negative indexes count from the end; `nil` out of range. `count` itself is one past the last.
    private static func index(_ token: String, count: Int) -> Int? {
        guard let number = Int(token) else { return nil }
        let index = number < 0 ? number + count : number
        return (0...count).contains(index) ? index : nil
    }

    fileprivate mutating func edit(_ path: [String], _ edit: Edit) throws(PatchError) {
        guard !path.isEmpty else {
            switch edit {
            case .add(let value), .replace(let value): self = value
            case .remove: throw .invalid("remove operation does not apply: cannot remove the whole document")
            }
            return
        }
        try self.edit(path[...], path, edit)
    }

    private mutating func edit(
        _ rest: ArraySlice<String>, _ path: [String], _ edit: Edit
    ) throws(PatchError) {
        guard let token = rest.first else { return }
        let isLast = rest.count == 1
        switch self {
        case .object(var fields):
            self = .null  // Keeps `fields` uniquely referenced.
            defer { self = .object(fields) }
            if isLast {
                try Self.edit(&fields, token, path, edit)
            } else {
                guard var member = fields[token] else { throw Self.missing(path, edit.name) }
                fields[token] = .null
                defer { fields[token] = member }
                try member.edit(rest.dropFirst(), path, edit)
            }
        case .array(var elements):
            self = .null
            defer { self = .array(elements) }
            if isLast {
                try Self.edit(&elements, token, path, edit)
            } else {
                guard let index = Self.index(token, count: elements.count), index < elements.count else {
                    throw Self.missing(path, edit.name)
                }
                try elements[index].edit(rest.dropFirst(), path, edit)
            }
        default: throw Self.missing(path, edit.name)
        }
    }

    private static func edit(
        _ fields: inout OrderedFields, _ key: String, _ path: [String], _ edit: Edit
    ) throws(PatchError) {
        switch edit {
        case .add(let value): fields[key] = value
        case .remove, .replace:
            guard fields.contains(key) else {
                throw .invalid(
                    "\(edit.name) operation does not apply: doc is missing key: /\(path.joined(separator: "/")): "
                        + "missing value")
            }
            if case .replace(let value) = edit { fields[key] = value } else { fields[key] = nil }
        }
    }

    private static func edit(
        _ elements: inout [Value], _ token: String, _ path: [String], _ edit: Edit
    ) throws(PatchError) {
        if case .add(let value) = edit, token == "-" {
            elements.append(value)
            return
        }
        guard let index = Self.index(token, count: elements.count) else {
            throw .invalid(
                "\(edit.name) operation does not apply: doc is missing index: /\(path.joined(separator: "/")): "
                    + "invalid index referenced")
        }
        switch edit {
        case .add(let value): elements.insert(value, at: index)
        case .remove, .replace:
            guard index < elements.count else {
                throw .invalid(
                    "\(edit.name) operation does not apply: Unable to access invalid index: \(token): "
                        + "invalid index referenced")
            }
            if case .replace(let value) = edit { elements[index] = value } else { elements.remove(at: index) }
        }
    }

    /// Equality of JSON: `1` and `1.0` are the same number.
    fileprivate func isSameNumberOrValue(as other: Value) -> Bool {
        switch (self, other) {
        case (.int(let left), .double(let right)), (.double(let right), .int(let left)): Double(left) == right
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.isSameNumberOrValue(as: $1) }
        case (.object(let left), .object(let right)):
            left.count == right.count
                && zip(left.sorted().entries, right.sorted().entries).allSatisfy {
                    $0.key == $1.key && $0.value.isSameNumberOrValue(as: $1.value)
                }
        default: self == other
        }
    }
}

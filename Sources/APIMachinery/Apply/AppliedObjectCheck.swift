/// Whether an object can be applied: its fields are declared, its values have their types, its lists no duplicates.
extension Schema {
    /// Upstream's text of all that is wrong with it, or `nil`.
    package func applyRefusal(of object: Value, as type: TypeID) -> String? {
        var check = AppliedObjectCheck(schema: self)
        check.visit(object, FieldShape(.object(type), in: self), path: "")
        guard check.errors.count > 1 else { return check.errors.first }
        return (["errors:"] + check.errors.map { "  " + $0 }).joined(separator: "\n")
    }
}

private struct AppliedObjectCheck {
    let schema: Schema
    var errors: [String] = []

    private static let errorsMax = 100

    private mutating func report(_ path: String, _ text: String) {
        guard errors.count < Self.errorsMax else { return }
        errors.append(path.isEmpty ? text : path + ": " + text)
    }

    mutating func visit(_ value: Value, _ shape: FieldShape, path: @autoclosure () -> String) {
        guard !value.isNull else { return }
        switch shape.type {
        case .object, .map: visitObject(value, shape, path: path())
        case .array(let element): visitList(value, shape, element, path: path())
        default: checkScalar(value, shape.type, path())
        }
    }

    private mutating func visitObject(_ value: Value, _ shape: FieldShape, path: @autoclosure () -> String) {
        guard case .object(let fields) = value else { return report(path(), "expected map, got &{\(value.goPlain)}") }
        let members: MemberShapes
        switch shape.type {
        case .object(let id): members = .structure(schema.structShape(id))
        case .map(let element): members = .same(FieldShape(element, in: schema))
        default: return
        }
        for (name, member) in fields.entries {
            guard !members.isStructure || members.declares(name) else {
                return report(path() + "." + name, "field not declared in schema")
            }
            visit(member, members[name], path: path() + "." + name)
        }
    }

    private mutating func visitList(
        _ value: Value, _ shape: FieldShape, _ element: FieldType, path: @autoclosure () -> String
    ) {
        guard case .array(let elements) = value else {
            return report(path(), "expected list, got &{\(value.goPlain)}")
        }
        let inner = FieldShape(element, in: schema)
        guard shape.isList else {
            for (index, member) in elements.enumerated() { visit(member, inner, path: path() + "[\(index)]") }
            return
        }
        var seen: Set<String> = []
        for (index, member) in elements.enumerated() {
            switch shape.pathElement(of: member, in: schema) {
            case .failure(let error): return report(path(), "element \(index): " + error.text)
            case .success(let key):
                if !seen.insert(key).inserted {
                    report(path(), "duplicate entries for key " + FieldSet.text(ofElement: key))
                }
                visit(member, inner, path: path() + FieldSet.text(ofElement: key))
            }
        }
    }

    private mutating func checkScalar(_ value: Value, _ type: FieldType, _ path: @autoclosure () -> String) {
        switch (type, value) {
        case (.string, .string), (.bytes, .string), (.duration, .string), (.bool, .bool): return
        case (.int32, .int), (.int64, .int), (.double, .int), (.int32, .double), (.int64, .double), (.double, .double):
            return
        case (.rawExtension, _), (.fieldsV1, _), (.json, _): return
        case (.string, _), (.bytes, _), (.duration, _):
            report(path(), "expected string, got &value.valueUnstructured{Value:\(value.goSyntax)}")
        case (.bool, _): report(path(), "expected boolean, got &{\(value.goPlain)}")
        case (.int32, _), (.int64, _), (.double, _):
            report(path(), "expected numeric (int or float), got \(value.goTypeName)")
        case (_, .object), (_, .array): report(path(), "expected any scalar, got &{\(value.goPlain)}")
        default: return
        }
    }
}

extension Value {
    /// Go's `%T` of a decoded JSON value.
    fileprivate var goTypeName: String {
        switch self {
        case .null: "<nil>"
        case .bool: "bool"
        case .int, .double: "float64"
        case .string: "string"
        case .array: "[]interface {}"
        case .object: "map[string]interface {}"
        }
    }

    /// Go's `%#v` of a decoded JSON value.
    fileprivate var goSyntax: String {
        switch self {
        case .null: "interface {}(nil)"
        case .array(let elements): "[]interface {}{" + elements.map(\.goSyntax).joined(separator: ", ") + "}"
        case .object(let fields):
            "map[string]interface {}{"
                + fields.sorted().entries.map { Value.string($0.key).jsonText + ":" + $0.value.goSyntax }
                .joined(separator: ", ") + "}"
        case .int, .double: goPlain
        default: jsonText
        }
    }

    /// Go's `%v` of a decoded JSON value, whose numbers are all floating.
    fileprivate var goPlain: String {
        switch self {
        case .int(let number): Self.goNumber(Double(number))
        case .double(let number): Self.goNumber(number)
        case .array(let elements): "[" + elements.map(\.goPlain).joined(separator: " ") + "]"
        case .object(let fields):
            "map[" + fields.sorted().entries.map { $0.key + ":" + $0.value.goPlain }.joined(separator: " ") + "]"
        default: goText
        }
    }

    /// Go's `%g`: with an exponent from a million on and below a ten-thousandth.
    private static func goNumber(_ number: Double) -> String {
        let magnitude = abs(number)
        guard magnitude != 0, magnitude >= 1e6 || magnitude < 1e-4 else { return Value.double(number).jsonText }
        var exponent = 0
        var scaled = magnitude
        while scaled >= 10, exponent < 400 {
            exponent += 1
            scaled /= 10
        }
        while scaled < 1, exponent > -400 {
            exponent -= 1
            scaled *= 10
        }
        // The digits are those of the shortest text, which division may spoil.
        var digits = magnitude.description.filter { $0 != "." }.prefix { $0 != "e" }.drop { $0 == "0" }
        while digits.last == "0" { digits.removeLast() }
        let mantissa = String(digits.prefix(1)) + (digits.count > 1 ? "." + digits.dropFirst() : "")
        let power = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
        return (number < 0 ? "-" : "") + mantissa + (exponent < 0 ? "e-" : "e+") + power
    }
}

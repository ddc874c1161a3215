/// Why a value does not fit its type, in the words of upstream's decoder.
package struct SchemaError: Error, Equatable, CustomStringConvertible {
    /// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// A value of the wrong type, while the walk that met it returns and adds where that was. Costs nothing until met.
struct TypeMismatch: Error {
    /// The whole text, or a kind of value (`string`, `number 1.5`) that `wanted` does not take.
    private let found: String
    private let wanted: String?
    /// The struct that holds the innermost field; empty at the root.
    private var owner = ""
    /// Field names, innermost first, without indexes and map keys: upstream's decoder names only fields.
    private var names: [String] = []

    init(found: String, wanted: String) {
        self.found = found
        self.wanted = wanted
    }

    /// An error whose text has no place in it.
    init(text: String) {
        found = text
        wanted = nil
    }

    /// The same, seen from the object that `field` belongs to.
    consuming func within(_ field: FieldSchema, of type: TypeSchema) -> TypeMismatch {
        if names.isEmpty { owner = type.shortName }
        names.append(field.name)
        return self
    }

    var error: SchemaError {
        guard let wanted else { return SchemaError(description: found) }
        guard !names.isEmpty else {
            return SchemaError(description: "json: cannot unmarshal \(found) into Go value of type \(wanted)")
        }
        let path = names.reversed().joined(separator: ".")
        return SchemaError(
            description: "json: cannot unmarshal \(found) into Go struct field \(owner).\(path) of type \(wanted)")
    }
}

extension TypeSchema {
    /// `v1.Pod`, as Go prints the type.
    var goName: String { name.split(separator: ".").suffix(2).joined(separator: ".") }
}

extension Schema {
    /// The Go name of a field's type, for error texts.
    func goName(of type: FieldType) -> String {
        switch type {
        case .string, .quantity, .time, .microTime, .duration: "string"
        case .bool: "bool"
        case .int32, .intOrString: "int32"
        case .int64: "int64"
        case .double: "float64"
        case .bytes: "[]uint8"
        case .rawExtension, .fieldsV1, .json: "map[string]interface {}"
        case .object(let id): self[id].goName
        case .array(let element): "[]" + goName(of: element)
        case .map(.quantity): "v1.ResourceList"
        case .map(let value): "map[string]" + goName(of: value)
        }
    }

    /// Whether a scalar fits; `nil` when it does. Containers are for the caller to walk.
    func scalarMismatch(_ value: Value, _ type: FieldType) -> TypeMismatch? {
        if case .string(let text) = value, text.first == ValueParser.numberMark {
            return mismatch(number: String(text.dropFirst()), type)
        }
        switch (type, value) {
        case (.string, .string), (.bool, .bool), (.double, .int), (.double, .double), (.int64, .int): return nil
        case (.int32, .int(let number)), (.intOrString, .int(let number)):
            if Int32(exactly: number) != nil { return nil }
            return TypeMismatch(found: "number \(number)", wanted: "int32")
        case (.int32, .double(let number)), (.int64, .double(let number)), (.intOrString, .double(let number)):
            return TypeMismatch(found: "number \(Value.double(number).jsonText)", wanted: goName(of: type))
        case (.intOrString, .string), (.rawExtension, _), (.fieldsV1, _), (.json, _): return nil
        case (.bytes, .string(let text)):
            guard Base64.decode(text.utf8) == nil else { return nil }
            return TypeMismatch(text: "illegal base64 data at input byte \(Self.badBase64Offset(text))")
        case (.quantity, .string(let text)): return Self.quantityFailure(text)
        case (.quantity, .int), (.quantity, .double): return Self.quantityFailure(value.jsonText)
        case (.quantity, _): return TypeMismatch(text: QuantityError.format.description)
        case (.time, .string(let text)):
            return Time(text) == nil ? TypeMismatch(text: Time.parseFailure(of: text)) : nil
        case (.microTime, .string(let text)):
            guard MicroTime(text) == nil || text.utf8.count != "2006-01-02T15:04:05.000000Z".utf8.count else {
                return nil
            }
            return TimeFailure.text(of: text, layout: TimeFailure.micros).map { TypeMismatch(text: $0) }
        case (.duration, .string(let text)):
            return GoDuration(text) == nil ? TypeMismatch(text: "time: invalid duration \"\(text)\"") : nil
        case (.time, _), (.microTime, _), (.duration, _):
            return TypeMismatch(text: "json: cannot unmarshal \(value.kindName) into Go value of type string")
        default:
            return TypeMismatch(found: value.kindName, wanted: goName(of: type))
        }
    }

    /// For a number as it was written, which is no plain integer.
    private func mismatch(number text: String, _ type: FieldType) -> TypeMismatch? {
        switch type {
        case .double: Double(text)?.isFinite == true ? nil : TypeMismatch(found: "number " + text, wanted: "float64")
        case .int32, .int64, .intOrString: TypeMismatch(found: "number " + text, wanted: goName(of: type))
        case .quantity: Self.quantityFailure(text)
        case .rawExtension, .fieldsV1, .json: nil
        default: scalarMismatch(.double(0), type)
        }
    }

    private static func quantityFailure(_ text: String) -> TypeMismatch? {
        do throws(QuantityError) {
            _ = try Quantity(parsing: text)
            return nil
        } catch {
            return TypeMismatch(text: error.description)
        }
    }

    /// Offset of the first byte that Go's decoder stumbles over.
    private static func badBase64Offset(_ text: String) -> Int {
        let letters = Array(text.utf8)
        let bad = letters.firstIndex { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), 0x0A, 0x0D:
                false
            default: true
            }
        }
        return bad ?? letters.count / 4 * 4
    }
}

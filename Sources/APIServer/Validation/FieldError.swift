internal import APIMachinery

/// What is wrong with one field, in upstream's words.
struct FieldError: Sendable, Equatable, CustomStringConvertible {
    enum Kind: Sendable, Equatable {
        case required, invalid, duplicate, notFound, notSupported, forbidden, tooLong, tooMany, typeInvalid,
            internalError

        /// The `reason` of a `StatusCause`.
        var cause: String {
            switch self {
            case .required: "FieldValueRequired"
            case .invalid: "FieldValueInvalid"
            case .duplicate: "FieldValueDuplicate"
            case .notFound: "FieldValueNotFound"
            case .notSupported: "FieldValueNotSupported"
            case .forbidden: "FieldValueForbidden"
            case .tooLong: "FieldValueTooLong"
            case .tooMany: "FieldValueTooMany"
            case .typeInvalid: "FieldValueTypeInvalid"
            case .internalError: "InternalError"
            }
        }
    }

    let kind: Kind
    /// `spec.containers[0].image`.
    let field: String
    /// Everything after the field: `Invalid value: "x": must be …`.
    let body: String

    var description: String { field + ": " + body }

    static func required(_ field: String, _ detail: String = "") -> FieldError {
        FieldError(kind: .required, field: field, body: join("Required value", detail))
    }

    static func invalid(_ field: String, _ value: Value?, _ detail: String) -> FieldError {
        FieldError(kind: .invalid, field: field, body: join("Invalid value: " + text(of: value), detail))
    }

    static func invalid(_ field: String, _ value: String, _ detail: String) -> FieldError {
        invalid(field, .string(value), detail)
    }

    static func invalid(_ field: String, _ value: Int64, _ detail: String) -> FieldError {
        invalid(field, .int(value), detail)
    }

    static func duplicate(_ field: String, _ value: Value) -> FieldError {
        FieldError(kind: .duplicate, field: field, body: "Duplicate value: " + text(of: value))
    }

    static func duplicate(_ field: String, _ value: String) -> FieldError { duplicate(field, .string(value)) }

    static func notFound(_ field: String, _ value: String) -> FieldError {
        FieldError(kind: .notFound, field: field, body: "Not found: " + quoted(value))
    }

    /// `supported` is listed sorted, as upstream prints it.
    static func notSupported(_ field: String, _ value: Value?, _ supported: [String]) -> FieldError {
        let list = supported.sorted().map(quoted).joined(separator: ", ")
        return FieldError(
            kind: .notSupported, field: field,
            body: join("Unsupported value: " + text(of: value), list.isEmpty ? "" : "supported values: " + list))
    }

    static func notSupported(_ field: String, _ value: String, _ supported: [String]) -> FieldError {
        notSupported(field, .string(value), supported)
    }

    /// `supported` is listed as it is.
    static func notSupported(_ field: String, _ value: String, ordered supported: [String]) -> FieldError {
        let list = supported.map(quoted).joined(separator: ", ")
        return FieldError(
            kind: .notSupported, field: field,
            body: join("Unsupported value: " + quoted(value), list.isEmpty ? "" : "supported values: " + list))
    }

    /// As `notFound`, with what could have been found.
    static func notFound(_ field: String, _ value: String, _ detail: String) -> FieldError {
        FieldError(kind: .notFound, field: field, body: join("Not found: " + quoted(value), detail))
    }

    static func forbidden(_ field: String, _ detail: String) -> FieldError {
        FieldError(kind: .forbidden, field: field, body: join("Forbidden", detail))
    }

    static func tooLong(_ field: String, max: Int) -> FieldError {
        FieldError(kind: .tooLong, field: field, body: "Too long: may not be more than \(max) bytes")
    }

    static func tooMany(_ field: String, _ actual: Int, max: Int) -> FieldError {
        FieldError(
            kind: .tooMany, field: field, body: "Too many: \(actual): must have at most \(max) items")
    }

    private static func join(_ head: String, _ detail: String) -> String {
        detail.isEmpty ? head : head + ": " + detail
    }

    private static func text(of value: Value?) -> String {
        switch value {
        case nil, .null: "null"
        case .string(let string): quoted(string)
        case .some(let value): value.escapedJSON
        }
    }
}

extension Value {
    /// JSON as Go writes it, where a browser might read it as HTML.
    var escapedJSON: String {
        let bytes = jsonBytes()
        guard bytes.contains(where: { $0 == 0x26 || $0 == 0x3c || $0 == 0x3e }) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        var escaped: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0x26: escaped += "\\u0026".utf8
            case 0x3c: escaped += "\\u003c".utf8
            case 0x3e: escaped += "\\u003e".utf8
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}

package import APIMachinery
internal import Storage

/// Why a request is refused. Becomes one `Status` object; every refusal of the server is one of these.
package struct APIError: Error, Sendable, Equatable {
    /// HTTP status and `Status.code`.
    package var code: Int
    /// `Status.reason`; empty where upstream gives none (plain internal errors).
    package var reason: String
    package var message: String
    /// `nil` leaves `details` out, which some of upstream's errors do.
    package var details: Details?
    /// `metadata.continue`: how a list whose token has expired may go on nevertheless.
    package var listContinue = ""
    /// Advice found before the refusal, sent as `Warning` headers all the same. Not part of the `Status`.
    package var warnings: [String] = []

    package struct Details: Sendable, Equatable {
        package var name = ""
        package var group = ""
        /// Plural for most errors, the Kind for `Invalid`.
        package var kind = ""
        package var uid = ""
        package var causes: [Cause] = []
        package var retryAfterSeconds = 0
    }

    package struct Cause: Sendable, Equatable {
        package var reason: String
        package var message: String
        package var field: String

        package init(reason: String, message: String, field: String = "") {
            self.reason = reason
            self.message = message
            self.field = field
        }
    }

    package init(code: Int, reason: String, message: String, details: Details? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
    }
}

extension APIError {
    static func badRequest(_ message: String) -> APIError {
        APIError(code: 400, reason: "BadRequest", message: message)
    }

    static let unauthorized = APIError(code: 401, reason: "Unauthorized", message: "Unauthorized")

    /// `deployments.apps "x" is forbidden: why`, or without the name where there is none yet.
    static func forbidden(_ resource: ResourceID, _ name: String, _ why: String, causes: [Cause] = []) -> APIError {
        let subject = name.isEmpty ? resource.description : "\(resource) \(quoted(name))"
        return APIError(
            code: 403, reason: "Forbidden", message: "\(subject) is forbidden: \(why)",
            details: Details(name: name, group: resource.group, kind: resource.plural, causes: causes))
    }

    /// The path leads nowhere: unknown group, version, resource or subresource.
    static let noSuchPath = APIError(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource",
        details: Details())

    static func notFound(_ resource: ResourceID, _ name: String) -> APIError {
        APIError(
            code: 404, reason: "NotFound", message: "\(resource) \(quoted(name)) not found",
            details: Details(name: name, group: resource.group, kind: resource.plural))
    }

    static let methodNotAllowed = APIError(
        code: 405, reason: "MethodNotAllowed",
        message: "the server does not allow this method on the requested resource", details: Details())

    static func notAcceptable(_ available: [String]) -> APIError {
        APIError(
            code: 406, reason: "NotAcceptable",
            message: "406: Not Acceptable\n\nAvailable representations: " + available.joined(separator: ", "),
            details: Details())
    }

    static func alreadyExists(_ resource: ResourceID, _ name: String) -> APIError {
        APIError(
            code: 409, reason: "AlreadyExists", message: "\(resource) \(quoted(name)) already exists",
            details: Details(name: name, group: resource.group, kind: resource.plural))
    }

    static func conflict(_ resource: ResourceID, _ name: String, _ why: String) -> APIError {
        APIError(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \(resource) \(quoted(name)): \(why)",
            details: Details(name: name, group: resource.group, kind: resource.plural))
    }

    static let staleWrite =
        "the object has been modified; please apply your changes to the latest version and try again"

    static func gone(_ message: String) -> APIError {
        APIError(code: 410, reason: "Expired", message: message)
    }

    static let tooLarge = APIError(
        code: 413, reason: "RequestEntityTooLarge",
        message: "Request entity too large: limit is \(RequestLimits.bodyBytesMax)")

    static let unsupportedPatchType = APIError(
        code: 415, reason: "UnsupportedMediaType", message: "415: Unsupported Media Type", details: Details())

    static let unknownBodyFormat = APIError(
        code: 415, reason: "UnsupportedMediaType",
        message: "the body of the request was in an unknown format - accepted media types include: "
            + "application/json, application/yaml, application/vnd.kubernetes.protobuf")

    /// Past a bound of patches.
    static func requestTooLarge(_ why: String) -> APIError {
        APIError(code: 413, reason: "RequestEntityTooLarge", message: "Request entity too large: " + why)
    }

    /// `Deployment.apps "x" is invalid: [spec.a: Required value, …]` with one cause per field.
    static func invalid(_ kind: GroupVersionKind, _ name: String, _ errors: [FieldError]) -> APIError {
        invalid(group: kind.group, kind: kind.kind, name, errors)
    }

    static func invalid(group: String, kind: String, _ name: String, _ errors: [FieldError]) -> APIError {
        var seen = Set<String>()
        let texts = errors.map(\.description).filter { seen.insert($0).inserted }
        let what = group.isEmpty ? kind : kind + "." + group
        let list = texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
        let causes = errors.map { Cause(reason: $0.kind.cause, message: $0.body, field: $0.field) }
        return APIError(
            code: 422, reason: "Invalid", message: "\(what) \(quoted(name)) is invalid: \(list)",
            details: Details(name: name, group: group, kind: kind, causes: causes))
    }

    static func tooManyRequests(_ message: String, retryAfterSeconds: Int, causes: [Cause] = []) -> APIError {
        APIError(
            code: 429, reason: "TooManyRequests", message: message,
            details: Details(causes: causes, retryAfterSeconds: retryAfterSeconds))
    }

    static func tooLargeResourceVersion(_ requested: Int64, current: Int64) -> APIError {
        APIError(
            code: 504, reason: "Timeout",
            message: "Timeout: Too large resource version: \(requested), current: \(current)",
            details: Details(
                causes: [Cause(reason: "ResourceVersionTooLarge", message: "Too large resource version")],
                retryAfterSeconds: 1))
    }

    /// A plain error text, as upstream answers what it did not foresee.
    static func plain(_ message: String) -> APIError {
        APIError(code: 500, reason: "", message: message)
    }

    static func internalError(_ why: String) -> APIError {
        APIError(
            code: 500, reason: "InternalError", message: "Internal error occurred: " + why,
            details: Details(causes: [Cause(reason: "", message: why)]))
    }

    static func serviceUnavailable(_ why: String) -> APIError {
        APIError(code: 503, reason: "ServiceUnavailable", message: why)
    }

    static func notImplemented(_ why: String) -> APIError {
        APIError(code: 501, reason: "NotImplemented", message: why)
    }

    /// The same refusal after `warnings` were found.
    func warned(_ warnings: [String]) -> APIError {
        guard !warnings.isEmpty else { return self }
        var error = self
        error.warnings = warnings + error.warnings
        return error
    }

    var isConflict: Bool { reason == "Conflict" }
}

extension APIError {
    /// The `Status` object that is sent.
    package var status: Value {
        var status: Value = ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure"]
        if !listContinue.isEmpty { status["metadata"] = ["continue": .string(listContinue)] }
        if !message.isEmpty { status["message"] = .string(message) }
        if !reason.isEmpty { status["reason"] = .string(reason) }
        if let details { status["details"] = details.value }
        status["code"] = .int(Int64(code))
        return status
    }
}

extension APIError.Details {
    var value: Value {
        var fields: [(String, Value)] = []
        for (key, text) in [("name", name), ("group", group), ("kind", kind), ("uid", uid)] where !text.isEmpty {
            fields.append((key, .string(text)))
        }
        if !causes.isEmpty { fields.append(("causes", .array(causes.map(\.value)))) }
        if retryAfterSeconds != 0 { fields.append(("retryAfterSeconds", .int(Int64(retryAfterSeconds)))) }
        return .record(fields)
    }
}

extension APIError.Cause {
    fileprivate var value: Value {
        var fields: [(String, Value)] = []
        for (key, text) in [("reason", reason), ("message", message), ("field", field)] where !text.isEmpty {
            fields.append((key, .string(text)))
        }
        return .record(fields)
    }
}

extension APIError {
    /// What a failure of the store means to a client that did nothing wrong by itself.
    init(_ error: StoreError) {
        switch error {
        case .compacted(let requested, let compacted):
            self = .gone("too old resource version: \(requested) (\(compacted))")
        case .futureRevision(let requested, let current):
            self = .tooLargeResourceVersion(requested, current: current)
        case .tooSlow:
            self = .gone("too old resource version: the watch fell behind")
        case .unavailable(let reason):
            self = .internalError("the store cannot be reached: \(reason)")
        case .closed:
            self = .serviceUnavailable("the server is shutting down")
        case .conflict(let key, _, _), .alreadyExists(let key), .notFound(let key):
            self = .internalError("unexpected state of \(key): \(error)")
        }
    }
}

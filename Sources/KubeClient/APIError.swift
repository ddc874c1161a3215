package import APIMachinery

/// Why a request to the API server failed, sorted by what callers decide on.
///
/// Follows the reasons of https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind
package enum APIError: Error, Sendable {
    /// 404: neither the object nor (perhaps) its resource exists.
    case notFound(Status)
    /// 409 AlreadyExists: a create met an object of that name.
    case alreadyExists(Status)
    /// 409 Conflict: the object changed since it was read, or a precondition failed. Read again, then retry.
    case conflict(Status)
    /// 410: the requested revision has left the history window. Relist.
    case gone(Status)
    /// 422: the object is not valid.
    case invalid(Status)
    /// 403: not allowed, or refused by admission.
    case forbidden(Status)
    /// 429: asked to come back later (also a disruption budget's refusal).
    case tooManyRequests(Status)
    /// Any other answer outside 2xx.
    case other(Status)
    /// No answer: the connection failed. The request may or may not have been carried out.
    case unreachable(String)
    /// An answer that could not be understood.
    case malformed(String)

    /// The case that belongs to a `Status` answer.
    package init(_ status: Status) {
        switch (status.code ?? 500, status.reason ?? "") {
        case (404, _): self = .notFound(status)
        case (409, "AlreadyExists"): self = .alreadyExists(status)
        case (409, _): self = .conflict(status)
        case (410, _): self = .gone(status)
        case (422, _): self = .invalid(status)
        case (403, _): self = .forbidden(status)
        case (429, _): self = .tooManyRequests(status)
        default: self = .other(status)
        }
    }

    /// From an answer outside 2xx: its `Status` body, or one made up from the code where the body is something else.
    package init(code: Int, body: [UInt8]) {
        if let status = try? Status(json: body), status.code != nil || status.reason != nil {
            var status = status
            if status.code == nil { status.code = Int32(truncatingIfNeeded: code) }
            self.init(status)
            return
        }
        var status = Status()
        status.code = Int32(truncatingIfNeeded: code)
        status.message = String(decoding: body.prefix(Self.foreignBodyBytesMax), as: UTF8.self)
        self.init(status)
    }

    /// How much of a body that is no `Status` ends up in a message.
    private static let foreignBodyBytesMax = 1024

    /// The server's answer; `nil` if there was none.
    package var status: Status? {
        switch self {
        case .notFound(let status), .alreadyExists(let status), .conflict(let status), .gone(let status),
            .invalid(let status), .forbidden(let status), .tooManyRequests(let status), .other(let status):
            status
        case .unreachable, .malformed: nil
        }
    }

    package var isNotFound: Bool { if case .notFound = self { true } else { false } }
    package var isAlreadyExists: Bool { if case .alreadyExists = self { true } else { false } }
    package var isConflict: Bool { if case .conflict = self { true } else { false } }
    package var isGone: Bool { if case .gone = self { true } else { false } }
    package var isInvalid: Bool { if case .invalid = self { true } else { false } }
    package var isForbidden: Bool { if case .forbidden = self { true } else { false } }

    /// True where the server said that the object's namespace is being deleted: nothing can be created there any more.
    package var isNamespaceTerminating: Bool {
        guard case .forbidden(let status) = self else { return false }
        return status.details?.causes.contains { $0.reason == "NamespaceTerminating" } ?? false
    }

    /// The server's message, or what went wrong on the way.
    package var message: String {
        switch self {
        case .unreachable(let text), .malformed(let text): text
        default: status?.message ?? "the server answered \(status?.code ?? 0)"
        }
    }
}

extension APIError: CustomStringConvertible {
    package var description: String { message }
}

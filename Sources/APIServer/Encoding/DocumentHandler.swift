package import Transport

/// Answers the documents that describe the API (`/api`, `/apis`, `/openapi/…`). They are outside the resource pipeline
/// but behind authentication.
package protocol DocumentHandler: Sendable {
    /// `nil` if the path is not one of this handler's.
    func respond(to request: HTTPRequest) -> DocumentResponse?
}

/// A complete answer of a `DocumentHandler`. The server adds `Audit-Id` and compresses large bodies itself.
package struct DocumentResponse: Sendable {
    package var status: Int
    package var headers: HTTPFields
    package var body: [UInt8]

    package init(status: Int = 200, headers: HTTPFields, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

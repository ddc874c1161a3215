internal import Transport

/// A describing document as it is sent: rendered once, told apart by its entity tag.
struct CachedDocument: Sendable {
    let contentType: String
    let body: [UInt8]
    /// Quoted, as in the `ETag` header.
    let entityTag: String

    init(contentType: String, body: [UInt8]) {
        self.contentType = contentType
        self.body = body
        entityTag = "\"" + Digest.hexadecimal(body) + "\""
    }

    /// 200 with the body, or 304 where the client names the entity tag it has.
    ///
    /// `no-cache` makes clients ask each time: otherwise kubectl's cache hides kinds that were added since.
    func response(to request: HTTPRequest) -> DocumentResponse {
        var headers: HTTPFields = [
            "Cache-Control": "no-cache, private", "ETag": entityTag, "Vary": "Accept",
        ]
        if request.matches(entityTag: entityTag) { return DocumentResponse(status: 304, headers: headers, body: []) }
        headers["Content-Type"] = contentType
        return DocumentResponse(headers: headers, body: body)
    }
}

extension HTTPRequest {
    /// True if `If-None-Match` lists the tag (weak or strong) or `*`.
    func matches(entityTag: String) -> Bool {
        headers.values(of: "If-None-Match").flatMap { $0.split(separator: ",") }.contains { candidate in
            let text = String(candidate.filter { $0 != " " })
            return text == "*" || text == entityTag || text == "W/" + entityTag
        }
    }
}

package import APIMachinery
package import KubeAPI
internal import Synchronization
package import Transport

/// Answers `/openapi/v2` and `/openapi/v3`: what every kubectl validates, merges and explains by.
///
/// Documents are generated from the schema when first asked for, and kept compressed only.
package struct OpenAPIHandler: DocumentHandler {
    private let library: OpenAPILibrary
    private let cache = OpenAPICache()

    /// Describes `resources`; `version` (`v1.36.2+skiff`) becomes the version of every document.
    package init(schema: Schema, resources: [ResourceDefinition], version: String) {
        library = OpenAPILibrary(schema: schema, resources: resources, version: version)
    }

    package func respond(to request: HTTPRequest) -> DocumentResponse? {
        var path = request.path[...]
        while path.hasSuffix("/") { path.removeLast() }
        guard path.hasPrefix("/openapi/v2") || path.hasPrefix("/openapi/v3") else { return nil }
        guard ["GET", "HEAD"].contains(request.method) else { return .methodNotAllowed }
        switch path {
        case "/openapi/v2":
            return document(.v2, request)
        case "/openapi/v3":
            guard AcceptedTypes(request.headers["Accept"]).best(of: [DocumentMedia.json]) != nil else {
                return .notAcceptable
            }
            let index = cache.value(.index) { library.index() }
            return index?.response(to: request, isImmutable: false)
        default:
            guard path.hasPrefix("/openapi/v3/") else { return nil }
            return document(.v3(String(path.dropFirst("/openapi/v3/".count))), request)
        }
    }

    private func document(_ name: OpenAPIName, _ request: HTTPRequest) -> DocumentResponse? {
        guard library.contains(name) else { return nil }
        guard let form = form(of: name, accept: request.headers["Accept"]) else { return .notAcceptable }
        let asked = request.query.flatMap(Self.hash)
        if let asked, case .v3(let path) = name, asked != library.hash(of: path) {
            // Upstream sends a client with an old index to the document of now.
            let target = "/openapi/v3/\(path)?hash=\(library.hash(of: path))"
            return DocumentResponse(status: 301, headers: ["Location": target], body: [])
        }
        let document = cache.value(.document(name, isProtobuf: form.isProtobuf)) {
            library.document(name, isProtobuf: form.isProtobuf, contentType: form.contentType)
        }
        return document?.response(to: request, isImmutable: asked != nil)
    }

    private func form(of name: OpenAPIName, accept: String?) -> (contentType: String, isProtobuf: Bool)? {
        let (family, answered) =
            name == .v2
            ? ("application/com.github.proto-openapi.spec.v2", DocumentMedia.openAPIv2Protobuf)
            : ("application/com.github.proto-openapi.spec.v3", DocumentMedia.openAPIv3Protobuf)
        for clause in AcceptedTypes(accept).clauses {
            if clause.takes(DocumentMedia.json) || clause.type == "application/*" { return (DocumentMedia.json, false) }
            // Written `.v2.v1+protobuf`, `.v2.v1.0+protobuf` and `.v2@v1.0+protobuf` over the years.
            if clause.type.hasPrefix(family), clause.type.hasSuffix("+protobuf") { return (answered, true) }
        }
        return nil
    }

    private static func hash(in query: String) -> String? {
        query.split(separator: "&").first { $0.hasPrefix("hash=") }.map { String($0.dropFirst(5)) }
    }
}

/// A document of this handler.
enum OpenAPIName: Hashable {
    case v2
    /// `api/v1`, `apis/apps/v1`, `apis/apps`, `version`: as in the index.
    case v3(String)
}

/// A document compressed, as it rests.
struct CompressedDocument: Sendable {
    let contentType: String
    let gzip: [UInt8]
    let entityTag: String

    /// Far more than the largest document has; guards against a defect of ours, not of input.
    private static let plainBytesMax = 64 << 20

    init(contentType: String, gzip: [UInt8]) {
        self.contentType = contentType
        self.gzip = gzip
        entityTag = "\"" + Digest.hexadecimal(gzip) + "\""
    }

    /// Caches may keep it for good if it is `isImmutable`: the URL names the content's hash.
    func response(to request: HTTPRequest, isImmutable: Bool) -> DocumentResponse {
        var headers: HTTPFields = [
            "Cache-Control": isImmutable ? "public, immutable" : "no-cache, private",
            "ETag": entityTag, "Vary": "Accept, Accept-Encoding",
        ]
        if isImmutable { headers["Expires"] = HTTPDate.text(inSeconds: 365 * 86400) }
        if request.matches(entityTag: entityTag) { return DocumentResponse(status: 304, headers: headers, body: []) }
        headers["Content-Type"] = contentType
        let encodings = request.headers.values(of: "Accept-Encoding").joined(separator: ",")
        if encodings.split(separator: ",").contains(where: { $0.filter { $0 != " " }.hasPrefix("gzip") }) {
            headers["Content-Encoding"] = "gzip"
            return DocumentResponse(headers: headers, body: gzip)
        }
        return DocumentResponse(headers: headers, body: Gzip.decompress(gzip, bytesMax: Self.plainBytesMax) ?? [])
    }
}

/// Documents that were asked for. Bounded by the number of names, times two forms.
private final class OpenAPICache: Sendable {
    enum Key: Hashable {
        case index
        case document(OpenAPIName, isProtobuf: Bool)
    }

    private let documents = Mutex<[Key: CompressedDocument]>([:])

    /// Generates outside the lock: two first requests may both do it, with the same outcome.
    func value(_ key: Key, make: () -> CompressedDocument?) -> CompressedDocument? {
        if let document = documents.withLock({ $0[key] }) { return document }
        guard let document = make() else { return nil }
        documents.withLock { $0[key] = document }
        return document
    }
}

internal import APIMachinery
internal import Transport

/// Sends one answer: format, headers, compression, and the counting of it.
final class Reply: Sendable {
    private let server: APIServer
    private let request: HTTPRequest
    private let responder: any HTTPResponder
    private let started = ContinuousClock.now
    private let label = Guarded(RequestMetrics.Label())
    private let attached = Guarded(Attached())
    let auditID: String

    init(server: APIServer, request: HTTPRequest, responder: any HTTPResponder) {
        self.server = server
        self.request = request
        self.responder = responder
        auditID = request.headers["audit-id"] ?? AuditID.next()
        server.metrics.begin()
    }

    /// What stages before the answer found out.
    private struct Attached: Sendable {
        var flow: Fairness.Match?
        var audit: AuditRecord?
    }

    /// Which schema and level the request belongs to; every answer says so.
    func flow(_ match: Fairness.Match?) {
        guard let match else { return }
        attached.withLock { $0.flow = match }
    }

    func audit(_ record: AuditRecord) { attached.withLock { $0.audit = record } }

    private var audit: AuditRecord? { attached.withLock { $0.audit } }

    /// As upstream's filter answers, which knows no `Status`.
    func sendTooManyRequests() {
        complete(
            429, "text/plain; charset=utf-8", .bytes(Array("Too many requests, please try again later.\n".utf8)), [],
            ["Retry-After": "1", "X-Content-Type-Options": "nosniff"])
    }

    private func addFlow(_ headers: inout HTTPFields) {
        guard let match = attached.withLock({ $0.flow }) else { return }
        headers.add("X-Kubernetes-Pf-Flowschema-Uid", match.schemaUID)
        headers.add("X-Kubernetes-Pf-Prioritylevel-Uid", match.levelUID)
    }

    func begin(_ info: RequestInfo) {
        // Only for resources that are served: what clients invent must not become a label.
        let verb = info.verb.uppercased()
        label.withLock {
            $0 = RequestMetrics.Label(
                verb: verb, group: info.group, version: info.version, resource: info.resource,
                subresource: info.subresource, code: 0)
        }
    }

    func send(_ answer: Answer, _ context: RequestContext) {
        do throws(APIError) {
            switch answer {
            case .object(let status, let json, let warnings):
                audit?.answers(json)
                let shown = try project(json, context)
                complete(
                    status, context.format.contentType, .bytes(try server.transcode(shown, context.format)), warnings)
            case .other(let status, let value, let warnings):
                audit?.answers(value.jsonBytes())
                let bytes = try server.transcode(value.jsonBytes(), context.format)
                complete(status, context.format.contentType, .bytes(bytes), warnings)
            case .raw(let status, let contentType, let body):
                if let audit, contentType.hasPrefix("application/json") { audit.answers(body.joined) }
                complete(status, contentType, body, [])
            case .stream(let contentType, let body):
                stream(contentType, body)
            case .answered: break
            case .handedOver:
                finish(code: 0)
                audit?.started(101)
                audit?.completed(101)
            }
        } catch {
            send(error)
        }
    }

    /// Table or metadata only, where the client asked for that.
    private func project(_ json: [UInt8], _ context: RequestContext) throws(APIError) -> [UInt8] {
        switch context.format.projection {
        case .none: return json
        case .partialMetadata(let version): return PartialObjectMetadata.json(json, version: version)
        case .partialMetadataList:
            throw APIError(
                code: 406, reason: "NotAcceptable",
                message: "you requested PartialObjectMetadataList, but the requested object is not a list "
                    + "(*\(context.resource.internalGroup).\(context.resource.kind.kind))")
        case .table(let version):
            let options = TableOptions(version: version, includeObject: try context.includeObject)
            let revision = MetadataScanner(json: json).metadata.resourceVersion
            let metadata = Array("{\"resourceVersion\":\"\(revision)\"}".utf8)
            return try server.table(context.resource, [json], options, metadata)
        }
    }

    func send(_ error: APIError) {
        var headers = HTTPFields()
        if let seconds = error.details?.retryAfterSeconds, seconds > 0 {
            headers.add("Retry-After", String(seconds))
        }
        let format = (try? ResponseFormat(accept: request.headers["accept"], canStream: false)) ?? .json
        var plain = format
        plain.projection = .none
        let json = error.status.jsonBytes()
        audit?.answers(json)
        let bytes = (try? server.transcode(json, plain)) ?? json
        complete(error.code, plain.contentType, .bytes(bytes), error.warnings, headers)
    }

    func send(_ document: DocumentResponse) {
        var headers = document.headers
        headers["Audit-Id"] = auditID
        addFlow(&headers)
        var body = document.body
        if headers["Content-Encoding"] == nil { body = compressed(body, &headers) }
        finish(code: document.status)
        audit?.completed(document.status)
        responder.respond(status: document.status, headers: headers, body: .bytes(body))
    }

    /// Another handler answers: what is said of every answer, and the end of the request.
    func delegated(_ status: Int, _ headers: HTTPFields) -> HTTPFields {
        var headers = headers
        headers["Audit-Id"] = auditID
        addFlow(&headers)
        finish(code: status)
        audit?.completed(status)
        return headers
    }

    func complete(
        _ status: Int, _ contentType: String, _ body: HTTPBody, _ warnings: [String] = [],
        _ extra: HTTPFields = HTTPFields()
    ) {
        var headers: HTTPFields = [
            "Audit-Id": auditID, "Cache-Control": "no-cache, private", "Content-Type": contentType,
        ]
        addFlow(&headers)
        for value in WarningHeaders.values((status == 405 ? [] : deprecations) + warnings) {
            headers.add("Warning", value)
        }
        headers.entries += extra.entries
        finish(code: status)
        audit?.completed(status)
        guard case .bytes(let bytes) = body else {
            return responder.respond(status: status, headers: headers, body: body)
        }
        // First: the arguments of one call are evaluated in order, and this one changes the headers.
        let sent = compressed(bytes, &headers)
        responder.respond(status: status, headers: headers, body: .bytes(sent))
    }

    private func stream(_ contentType: String, _ body: any HTTPBodyStream) {
        var headers: HTTPFields = [
            "Audit-Id": auditID, "Cache-Control": "no-cache, private", "Content-Type": contentType,
        ]
        addFlow(&headers)
        finish(code: 200)
        var body = body
        if let audit {
            audit.started(200)
            if body is ListBody { audit.completed(200) } else { body = AuditedStream(body, audit) }
        }
        guard body is ListBody, acceptsGzip, let gzip = GzipBody(body) else {
            return responder.respond(status: 200, headers: headers, stream: body)
        }
        headers.add("Content-Encoding", "gzip")
        headers.add("Vary", "Accept-Encoding")
        responder.respond(status: 200, headers: headers, stream: gzip)
    }

    /// Upstream warns of these on every request.
    private static let deprecated = [
        "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
    ]

    private var deprecations: [String] {
        label.withLock { label in
            guard label.group.isEmpty, let text = Self.deprecated[label.resource] else { return [] }
            return [text]
        }
    }

    private var acceptsGzip: Bool {
        request.connection.remoteAddress != "in-process"
            && request.headers.values(of: "accept-encoding").contains { $0.contains("gzip") }
    }

    private func compressed(_ bytes: [UInt8], _ headers: inout HTTPFields) -> [UInt8] {
        guard bytes.count >= RequestLimits.gzipBytesMin, acceptsGzip else { return bytes }
        headers.add("Content-Encoding", "gzip")
        headers.add("Vary", "Accept-Encoding")
        return Gzip.compress(bytes)
    }

    private func finish(code: Int) {
        let label = label.withLock { label in
            label.code = code
            return label
        }
        server.metrics.end(label, ContinuousClock.now - started)
    }
}

extension HTTPBody {
    /// All of it in one piece.
    fileprivate var joined: [UInt8] {
        switch self {
        case .bytes(let bytes): bytes
        case .pieces(let pieces): Array(pieces.joined())
        }
    }
}

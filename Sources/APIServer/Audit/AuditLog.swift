internal import APIMachinery
internal import Transport

/// Writes down who asked for what, as far as the policy wants it.
package struct AuditLog: Sendable {
    let policy: AuditPolicy
    let file: AuditFile

    package init(policy: AuditPolicy, file: AuditFile) {
        self.policy = policy
        self.file = file
    }

    /// The record of a request; `nil` where the policy wants none.
    func begin(_ request: HTTPRequest, _ attributes: AccessAttributes, id: String) -> AuditRecord? {
        let verdict = policy.verdict(attributes)
        guard verdict.level > .none else { return nil }
        let record = AuditRecord(file: file, verdict: verdict, request: request, attributes: attributes, id: id)
        record.write(.requestReceived)
        return record
    }
}

/// One request's way into the log.
final class AuditRecord: Sendable {
    private let file: AuditFile
    private let verdict: AuditPolicy.Verdict
    private let request: HTTPRequest
    private let attributes: AccessAttributes
    private let id: String
    private let received = MicroTime.now()
    private let state = Guarded(State())

    private struct State: Sendable {
        var impersonated: UserInfo?
        var decision: (isAllowed: Bool, reason: String)?
        /// Where the body is not text that can be read by itself.
        var decoded: Value?
        var response: [UInt8]?
        var isComplete = false
    }

    init(
        file: AuditFile, verdict: AuditPolicy.Verdict, request: HTTPRequest, attributes: AccessAttributes, id: String
    ) {
        self.file = file
        self.verdict = verdict
        self.request = request
        self.attributes = attributes
        self.id = id
    }

    func acts(as user: UserInfo) { state.withLock { $0.impersonated = user } }

    /// What a body in protobuf says.
    func asks(_ object: Value) { state.withLock { $0.decoded = object } }

    func decided(_ isAllowed: Bool, _ reason: String) { state.withLock { $0.decision = (isAllowed, reason) } }

    /// What the client is told, as JSON.
    func answers(_ json: [UInt8]) {
        guard verdict.level >= .requestResponse else { return }
        state.withLock { $0.response = json }
    }

    /// The head of a long answer went out.
    func started(_ code: Int) { write(.responseStarted, code: code) }

    /// The answer is done. Once.
    func completed(_ code: Int) {
        let isFirst = state.withLock { state in
            defer { state.isComplete = true }
            return !state.isComplete
        }
        if isFirst { write(.responseComplete, code: code) }
    }

    func write(_ stage: AuditStage, code: Int? = nil) {
        guard !verdict.omitted.contains(stage) else { return }
        let state = state.withLock { $0 }
        var event: [(String, Value)] = [
            ("kind", "Event"), ("apiVersion", "audit.k8s.io/v1"), ("level", .string(verdict.level.rawValue)),
            ("auditID", .string(id)), ("stage", .string(stage.rawValue)),
            ("requestURI", .string(request.path + (request.query.map { "?" + $0 } ?? ""))),
            ("verb", .string(attributes.verb)), ("user", attributes.user.value),
        ]
        if let user = state.impersonated { event.append(("impersonatedUser", user.value)) }
        event.append(("sourceIPs", [.string(sourceIP)]))
        if let agent = request.headers["user-agent"] { event.append(("userAgent", .string(agent))) }
        if attributes.isResourceRequest { event.append(("objectRef", reference(state.decoded))) }
        if let code { event.append(("responseStatus", responseStatus(code, state.response))) }
        if verdict.level >= .request, let body = requestObject(state.decoded) { event.append(("requestObject", body)) }
        if stage == .responseComplete, let body = state.response.flatMap({ try? Value(json: $0) }) {
            event.append(("responseObject", shown(body)))
        }
        event.append(("requestReceivedTimestamp", .string(received.description)))
        event.append(("stageTimestamp", .string(MicroTime.now().description)))
        if let decision = state.decision {
            event.append(
                (
                    "annotations",
                    .record([
                        ("authorization.k8s.io/decision", .string(decision.isAllowed ? "allow" : "forbid")),
                        ("authorization.k8s.io/reason", .string(decision.reason)),
                    ])
                ))
        }
        file.append(Value.record(event).jsonBytes() + [UInt8(ascii: "\n")])
    }

    // MARK: Parts

    /// The address without its port.
    private var sourceIP: String {
        let address = request.connection.remoteAddress
        guard let colon = address.lastIndex(of: ":") else { return "127.0.0.1" }
        return address[..<colon].filter { $0 != "[" && $0 != "]" }
    }

    private func reference(_ decoded: Value?) -> Value {
        var reference: Value = ["resource": .string(attributes.resource)]
        var (name, uid, version) = (attributes.name, "", "")
        if let decoded {
            if name.isEmpty { name = decoded.name }
            (uid, version) = (decoded.uid, decoded.resourceVersion)
        } else if !request.body.isEmpty, isJSON {
            let metadata = MetadataScanner(json: request.body).metadata
            if name.isEmpty { name = metadata.name }
            (uid, version) = (metadata.uid, metadata.resourceVersion)
        }
        for (key, value) in [
            ("namespace", attributes.namespace), ("name", name), ("uid", uid), ("apiGroup", attributes.group),
            ("apiVersion", attributes.version), ("resourceVersion", version),
            ("subresource", attributes.subresource),
        ] where !value.isEmpty {
            reference[key] = .string(value)
        }
        return reference
    }

    private func responseStatus(_ code: Int, _ response: [UInt8]?) -> Value {
        guard code >= 400, let status = response.flatMap({ try? Value(json: $0) }), status.text("kind") == "Status"
        else { return ["metadata": [:], "code": .int(Int64(code))] }
        var shown = status
        for key in ["kind", "apiVersion"] { shown[key] = nil }
        return shown
    }

    private var isJSON: Bool { (request.headers["content-type"] ?? "application/json").contains("json") }

    private func requestObject(_ decoded: Value?) -> Value? {
        guard !request.body.isEmpty else { return nil }
        if let decoded { return shown(decoded) }
        if isJSON { return (try? Value(json: request.body)).map(shown) }
        guard request.headers["content-type"]?.contains("yaml") ?? false else { return nil }
        return (try? Value(yaml: request.body)).map(shown)
    }

    /// Without what the policy leaves out.
    private func shown(_ object: Value) -> Value {
        guard verdict.omitsManagedFields else { return object }
        var object = object
        object.edit("metadata") { $0["managedFields"] = nil }
        object.editEach("items") { item in item.edit("metadata") { $0["managedFields"] = nil } }
        return object
    }
}

/// A streamed answer that says when it has ended.
final class AuditedStream: HTTPBodyStream {
    private let inner: any HTTPBodyStream
    private let record: AuditRecord

    init(_ inner: any HTTPBodyStream, _ record: AuditRecord) {
        self.inner = inner
        self.record = record
    }

    func setWaker(_ wake: @escaping @Sendable () -> Void) { inner.setWaker(wake) }

    func read() -> HTTPBodyPart {
        let part = inner.read()
        if case .end = part { record.completed(200) }
        return part
    }

    func cancel() {
        inner.cancel()
        record.completed(200)
    }
}

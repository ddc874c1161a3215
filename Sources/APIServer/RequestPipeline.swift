internal import APIMachinery
internal import KubeAPI
internal import Transport

/// One request's way through the server. `run` is the map: a line a stage.
struct RequestPipeline: Sendable {
    let server: APIServer
    let request: HTTPRequest
    let responder: any HTTPResponder

    func run() {
        let reply = Reply(server: server, request: request, responder: responder)
        do throws(APIError) {
            try checkSize()
            let query = Query(request.query)
            let info = RequestInfo(request, query: query)
            let caller = try authenticate(info, reply)
            let audit = audit(caller, info, query, reply)
            let user = try Impersonation(authorizer: server.authorizer).user(caller, request.headers)
            if let audit, user != caller { audit.acts(as: user) }
            let flow = server.fairness.match(user, info)
            reply.flow(flow)
            try authorize(user, info, query, audit)
            guard info.isResourceRequest, !info.resource.isEmpty else {
                return try server.answerNonResource(request, info, query, reply)
            }
            if let other = server.configuration.delegates[info.group] {
                return other.handle(request, DelegatedResponder(reply: reply, responder: responder))
            }
            guard server.registry.serves(info.group, info.version) else { return server.answerUnknown(reply) }
            let resource = try find(info)
            reply.begin(info)
            let verb = try verb(info, resource)
            if let audit { noteBody(info, resource, audit) }
            // What is accepted behind a proxy is for what stands there to know.
            let format =
                info.subresource == "proxy"
                ? .json
                : try ResponseFormat(
                    accept: request.headers["accept"], canStream: info.name.isEmpty && request.method == "GET")
            let context = RequestContext(
                request: request, info: info, query: query, user: user, resource: resource, format: format,
                schema: server.schema)
            switch verb {
            case .get: reply.send(try server.get(context), context)
            case .list: reply.send(try server.list(context), context)
            case .watch: reply.send(try server.watch(context), context)
            case .write(let write): perform(write, context, flow, reply)
            }
        } catch {
            reply.send(error)
        }
    }

    private typealias Write =
        @Sendable (APIServer, RequestContext, any HTTPResponder) async throws(APIError) -> Answer

    /// Runs beside other requests, with a seat of its priority level if it does not run for as long as it likes.
    private func perform(_ write: @escaping Write, _ context: RequestContext, _ flow: Fairness.Match?, _ reply: Reply) {
        let fairness = server.fairness
        let isLong = Subresources.longRunning.contains(context.info.subresource)
        let entry = fairness.enter(isLong ? nil : flow)
        if case .refused = entry { return reply.sendTooManyRequests() }
        // Unstructured: the transport hands requests over on its event loop and must not wait.
        Task {
            var seat: Fairness.Seat?
            if case .entered(let free) = entry { seat = free }
            if seat == nil, let flow { seat = await fairness.wait(flow) }
            guard let seat else { return reply.sendTooManyRequests() }
            do throws(APIError) {
                let answers: any HTTPResponder =
                    context.info.subresource == "proxy"
                    ? DelegatedResponder(reply: reply, responder: responder) : responder
                reply.send(try await write(server, context, answers), context)
            } catch {
                reply.send(error)
            }
            fairness.leave(seat)
        }
    }

    private func checkSize() throws(APIError) {
        guard request.body.count <= RequestLimits.bodyBytesMax else { throw .tooLarge }
    }

    private func authenticate(_ info: RequestInfo, _ reply: Reply) throws(APIError) -> UserInfo {
        do throws(APIError) {
            return try server.authenticator.user(of: request)
        } catch {
            _ = audit(UserInfo(name: ""), info, Query(nil), reply)
            throw error
        }
    }

    /// Begins the record of the request, where one is kept.
    private func audit(_ user: UserInfo, _ info: RequestInfo, _ query: Query, _ reply: Reply) -> AuditRecord? {
        guard let log = server.configuration.audit else { return nil }
        var attributes = AccessAttributes(user: user, info: info)
        attributes.narrow(by: query)
        guard let record = log.begin(request, attributes, id: reply.auditID) else { return nil }
        reply.audit(record)
        return record
    }

    private func noteBody(_ info: RequestInfo, _ resource: Resource, _ audit: AuditRecord) {
        guard info.subresource.isEmpty, request.headers["content-type"]?.contains("protobuf") ?? false,
            let decoded = try? server.decoder.decode(
                request, as: resource.kind, type: resource.type, internalGroup: resource.internalGroup,
                validation: .ignore)
        else { return }
        audit.asks(decoded.object)
    }

    private func authorize(
        _ user: UserInfo, _ info: RequestInfo, _ query: Query, _ audit: AuditRecord?
    ) throws(APIError) {
        var attributes = AccessAttributes(user: user, info: info)
        attributes.narrow(by: query)
        let decision = server.authorizer.decide(attributes)
        audit?.decided(decision.isAllowed, decision.reason)
        guard decision.isAllowed else { throw .forbidden(attributes, decision.reason) }
        try authorizeUpgrade(attributes, info)
    }

    /// A GET that becomes a shell has to be allowed as a create, or read-only roles could run commands (KEP-4006).
    private func authorizeUpgrade(_ attributes: AccessAttributes, _ info: RequestInfo) throws(APIError) {
        guard attributes.verb == "get", attributes.group.isEmpty else { return }
        let isSession =
            switch (attributes.resource, attributes.subresource) {
            case ("pods", let name): ["exec", "attach", "portforward"].contains(name)
            case ("nodes", "proxy"): NodeProxy.opensSession(info.rest)
            default: false
            }
        guard isSession else { return }
        var create = attributes
        create.verb = "create"
        try server.authorizer.require(create)
    }

    private func find(_ info: RequestInfo) throws(APIError) -> Resource {
        guard let resource = server.registry.resource(for: info) else { throw .noSuchPath }
        if !info.subresource.isEmpty, resource.subresource(info.subresource) == nil { throw .noSuchPath }
        if resource.isNamespaced, info.namespace.isEmpty, !info.name.isEmpty { throw .noSuchPath }
        if !resource.isNamespaced, !info.namespace.isEmpty, resource.id.plural != "namespaces" { throw .noSuchPath }
        guard info.rest.isEmpty || info.subresource == "proxy" else { throw .noSuchPath }
        return resource
    }

    private enum Verb {
        case get, list, watch
        case write(Write)
    }

    private func verb(_ info: RequestInfo, _ resource: Resource) throws(APIError) -> Verb {
        // Permitted like a GET, and served nowhere.
        guard request.method != "HEAD" || info.subresource == "proxy" else { throw .methodNotAllowed }
        guard info.subresource.isEmpty else { return try subresourceVerb(info, resource) }
        if resource.definition.verbs == ["create"] {
            guard info.verb == "create", info.name.isEmpty else { throw .methodNotAllowed }
            return .write { (server, context, _) throws(APIError) in try await server.createVirtual(context) }
        }
        let hasName = !info.name.isEmpty
        switch info.verb {
        case "get" where hasName && resource.supports("get"): return .get
        case "list" where resource.supports("list"): return .list
        case "watch" where resource.supports("watch"): return .watch
        case "create" where !hasName && resource.supports("create"):
            // A namespaced object needs its namespace in the path.
            guard !resource.isNamespaced || !info.namespace.isEmpty else { throw .methodNotAllowed }
            return .write { (server, context, _) throws(APIError) in try await server.create(context) }
        case "update" where hasName && resource.supports("update"):
            return .write { (server, context, _) throws(APIError) in try await server.update(context) }
        case "patch" where hasName && resource.supports("patch"):
            return .write { (server, context, _) throws(APIError) in try await server.patch(context) }
        case "delete" where resource.supports("delete"):
            return .write { (server, context, _) throws(APIError) in try await server.delete(context) }
        case "deletecollection" where resource.supports("deletecollection"):
            guard !resource.isNamespaced || !info.namespace.isEmpty else { throw .methodNotAllowed }
            return .write { (server, context, _) throws(APIError) in try await server.deleteCollection(context) }
        default: throw .methodNotAllowed
        }
    }

    private func subresourceVerb(_ info: RequestInfo, _ resource: Resource) throws(APIError) -> Verb {
        guard let subresource = resource.subresource(info.subresource) else { throw .methodNotAllowed }
        // OPTIONS has no verb, and is for what stands behind a proxy to answer.
        guard subresource.verbs.contains(info.verb) || (info.subresource == "proxy" && request.method == "OPTIONS")
        else { throw .methodNotAllowed }
        if info.subresource == "status" || Subresources.plain.contains(info.subresource), info.verb == "get" {
            return .get
        }
        return .write { (server, context, responder) throws(APIError) in
            try await server.handleSubresource(context, responder)
        }
    }
}

extension AccessAttributes {
    init(user: UserInfo, info: RequestInfo) {
        self.init(
            user: user, verb: info.verb, isResourceRequest: info.isResourceRequest && !info.resource.isEmpty,
            group: info.group, version: info.version, resource: info.resource, subresource: info.subresource,
            namespace: info.namespace, name: info.name, path: info.path)
    }
}

extension AccessAttributes {
    /// A list of the one object with a name is a request about that object.
    mutating func narrow(by query: Query) {
        guard ["list", "watch", "deletecollection"].contains(verb), let selector = query["fieldSelector"],
            !selector.isEmpty, let requirements = try? FieldRequirements.parse(selector)
        else { return }
        fieldSelector = requirements
        if name.isEmpty { name = requirements.requiredValue(of: "metadata.name") ?? "" }
    }
}

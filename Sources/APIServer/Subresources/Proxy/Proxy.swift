internal import APIMachinery
internal import Storage
internal import Transport

/// `/proxy` of nodes, pods and services. A node's own port is its agent, which is called in this process; everything
/// else is dialled from here, as the API server is on the node.
extension APIServer {
    func proxy(_ context: RequestContext, _ responder: any HTTPResponder) async throws(APIError) -> Answer {
        let plural = context.resource.id.plural
        guard let target = ProxyTarget(context.name) else {
            throw .badRequest("invalid \(plural.dropLast()) request \(quoted(context.name))")
        }
        let key = context.resource.key(namespace: context.namespace, name: target.name)
        guard let stored = store.get(key) else { throw .notFound(context.resource.id, target.name) }
        let object = try codec.decode(stored, as: context.resource)
        let location: ProxyLocation
        switch plural {
        case "nodes":
            if target.port.isEmpty || target.port == ProxyResolver.agentPort(of: object) {
                return try proxyToAgent(object, context, responder)
            }
            location = try ProxyResolver.node(object, target)
        case "pods": location = try ProxyResolver.pod(object, target)
        default: location = try proxyLocation(of: object, target, context)
        }
        let path = ProxyPath(context)
        guard !redirect(path, context, responder) else { return .answered }
        let call = ProxyCall(location: location, path: path, request: context.request, responder: responder)
        try await call.run()
        return .answered
    }

    private func proxyToAgent(
        _ node: Value, _ context: RequestContext, _ responder: any HTTPResponder
    ) throws(APIError) -> Answer {
        guard let agent = configuration.nodeHandler(node.name) else {
            let known = (node[path: "status", "addresses"]?.array ?? []).map(\.goText).joined(separator: " ")
            throw .plain("no preferred addresses found; known addresses: [\(known)]")
        }
        let path = ProxyPath(context)
        guard !redirect(path, context, responder) else { return .answered }
        var request = context.request
        request.path = path.target
        agent.handle(request, responder)
        return .answered
    }

    /// Relative links on a first page lead below it only if its address ends in a slash.
    private func redirect(_ path: ProxyPath, _ context: RequestContext, _ responder: any HTTPResponder) -> Bool {
        let request = context.request
        guard path.isBare, request.method == "GET" || request.method == "HEAD", !ProxyHeaders.asksForUpgrade(request)
        else { return false }
        let query = request.query.map { "?" + $0 } ?? ""
        responder.respond(
            status: 301,
            headers: ["Cache-Control": "no-cache, private", "Location": request.path + "/" + query], body: .bytes([]))
        return true
    }

    /// An address behind the Service, which must be one of a pod: who may write Endpoints must not be able to send the
    /// API server where they cannot go themselves.
    private func proxyLocation(
        of service: Value, _ target: ProxyTarget, _ context: RequestContext
    ) throws(APIError) -> ProxyLocation {
        let port = try ProxyResolver.portName(target.port, of: service)
        let endpoints = decoded("endpoints", service.name, context.namespace)
        let subsets = endpoints?.list("subsets") ?? []
        guard !subsets.isEmpty else {
            throw .serviceUnavailable("no endpoints available for service \(quoted(service.name))")
        }
        let found = ProxyResolver.endpoint(in: subsets.shuffled(), port: port) { address, reference in
            guard reference.text("namespace") == context.namespace,
                let pod = decoded("pods", reference.text("name"), context.namespace)
            else { return false }
            return (pod["status"] ?? [:]).list("podIPs").contains { $0.text("ip") == address }
        }
        guard let found else {
            throw .serviceUnavailable("no endpoints available for service \(quoted(context.name))")
        }
        return ProxyLocation(isTLS: target.scheme == "https", host: found.address, port: found.port)
    }

    private func decoded(_ plural: String, _ name: String, _ namespace: String) -> Value? {
        guard let resource = registry.resource("", plural),
            let stored = store.get(resource.key(namespace: namespace, name: name))
        else { return nil }
        return try? codec.decode(stored, as: resource)
    }
}

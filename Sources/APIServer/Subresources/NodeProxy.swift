internal import APIMachinery
internal import Storage
internal import Transport

/// `/proxy` of nodes, pods and services. A node's requests go to its agent; the way to pods and services, which is the
/// network's, is not there yet, and what can be said without it is said as upstream does.
extension APIServer {
    func proxy(_ context: RequestContext, _ responder: any HTTPResponder) throws(APIError) -> Answer {
        let plural = context.resource.id.plural
        guard let target = ProxyTarget(context.name) else {
            throw .badRequest("invalid \(plural.dropLast()) request \(quoted(context.name))")
        }
        let key = context.resource.key(namespace: context.namespace, name: target.name)
        guard let stored = store.get(key) else { throw .notFound(context.resource.id, target.name) }
        let object = try codec.decode(stored, as: context.resource)
        switch plural {
        case "nodes": return try proxyToNode(object, context, responder)
        case "pods":
            guard object[path: "status", "podIP"]?.string?.isEmpty == false else {
                throw .badRequest("address not allowed")
            }
        default: try checkEndpoints(object, target, context)
        }
        throw .notImplemented("proxying to \(plural) is not served yet")
    }

    private func proxyToNode(
        _ node: Value, _ context: RequestContext, _ responder: any HTTPResponder
    ) throws(APIError) -> Answer {
        guard let agent = configuration.nodeHandler(node.name) else {
            let known = (node[path: "status", "addresses"]?.array ?? []).map(\.goText).joined(separator: " ")
            throw .plain("no preferred addresses found; known addresses: [\(known)]")
        }
        var request = context.request
        request.path = "/" + context.info.rest.joined(separator: "/")
        agent.handle(request, responder)
        return .handedOver
    }

    /// A service is reached through an address behind it.
    private func checkEndpoints(
        _ service: Value, _ target: ProxyTarget, _ context: RequestContext
    ) throws(APIError) {
        var port = target.port
        if let number = Int64(port) {
            let ports = service[path: "spec", "ports"]?.array ?? []
            guard let found = ports.first(where: { $0["port"]?.int == number }) else {
                throw .serviceUnavailable("no service port \(number) found for service \(quoted(service.name))")
            }
            port = found.text("name")
        }
        let endpoints = registry.resource("", "endpoints").flatMap { resource in
            store.get(resource.key(namespace: context.namespace, name: service.name))
                .flatMap { try? codec.decode($0, as: resource) }
        }
        let hasAddress = endpoints?.list("subsets").contains { subset in
            !subset.list("addresses").isEmpty
                && (port.isEmpty || subset.list("ports").contains { $0.text("name") == port })
        }
        guard hasAddress == true else {
            throw .serviceUnavailable("no endpoints available for service \(quoted(service.name))")
        }
    }
}

/// `name`, `name:port` or `scheme:name:port`.
struct ProxyTarget: Equatable {
    var name: String
    var port = ""

    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: name = parts[0]
        case 2: (name, port) = (parts[0], parts[1])
        case 3 where ["", "http", "https"].contains(parts[0]): (name, port) = (parts[1], parts[2])
        default: return nil
        }
        if name.isEmpty { return nil }
    }
}

/// What is special about the way to a node's agent.
enum NodeProxy {
    /// Whether the agent's path runs commands in containers or reaches into them. Compared as the agent does, decoded.
    static func opensSession(_ path: [String]) -> Bool {
        guard let first = path.first(where: { !$0.isEmpty }) else { return false }
        return first.contains("%") || ["exec", "attach", "run", "portForward"].contains(first)
    }
}

internal import APIMachinery
internal import Storage
internal import Transport

/// logs, exec, attach and port-forward: handed to the agent of the pod's node, which answers the client itself.
extension APIServer {
    func connect(_ context: RequestContext, _ responder: any HTTPResponder) throws(APIError) -> Answer {
        guard let stored = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
        let pod = try codec.decode(stored, as: context.resource)
        let node = pod[path: "spec", "nodeName"]?.string ?? ""
        let subresource = context.info.subresource
        guard !node.isEmpty else {
            if subresource == "log" { return .raw(status: 200, contentType: "text/plain", .bytes([])) }
            throw .badRequest("pod \(context.name) does not have a host assigned")
        }
        let path = try agentPath(pod, context)
        guard let agent = configuration.nodeHandler(node) else {
            throw .internalError("the agent of node \(quoted(node)) cannot be reached")
        }
        var request = context.request
        request.path = path
        agent.handle(request, responder)
        return .handedOver
    }

    /// `nodes/NAME/proxy/PATH`: the agent's own interface, at PATH.
    func proxy(toNode context: RequestContext, _ responder: any HTTPResponder) throws(APIError) -> Answer {
        guard let agent = configuration.nodeHandler(context.name) else {
            throw .internalError("the agent of node \(quoted(context.name)) cannot be reached")
        }
        var request = context.request
        request.path = "/" + context.info.rest.joined(separator: "/")
        agent.handle(request, responder)
        return .handedOver
    }

    /// The kubelet's own paths.
    private func agentPath(_ pod: Value, _ context: RequestContext) throws(APIError) -> String {
        let target = "\(pod.namespace)/\(pod.name)"
        switch context.info.subresource {
        case "portforward": return "/portForward/\(target)"
        case "log": return "/containerLogs/\(target)/\(try container(pod, context))"
        default: return "/\(context.info.subresource)/\(target)/\(try container(pod, context))"
        }
    }

    /// The container that is meant; it must be named where there are several.
    private func container(_ pod: Value, _ context: RequestContext) throws(APIError) -> String {
        let spec = pod["spec"] ?? [:]
        func names(_ list: String) -> [String] { spec.list(list).map { $0.text("name") } }
        let wanted = context.query["container"] ?? ""
        if !wanted.isEmpty {
            guard (names("containers") + names("initContainers") + names("ephemeralContainers")).contains(wanted) else {
                throw .badRequest("container \(wanted) is not valid for pod \(pod.name)")
            }
            return wanted
        }
        let candidates = names("containers")
        if candidates.count == 1 { return candidates[0] }
        let annotated = pod.metadata["annotations"]?["kubectl.kubernetes.io/default-container"]?.string ?? ""
        if context.info.subresource != "log", candidates.contains(annotated) { return annotated }
        var message =
            "a container name must be specified for pod \(pod.name), choose one of: [\(candidates.joined(separator: " "))]"
        let initial = names("initContainers")
        if !initial.isEmpty { message += " or one of the init containers: [\(initial.joined(separator: " "))]" }
        throw .badRequest(message)
    }
}

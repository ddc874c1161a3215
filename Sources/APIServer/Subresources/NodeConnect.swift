internal import APIMachinery
internal import Storage
internal import Transport

/// logs, exec, attach and port-forward: handed to the agent of the pod's node, which answers the client itself.
extension APIServer {
    func connect(_ context: RequestContext, _ responder: any HTTPResponder) throws(APIError) -> Answer {
        if context.info.subresource == "log" { try checkLogOptions(context) }
        guard let stored = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
        let pod = try codec.decode(stored, as: context.resource)
        let node = pod[path: "spec", "nodeName"]?.string ?? ""
        let subresource = context.info.subresource
        guard !node.isEmpty else {
            if subresource == "log" { return .raw(status: 200, contentType: "text/plain", .bytes([])) }
            throw .badRequest("pod \(context.name) does not have a host assigned")
        }
        let path = try agentPath(pod, context)
        guard let nodes = registry.resource("", "nodes"), store.get(nodes.key(namespace: "", name: node)) != nil else {
            throw .notFound(ResourceID(group: "", plural: "nodes"), node)
        }
        guard subresource == "log" || context.request.headers["upgrade"] != nil
        else { throw .badRequest("Upgrade request required") }
        guard let agent = configuration.nodeHandler(node) else {
            throw .internalError("the agent of node \(quoted(node)) cannot be reached")
        }
        var request = context.request
        request.path = path
        agent.handle(request, responder)
        return .handedOver
    }

    /// What the query asks of a log, checked before the pod is looked for.
    private func checkLogOptions(_ context: RequestContext) throws(APIError) {
        func number(_ name: String) throws(APIError) -> Int64? {
            guard let text = context.query[name] else { return nil }
            guard let number = Int64(text) else {
                throw .badRequest("strconv.ParseInt: parsing \(quoted(text)): invalid syntax")
            }
            return number
        }
        var errors: [FieldError] = []
        if let lines = try number("tailLines"), lines < 0 {
            errors.append(.invalid("tailLines", lines, "must be greater than or equal to 0"))
        }
        if let bytes = try number("limitBytes"), bytes < 1 {
            errors.append(.invalid("limitBytes", bytes, "must be greater than 0"))
        }
        if let seconds = try number("sinceSeconds") {
            if context.query["sinceTime"] != nil {
                errors.append(.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
            } else if seconds < 1 {
                errors.append(.invalid("sinceSeconds", seconds, "must be greater than 0"))
            }
        }
        guard errors.isEmpty else { throw .invalid(group: "", kind: "PodLogOptions", context.name, errors) }
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

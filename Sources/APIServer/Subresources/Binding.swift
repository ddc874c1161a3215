internal import APIMachinery
internal import Transport

/// `pods/NAME/binding` and `bindings`: the scheduler's decision.
extension APIServer {
    private static let bindingKind = GroupVersionKind(group: "", version: "v1", kind: "Binding")

    func bind(_ context: RequestContext) async throws(APIError) -> Answer {
        guard let type = schema.type(of: Self.bindingKind) else { throw .noSuchPath }
        // Nobody comes to own what a binding sets.
        let options = try WriteOptions(context.query, kind: "CreateOptions").managed
        let decoded = try decoder.decode(
            context.request, as: Self.bindingKind, type: type, internalGroup: "core", validation: options.validation)
        let binding = decoded.object
        let target = binding["target"] ?? [:]
        let node = target.text("name")
        try checkTarget(target)
        if !binding.name.isEmpty, binding.name != context.name {
            throw .badRequest("name in URL does not match name in Binding object")
        }
        let pod = ResourceID(group: "", plural: "pods/binding")
        _ = try await modified(context, options, subresource: "binding") { (old) throws(APIError) in
            guard !old.isBeingDeleted else {
                throw .conflict(pod, context.name, "pod \(context.name) is being deleted, cannot be assigned to a host")
            }
            if let uid = binding.metadata["uid"]?.string, !uid.isEmpty, uid != old.uid {
                throw .conflict(
                    pod, context.name,
                    "Precondition failed: UID in precondition: \(uid), UID in object meta: \(old.uid)")
            }
            let assigned = old[path: "spec", "nodeName"]?.string ?? ""
            guard assigned.isEmpty else {
                throw .conflict(
                    pod, context.name, "pod \(context.name) is already assigned to node \(quoted(assigned))")
            }
            guard (old["spec"] ?? [:]).list("schedulingGates").isEmpty else {
                throw .conflict(pod, context.name, "pod \(context.name) has non-empty .spec.schedulingGates")
            }
            return self.bound(old, to: node, binding.metadata)
        }
        let success: Value = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201,
        ]
        return .other(status: 201, success, warnings: decoded.warnings)
    }

    private func checkTarget(_ target: Value) throws(APIError) {
        var errors: [FieldError] = []
        let kind = target.text("kind")
        if !kind.isEmpty, kind != "Node" {
            errors.append(
                FieldError(
                    kind: .notSupported, field: "target.kind",
                    body: "Unsupported value: \(quoted(kind)): supported values: \"Node\", \"<empty>\""))
        }
        if target.text("name").isEmpty { errors.append(.required("target.name")) }
        guard !errors.isEmpty else { return }
        let texts = errors.map(\.description)
        throw .plain(texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]")
    }

    private func bound(_ pod: Value, to node: String, _ metadata: Value) -> Value {
        var object = pod
        object.editObject("spec") { $0["nodeName"] = .string(node) }
        object.editMetadata { own in
            own["resourceVersion"] = nil
            for key in ["annotations", "labels"] {
                for (name, value) in metadata.entries(key) {
                    own.editObject(key) { $0[name] = value }
                }
            }
        }
        let now = configuration.clock().description
        object.editObject("status") { status in
            var conditions = status.list("conditions").filter { $0.text("type") != "PodScheduled" }
            conditions.append([
                "type": "PodScheduled", "status": "True", "lastProbeTime": .null, "lastTransitionTime": .string(now),
            ])
            status["conditions"] = .array(conditions)
        }
        return object
    }

    /// POST `/api/v1/namespaces/NS/bindings`: the pod is named by the Binding.
    func createBinding(_ context: RequestContext) async throws(APIError) -> Answer {
        guard let pods = registry.resource("", "pods"), let body = try? Value(json: context.request.body) else {
            throw .badRequest("the body is not a Binding")
        }
        var info = context.info
        info.resource = "pods"
        info.subresource = "binding"
        info.name = body.name
        let pod = RequestContext(
            request: context.request, info: info, query: context.query, user: context.user, resource: pods,
            format: context.format, schema: schema)
        return try await bind(pod)
    }
}

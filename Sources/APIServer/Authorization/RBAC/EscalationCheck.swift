internal import APIMachinery

/// Nobody grants rights that he does not have himself, by a role or by a binding, unless `escalate` or `bind` lets him.
struct EscalationCheck: AdmissionPlugin {
    private static let group = "rbac.authorization.k8s.io"

    let authorizer: AuthorizerChain

    func concerns(_ resource: Resource) -> Bool { resource.id.group == Self.group }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.resource.id.group == Self.group, request.operation != .delete, !request.user.isPrivileged,
            !onlyLetsGo(request)
        else { return }
        switch request.resource.id.plural {
        case "roles", "clusterroles": try checkRole(request)
        case "rolebindings", "clusterrolebindings": try checkBinding(request)
        default: break
        }
    }

    /// Finalizers and owners alone may change, so that the garbage collector can finish with what it could not grant.
    private func onlyLetsGo(_ request: AdmissionRequest) -> Bool {
        guard let old = request.old else { return false }
        func rest(_ object: Value) -> Value {
            var object = object
            object.editMetadata { metadata in
                for key in ["finalizers", "ownerReferences", "managedFields", "resourceVersion"] {
                    metadata[key] = nil
                }
            }
            return object
        }
        return rest(request.object) == rest(old)
    }

    private func checkRole(_ request: AdmissionRequest) throws(APIError) {
        var escalate = AccessAttributes(user: request.user, verb: "escalate", isResourceRequest: true)
        escalate.group = Self.group
        escalate.version = request.resource.kind.version
        escalate.resource = request.resource.id.plural
        escalate.namespace = request.namespace
        escalate.name = request.name
        guard !authorizer.isAllowed(escalate) else { return }
        try requireAll(PolicyRule.rules(of: request.object), request)
        // What a selector gathers is not known yet: only those who may do everything may gather.
        let aggregates = [request.object, request.old ?? .null].contains { $0.present("aggregationRule") != nil }
        if aggregates, !missing([Self.everything, Self.everyPath], request).isEmpty {
            throw request.forbidden("must have cluster-admin privileges to use the aggregationRule")
        }
    }

    private static let everything = PolicyRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"])
    private static let everyPath = PolicyRule(verbs: ["*"], nonResourceURLs: ["*"])

    private func checkBinding(_ request: AdmissionRequest) throws(APIError) {
        let reference = request.object["roleRef"] ?? [:]
        let (kind, name) = (reference.text("kind"), reference.text("name"))
        var bind = AccessAttributes(user: request.user, verb: "bind", isResourceRequest: true)
        bind.group = reference.text("apiGroup")
        bind.version = "*"
        bind.resource = kind == "ClusterRole" ? "clusterroles" : "roles"
        bind.namespace = request.namespace
        bind.name = name
        guard !authorizer.isAllowed(bind) else { return }
        guard let rules = authorizer.rbac.rules(kind: kind, name: name, namespace: request.namespace) else {
            // Other kinds are validation's to refuse.
            guard ["Role", "ClusterRole"].contains(kind) else { return }
            throw .notFound(ResourceID(group: Self.group, plural: bind.resource), name)
        }
        try requireAll(rules, request)
    }

    private func missing(_ rules: [PolicyRule], _ request: AdmissionRequest) -> [PolicyRule] {
        RuleCoverage.missing(
            rules, in: authorizer.rbac.rules(for: request.user, namespace: request.namespace).rules)
    }

    private func requireAll(_ rules: [PolicyRule], _ request: AdmissionRequest) throws(APIError) {
        let owned = authorizer.rbac.rules(for: request.user, namespace: request.namespace)
        let missing = RuleCoverage.missing(rules, in: owned.rules)
        guard !missing.isEmpty else { return }
        let texts = Set(RuleCoverage.compact(missing).map(\.compactText))
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var why =
            "user \(quoted(request.user.name)) (groups=\(quotedList(request.user.groups))) is attempting to grant "
            + "RBAC permissions not currently held:\n" + texts.joined(separator: "\n")
        if !owned.errors.isEmpty { why += "; resolution errors: [\(owned.errors.joined(separator: ", "))]" }
        throw request.forbidden(why)
    }
}

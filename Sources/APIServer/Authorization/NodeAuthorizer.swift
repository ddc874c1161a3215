internal import APIMachinery
internal import Storage

/// Lets a node do what its agent needs, and read only what its own pods refer to.
struct NodeAuthorizer: Authorizer {
    private let relations: NodeRelations
    private let rules = DefaultRoles.nodeRules

    init(store: any Store, registry: ResourceRegistry) {
        relations = NodeRelations(store: store, registry: registry)
    }

    /// The node that a user is; `nil` for everybody else.
    static func node(of user: UserInfo) -> String? {
        guard user.groups.contains("system:nodes"), user.name.hasPrefix(Self.prefix) else { return nil }
        return String(user.name.dropFirst(Self.prefix.count))
    }

    private static let prefix = "system:node:"

    func decide(_ attributes: AccessAttributes) -> AccessDecision {
        guard let node = Self.node(of: attributes.user) else { return .noOpinion("") }
        guard !node.isEmpty else { return .noOpinion("unknown node for user \(quoted(attributes.user.name))") }
        if attributes.isResourceRequest, let decision = decideResource(attributes, node) { return decision }
        return rules.contains { $0.allows(attributes) } ? .allowed("") : .noOpinion("")
    }

    /// `nil` where all nodes have the same rights.
    private func decideResource(_ attributes: AccessAttributes, _ node: String) -> AccessDecision? {
        switch (attributes.group, attributes.resource) {
        case ("", "secrets"), ("", "configmaps"): return readNamespaced(attributes, node)
        case ("", "persistentvolumeclaims"):
            return attributes.subresource == "status"
                ? updateStatus(attributes, node) : getRelated(attributes, node)
        case ("", "persistentvolumes"), ("resource.k8s.io", "resourceclaims"), ("storage.k8s.io", "volumeattachments"):
            return getRelated(attributes, node)
        case ("", "serviceaccounts"):
            if attributes.verb == "get", attributes.subresource.isEmpty { return getRelated(attributes, node) }
            return createToken(attributes, node)
        case ("coordination.k8s.io", "leases"): return ownLease(attributes, node)
        case ("storage.k8s.io", "csinodes"): return ownCSINode(attributes, node)
        case ("resource.k8s.io", "resourceslices"): return ownSlices(attributes, node)
        case ("", "nodes"): return ownNode(attributes, node)
        case ("", "pods"): return pods(attributes, node)
        default: return nil
        }
    }

    private func related(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard !attributes.name.isEmpty else { return .noOpinion("No Object name found") }
        guard relations.reaches(attributes, from: node) else {
            return .noOpinion("no relationship found between node '\(node)' and this object")
        }
        return .allowed("")
    }

    private func readNamespaced(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard ["get", "list", "watch"].contains(attributes.verb) else {
            return .noOpinion("can only read resources of this type")
        }
        guard attributes.subresource.isEmpty else { return .noOpinion("cannot read subresource") }
        guard !attributes.namespace.isEmpty else {
            return .noOpinion("can only read namespaced object of this type")
        }
        return related(attributes, node)
    }

    private func getRelated(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard attributes.verb == "get" else {
            return .noOpinion("can only get individual resources of this type")
        }
        guard attributes.subresource.isEmpty else { return .noOpinion("cannot get subresource") }
        return related(attributes, node)
    }

    private func updateStatus(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard ["update", "patch"].contains(attributes.verb) else {
            return .noOpinion("can only get/update/patch this type")
        }
        return related(attributes, node)
    }

    private func createToken(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard attributes.verb == "create", !attributes.name.isEmpty else {
            return .noOpinion("can only create tokens for individual service accounts")
        }
        guard attributes.subresource == "token" else {
            return .noOpinion("can only create token subresource of service account")
        }
        return related(attributes, node)
    }

    private static let ownVerbs: Set<String> = ["get", "create", "update", "patch", "delete"]

    /// The name is not known yet when an object is created: admission compares it then.
    private func ownLease(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard Self.ownVerbs.contains(attributes.verb) else {
            return .noOpinion("can only get, create, update, patch, or delete a node lease")
        }
        guard attributes.namespace == "kube-node-lease" else {
            return .noOpinion("can only access leases in the \"kube-node-lease\" system namespace")
        }
        guard attributes.verb == "create" || attributes.name == node else {
            return .noOpinion("can only access node lease with the same name as the requesting node")
        }
        return .allowed("")
    }

    private func ownCSINode(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard Self.ownVerbs.contains(attributes.verb) else {
            return .noOpinion("can only get, create, update, patch, or delete a CSINode")
        }
        guard attributes.subresource.isEmpty else { return .noOpinion("cannot authorize CSINode subresources") }
        guard attributes.verb == "create" || attributes.name == node else {
            return .noOpinion("can only access CSINode with the same name as the requesting node")
        }
        return .allowed("")
    }

    private func ownSlices(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        guard attributes.subresource.isEmpty else {
            return .noOpinion("cannot authorize ResourceSlice subresources")
        }
        switch attributes.verb {
        case "create": return .allowed("")
        case "get", "update", "patch", "delete": return related(attributes, node)
        case "list", "watch", "deletecollection":
            guard selects(attributes, "spec.nodeName", node) else {
                return .noOpinion("can only list/watch/deletecollection resourceslices with nodeName field selector")
            }
            return .allowed("")
        default:
            return .noOpinion(
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, "
                    + "delete, deletecollection")
        }
    }

    private func ownNode(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        switch (attributes.subresource, attributes.verb) {
        case ("", "create"), ("", "update"), ("", "patch"), ("status", "update"), ("status", "patch"):
            return .allowed("")
        case ("", "get"), ("", "list"), ("", "watch"):
            guard attributes.name == node else {
                return .noOpinion("node '\(node)' cannot read '\(attributes.name)', only its own Node object")
            }
            return .allowed("")
        default: return .noOpinion("")
        }
    }

    private func pods(_ attributes: AccessAttributes, _ node: String) -> AccessDecision {
        switch (attributes.subresource, attributes.verb) {
        case ("", "get"): return related(attributes, node)
        case ("", "list"), ("", "watch"):
            guard selects(attributes, "spec.nodeName", node) || isRelatedPod(attributes, node) else {
                return .noOpinion("can only list/watch pods with spec.nodeName field selector")
            }
            return .allowed("")
        case ("", "create"), ("", "delete"), ("status", "update"), ("status", "patch"), ("eviction", "create"):
            return .allowed("")
        default: return .noOpinion("")
        }
    }

    private func isRelatedPod(_ attributes: AccessAttributes, _ node: String) -> Bool {
        !attributes.name.isEmpty && !attributes.namespace.isEmpty && relations.reaches(attributes, from: node)
    }

    private func selects(_ attributes: AccessAttributes, _ field: String, _ value: String) -> Bool {
        attributes.fieldSelector.requiredValue(of: field) == value
    }
}

/// What somebody wants to do.
struct AccessAttributes: Sendable {
    var user: UserInfo
    var verb: String
    var isResourceRequest: Bool
    var group = ""
    var version = ""
    var resource = ""
    var subresource = ""
    var namespace = ""
    var name = ""
    /// Of a non-resource request.
    var path = ""
}

/// Decides who may do what.
protocol Authorizer: Sendable {
    func isAllowed(_ attributes: AccessAttributes) -> Bool
    /// Why a request is let in, for access reviews; empty where there is nothing to say.
    func reason(_ attributes: AccessAttributes) -> String
}

/// Lets in the administrators' group and the cluster's own parts, and everybody to health, version and discovery.
///
/// Roles and bindings are a further authorizer that joins here.
struct ComponentAuthorizer: Authorizer {
    private static let components: Set<String> = [
        "system:kube-controller-manager", "system:kube-scheduler", "system:apiserver",
    ]
    private static let publicPaths = ["/healthz", "/livez", "/readyz", "/version"]
    private static let discoveryPaths = ["/api", "/apis", "/openapi"]

    func isAllowed(_ attributes: AccessAttributes) -> Bool {
        let user = attributes.user
        if user.groups.contains("system:masters") || Self.components.contains(user.name) { return true }
        if user.groups.contains("system:nodes"), user.name.hasPrefix("system:node:") { return true }
        guard !attributes.isResourceRequest else { return isSelfReview(attributes) }
        guard attributes.verb == "get" else { return false }
        if matches(attributes.path, Self.publicPaths) { return true }
        return user.groups.contains("system:authenticated") && matches(attributes.path, Self.discoveryPaths)
    }

    func reason(_ attributes: AccessAttributes) -> String { "" }

    /// Everybody who is known may ask who they are and what they may do (upstream's `system:basic-user`).
    private func isSelfReview(_ attributes: AccessAttributes) -> Bool {
        attributes.verb == "create" && attributes.user.groups.contains("system:authenticated")
            && ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"]
                .contains(attributes.resource)
    }

    private func matches(_ path: String, _ roots: [String]) -> Bool {
        roots.contains { path == $0 || path.hasPrefix($0 + "/") }
    }
}

extension APIError {
    /// Upstream's words for a refusal.
    static func forbidden(_ attributes: AccessAttributes) -> APIError {
        let who = "User \(quoted(attributes.user.name)) cannot \(attributes.verb) "
        guard attributes.isResourceRequest else {
            let why = "\(who)path \(quoted(attributes.path))"
            return APIError(
                code: 403, reason: "Forbidden", message: "forbidden: " + why, details: Details())
        }
        let full =
            attributes.subresource.isEmpty
            ? attributes.resource : attributes.resource + "/" + attributes.subresource
        let scope =
            attributes.namespace.isEmpty ? "at the cluster scope" : "in the namespace \(quoted(attributes.namespace))"
        return .forbidden(
            ResourceID(group: attributes.group, plural: attributes.resource), attributes.name,
            "\(who)resource \(quoted(full)) in API group \(quoted(attributes.group)) \(scope)")
    }
}

internal import APIMachinery
internal import Storage

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
    /// What a list, watch or deletecollection narrows itself to.
    var fieldSelector = FieldRequirements.everything
}

/// An authorizer's answer. One that does not know leaves the question to the next.
struct AccessDecision: Sendable, Equatable {
    enum Outcome: Sendable, Equatable { case allow, deny, noOpinion }

    var outcome: Outcome
    /// Empty where there is nothing to say.
    var reason: String

    var isAllowed: Bool { outcome == .allow }

    static func allowed(_ reason: String) -> AccessDecision { AccessDecision(outcome: .allow, reason: reason) }
    static func noOpinion(_ reason: String) -> AccessDecision { AccessDecision(outcome: .noOpinion, reason: reason) }
}

/// Decides who may do what.
protocol Authorizer: Sendable {
    func decide(_ attributes: AccessAttributes) -> AccessDecision
}

/// The server's authorizers in their order: administrators, nodes, roles. The first that lets in or refuses decides.
struct AuthorizerChain: Authorizer {
    let rbac: RBACAuthorizer
    private let node: NodeAuthorizer

    init(store: any Store, registry: ResourceRegistry) {
        rbac = RBACAuthorizer(store: store, registry: registry)
        node = NodeAuthorizer(store: store, registry: registry)
    }

    func decide(_ attributes: AccessAttributes) -> AccessDecision {
        // This group's rights are not in the store, so that nobody can lock the administrator out.
        if attributes.user.isPrivileged { return .allowed("") }
        let first = node.decide(attributes)
        if first.outcome != .noOpinion { return first }
        let second = rbac.decide(attributes)
        if second.outcome != .noOpinion || first.reason.isEmpty { return second }
        return .noOpinion([first.reason, second.reason].filter { !$0.isEmpty }.joined(separator: "\n"))
    }
}

extension Authorizer {
    func isAllowed(_ attributes: AccessAttributes) -> Bool { decide(attributes).isAllowed }

    /// - Throws: upstream's 403, with the authorizers' reasons.
    func require(_ attributes: AccessAttributes) throws(APIError) {
        let decision = decide(attributes)
        guard decision.isAllowed else { throw .forbidden(attributes, decision.reason) }
    }
}

extension UserInfo {
    /// Of the group that may do everything.
    var isPrivileged: Bool { groups.contains("system:masters") }
}

extension APIError {
    /// Upstream's words for a refusal.
    static func forbidden(_ attributes: AccessAttributes, _ reason: String = "") -> APIError {
        let who = "User \(quoted(attributes.user.name)) cannot \(attributes.verb) "
        let why = reason.isEmpty ? "" : ": " + reason
        guard attributes.isResourceRequest else {
            return APIError(
                code: 403, reason: "Forbidden", message: "forbidden: \(who)path \(quoted(attributes.path))\(why)",
                details: Details())
        }
        let full =
            attributes.subresource.isEmpty
            ? attributes.resource : attributes.resource + "/" + attributes.subresource
        let scope =
            attributes.namespace.isEmpty ? "at the cluster scope" : "in the namespace \(quoted(attributes.namespace))"
        return .forbidden(
            ResourceID(group: attributes.group, plural: attributes.resource), attributes.name,
            "\(who)resource \(quoted(full)) in API group \(quoted(attributes.group)) \(scope)\(why)")
    }
}

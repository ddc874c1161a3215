internal import APIMachinery
internal import Storage
internal import Synchronization

/// Decides by Roles, ClusterRoles and their bindings, as they are in the store at this moment.
final class RBACAuthorizer: Authorizer {
    private static let compiledMax = 4096

    private let store: any Store
    private let bindings: RoleBindingIndex
    private let rolePrefix: String
    private let clusterRolePrefix: String
    /// Rules by the role's key, each with the revision it was read at.
    private let compiled = Mutex<[String: (revision: Int64, rules: [PolicyRule])]>([:])

    init(store: any Store, registry: ResourceRegistry) {
        func prefix(_ plural: String) -> String {
            registry.resource("rbac.authorization.k8s.io", plural)?.keyPrefix ?? "/registry/\(plural)/"
        }
        self.store = store
        rolePrefix = prefix("roles")
        clusterRolePrefix = prefix("clusterroles")
        bindings = RoleBindingIndex(store: store, prefixes: [prefix("clusterrolebindings"), prefix("rolebindings")])
    }

    func decide(_ attributes: AccessAttributes) -> AccessDecision {
        var errors: [String] = []
        for match in bindings.matches(attributes.user, namespace: attributes.namespace) {
            guard let rules = rules(match.grant) else {
                let kind = match.grant.roleKind.lowercased()
                let error = "\(kind).rbac.authorization.k8s.io \(quoted(match.grant.roleName)) not found"
                if !errors.contains(error) { errors.append(error) }
                continue
            }
            if rules.contains(where: { $0.allows(attributes) }) {
                return .allowed("RBAC: allowed by " + match.grant.reason(match.subject))
            }
        }
        switch errors.count {
        case 0: return .noOpinion("")
        case 1: return .noOpinion("RBAC: " + errors[0])
        default: return .noOpinion("RBAC: [" + errors.joined(separator: ", ") + "]")
        }
    }

    /// All that `user` may do in `namespace`, the cluster's rules included; and why it may be incomplete.
    func rules(for user: UserInfo, namespace: String) -> (rules: [PolicyRule], errors: [String]) {
        var all: [PolicyRule] = []
        var errors: [String] = []
        for match in bindings.matches(user, namespace: namespace) {
            if let rules = rules(match.grant) {
                all += rules
            } else {
                let kind = match.grant.roleKind.lowercased()
                errors.append("\(kind).rbac.authorization.k8s.io \(quoted(match.grant.roleName)) not found")
            }
        }
        return (all, errors)
    }

    /// The rules of a Role or ClusterRole; `nil` where there is none.
    func rules(kind: String, name: String, namespace: String) -> [PolicyRule]? {
        let key = kind == "ClusterRole" ? clusterRolePrefix + name : rolePrefix + namespace + "/" + name
        guard let object = store.get(key) else { return nil }
        if let known = compiled.withLock({ $0[key] }), known.revision == object.revision { return known.rules }
        guard let role = try? Value(json: object.value) else { return nil }
        let rules = PolicyRule.rules(of: role)
        compiled.withLock { compiled in
            // Roles that are gone leave their rules behind until then.
            if compiled.count >= Self.compiledMax { compiled.removeAll() }
            compiled[key] = (object.revision, rules)
        }
        return rules
    }

    private func rules(_ grant: RoleGrant) -> [PolicyRule]? {
        rules(kind: grant.roleKind, name: grant.roleName, namespace: grant.namespace)
    }
}

internal import APIMachinery

/// An object that has to be there from the start, and what to do about one that is there already.
struct BootstrapObject: Sendable {
    /// Where it is created.
    let path: String
    let object: Value
    /// The stored object with what it lacks; `nil` where nothing is missing.
    var reconcile: @Sendable (_ stored: Value, _ wanted: Value) -> Value? = { _, _ in nil }
}

/// Default roles and bindings as objects.
enum PolicyObjects {
    private static let group = "rbac.authorization.k8s.io"
    private static let apiVersion = "rbac.authorization.k8s.io/v1"
    private static let base = "/apis/rbac.authorization.k8s.io/v1"
    private static let autoUpdate = "rbac.authorization.kubernetes.io/autoupdate"

    static var all: [BootstrapObject] {
        let roles = DefaultRoles.clusterRoles
        return roles.map { clusterRole($0, among: roles) }
            + DefaultBindings.cluster.map { binding in
                BootstrapObject(
                    path: base + "/clusterrolebindings", object: make(binding, namespace: ""),
                    reconcile: reconcileBinding)
            }
            + DefaultBindings.roles.map { namespace, role in
                BootstrapObject(
                    path: "\(base)/namespaces/\(namespace)/roles",
                    object: [
                        "apiVersion": .string(apiVersion), "kind": "Role", "metadata": metadata(role.name, namespace),
                        "rules": .array(role.rules.map(\.value)),
                    ], reconcile: reconcileRole)
            }
            + DefaultBindings.namespaced.map { namespace, binding in
                BootstrapObject(
                    path: "\(base)/namespaces/\(namespace)/rolebindings", object: make(binding, namespace: namespace),
                    reconcile: reconcileBinding)
            }
    }

    private static func metadata(_ name: String, _ namespace: String = "", labels: [(String, Value)] = []) -> Value {
        var metadata: Value = [
            "name": .string(name),
            "labels": .record([("kubernetes.io/bootstrapping", .string("rbac-defaults"))] + labels),
            "annotations": .record([(autoUpdate, .string("true"))]),
        ]
        if !namespace.isEmpty { metadata["namespace"] = .string(namespace) }
        return metadata
    }

    // MARK: Roles

    private static func label(_ target: String) -> String { "rbac.authorization.k8s.io/aggregate-to-" + target }

    private static func clusterRole(_ role: DefaultRole, among all: [DefaultRole]) -> BootstrapObject {
        var object: Value = [
            "apiVersion": .string(apiVersion), "kind": "ClusterRole",
            "metadata": metadata(role.name, labels: role.aggregatesTo.map { [(label($0), .string("true"))] } ?? []),
            "rules": .array(rules(of: role, among: all).map(\.value)),
        ]
        if let target = role.aggregates {
            object["aggregationRule"] = [
                "clusterRoleSelectors": [["matchLabels": .record([(label(target), .string("true"))])]]
            ]
        }
        return BootstrapObject(path: base + "/clusterroles", object: object, reconcile: reconcileRole)
    }

    /// An aggregated role begins with what the controller would gather, so that it is right at once.
    private static func rules(of role: DefaultRole, among all: [DefaultRole]) -> [PolicyRule] {
        guard let target = role.aggregates else { return role.rules }
        var rules: [PolicyRule] = []
        for part in all.sorted(by: { $0.name < $1.name }) where part.aggregatesTo == target {
            for rule in self.rules(of: part, among: all) where !rules.contains(rule) { rules.append(rule) }
        }
        return rules
    }

    /// Adds rules and metadata that are missing; what an administrator added stays.
    private static let reconcileRole: @Sendable (Value, Value) -> Value? = { stored, wanted in
        guard var fresh = mergedMetadata(stored, wanted) else { return nil }
        if fresh["aggregationRule"] == nil, wanted["aggregationRule"] == nil {
            let missing = RuleCoverage.missing(PolicyRule.rules(of: wanted), in: PolicyRule.rules(of: stored))
            for rule in missing { fresh.append(rule.value, to: "rules") }
        } else if fresh.present("aggregationRule") == nil {
            fresh["aggregationRule"] = wanted["aggregationRule"]
        }
        return fresh == stored ? nil : fresh
    }

    // MARK: Bindings

    private static func make(_ binding: DefaultBinding, namespace: String) -> Value {
        var object: Value = [
            "apiVersion": .string(apiVersion), "kind": namespace.isEmpty ? "ClusterRoleBinding" : "RoleBinding",
            "metadata": metadata(binding.name, namespace),
        ]
        if !binding.subjects.isEmpty { object["subjects"] = .array(binding.subjects.map(subject)) }
        object["roleRef"] = [
            "apiGroup": .string(group), "kind": .string(binding.roleKind), "name": .string(binding.roleName),
        ]
        return object
    }

    private static func subject(_ subject: DefaultBinding.Subject) -> Value {
        switch subject {
        case .user(let name): ["kind": "User", "apiGroup": .string(group), "name": .string(name)]
        case .group(let name): ["kind": "Group", "apiGroup": .string(group), "name": .string(name)]
        case .account(let name): ["kind": "ServiceAccount", "name": .string(name), "namespace": "kube-system"]
        }
    }

    private static let reconcileBinding: @Sendable (Value, Value) -> Value? = { stored, wanted in
        guard var fresh = mergedMetadata(stored, wanted) else { return nil }
        let known = stored.list("subjects")
        for subject in wanted.list("subjects") where !known.contains(subject) {
            fresh.append(subject, to: "subjects")
        }
        return fresh == stored ? nil : fresh
    }

    /// `nil` if the administrator wants to keep the object as it is.
    private static func mergedMetadata(_ stored: Value, _ wanted: Value) -> Value? {
        guard stored.metadata["annotations"]?[autoUpdate]?.string != "false" else { return nil }
        var fresh = stored
        fresh.editMetadata { metadata in
            for key in ["labels", "annotations"] {
                for entry in wanted.metadata.entries(key) where metadata[key]?[entry.key] == nil {
                    metadata.editObject(key) { $0[entry.key] = entry.value }
                }
            }
        }
        return fresh
    }
}

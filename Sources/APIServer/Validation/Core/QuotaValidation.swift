internal import APIMachinery

/// Resource quotas.
enum QuotaValidation {
    private static let resources: Set<String> = [
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
        "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods",
        "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps",
        "services.nodeports", "services.loadbalancers",
    ]
    private static let podResources: Set<String> = [
        "pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory",
    ]
    private static let claimResources: Set<String> = ["persistentvolumeclaims", "requests.storage"]

    /// What each scope can be applied to.
    private static let scopes: [String: Set<String>] = [
        "Terminating": podResources, "NotTerminating": podResources, "NotBestEffort": podResources,
        "PriorityClass": podResources, "CrossNamespacePodAffinity": podResources, "BestEffort": ["pods"],
        "VolumeAttributesClass": claimResources,
    ]
    private static let conflicts = [["BestEffort", "NotBestEffort"], ["NotTerminating", "Terminating"]]
    /// Scopes that pods are in or not, whatever the value.
    private static let plainScopes: Set<String> = [
        "BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity",
    ]

    static func spec(_ spec: Value) -> [FieldError] {
        let path = FieldPath.root("spec")
        var errors = FieldErrors()
        amounts(spec, "hard", path, &errors)
        scopes(spec, path["scopes"], &errors)
        if let selector = spec.present("scopeSelector") {
            self.selector(selector, spec, path["scopeSelector"]["matchExpressions"], &errors)
        }
        return errors.list
    }

    static func status(_ status: Value) -> [FieldError] {
        var errors = FieldErrors()
        for section in ["hard", "used"] { amounts(status, section, .root("status"), &errors) }
        return errors.list
    }

    private static func amounts(_ parent: Value, _ section: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (name, value) in parent.entries(section) {
            let own = path[section].key(name)
            ResourceNameRule.check(name, own, &errors)
            if !name.contains("/"), !isQuotaResource(name) {
                errors.invalid(own, name, "must be a standard resource for quota")
            }
            ResourceNameRule.amount(name, value, own, &errors)
        }
    }

    private static func isQuotaResource(_ name: String) -> Bool {
        resources.contains(name) || name.hasPrefix("hugepages-") || name.hasPrefix("requests.hugepages-")
    }

    /// How many of the limited resources a scope cannot be applied to.
    private static func misfits(_ scope: String, _ spec: Value) -> Int {
        guard let fitting = scopes[scope] else { return 0 }
        return spec.entries("hard").count { isQuotaResource($0.key) && !fitting.contains($0.key) }
    }

    private static func scopes(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let list = spec.list("scopes")
        let names = list.compactMap(\.string)
        for name in names {
            if scopes[name] == nil { errors.invalid(path, .array(list), "unsupported scope") }
            for _ in 0..<misfits(name, spec) {
                errors.invalid(path, .array(list), "unsupported scope applied to resource")
            }
        }
        for pair in conflicts where pair.allSatisfy(names.contains) {
            errors.invalid(path, .array(list), "conflicting scopes")
        }
    }

    private static func selector(
        _ selector: Value, _ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let expressions = selector.list("matchExpressions")
        for expression in expressions {
            let (scope, condition) = (expression.text("scopeName"), expression.text("operator"))
            let values = expression.list("values")
            if scopes[scope] == nil { errors.invalid(path["scopeName"], scope, "unsupported scope") }
            for _ in 0..<misfits(scope, spec) {
                errors.invalid(
                    path, GoShape.value(selector, "ScopeSelector"), "unsupported scope applied to resource")
            }
            if plainScopes.contains(scope), condition != "Exists" {
                errors.invalid(
                    path["operator"], condition,
                    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
                        + "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                        + "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity")
            }
            switch condition {
            case "In", "NotIn":
                if values.isEmpty {
                    errors.required(
                        path["values"],
                        "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")
                }
            case "Exists", "DoesNotExist":
                if !values.isEmpty {
                    errors.invalid(
                        path["values"], .array(values),
                        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")
                }
            default: errors.invalid(path["operator"], condition, "not a valid selector operator")
            }
        }
        let names = expressions.map { $0.text("scopeName") }
        for pair in conflicts where pair.allSatisfy(names.contains) {
            let list = spec.list("scopes")
            errors.invalid(path, list.isEmpty ? .null : .array(list), "conflicting scopes")
        }
    }
}

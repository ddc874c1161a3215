internal import APIMachinery

/// Roles and their bindings.
enum AccessValidation {
    static let group = "rbac.authorization.k8s.io"

    static func role(_ object: Value, isNamespaced: Bool) -> [FieldError] {
        var errors = FieldErrors()
        for (index, rule) in object.list("rules").enumerated() {
            self.rule(rule, FieldPath.root("rules")[index], isNamespaced: isNamespaced, &errors)
        }
        guard !isNamespaced, let aggregation = object.present("aggregationRule") else { return errors.list }
        let path = FieldPath.root("aggregationRule")["clusterRoleSelectors"]
        let selectors = aggregation.list("clusterRoleSelectors")
        if selectors.isEmpty {
            errors.required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
        }
        for (index, selector) in selectors.enumerated() {
            let found = errors.count
            errors.selector(path[index], selector)
            if errors.count > found { errors.invalid(path[index], nil as Value?, "invalid label selector.") }
        }
        return errors.list
    }

    static func rule(_ rule: Value, _ path: FieldPath, isNamespaced: Bool, _ errors: inout FieldErrors) {
        if rule.list("verbs").isEmpty {
            errors.required(path["verbs"], "verbs must contain at least one value")
        }
        let urls = rule.list("nonResourceURLs")
        let isEmpty = ["apiGroups", "resources", "resourceNames"].map { rule.list($0).isEmpty }
        guard urls.isEmpty else {
            if isNamespaced {
                errors.invalid(
                    path["nonResourceURLs"], .array(urls), "namespaced rules cannot apply to non-resource URLs")
            }
            if isEmpty.contains(false) {
                errors.invalid(
                    path["nonResourceURLs"], .array(urls),
                    "rules cannot apply to both regular resources and non-resource URLs")
            }
            return
        }
        if isEmpty[0] { errors.required(path["apiGroups"], "resource rules must supply at least one api group") }
        if isEmpty[1] { errors.required(path["resources"], "resource rules must supply at least one resource") }
    }

    static func binding(_ object: Value, isNamespaced: Bool) -> [FieldError] {
        var errors = FieldErrors()
        let (reference, path) = (object["roleRef"] ?? [:], FieldPath.root("roleRef"))
        errors.oneOf([group], path["apiGroup"], reference.text("apiGroup"))
        errors.oneOf(isNamespaced ? ["Role", "ClusterRole"] : ["ClusterRole"], path["kind"], reference.text("kind"))
        let name = reference.text("name")
        if name.isEmpty { errors.required(path["name"]) } else { errors.pathSegment(path["name"], name) }
        for (index, subject) in object.list("subjects").enumerated() {
            self.subject(subject, FieldPath.root("subjects")[index], isNamespaced: isNamespaced, &errors)
        }
        return errors.list
    }

    private static func subject(
        _ subject: Value, _ path: FieldPath, isNamespaced: Bool, _ errors: inout FieldErrors
    ) {
        let name = subject.text("name")
        if name.isEmpty { errors.required(path["name"]) }
        switch subject.text("kind") {
        case "ServiceAccount":
            if !name.isEmpty { errors.subdomain(path["name"], name) }
            errors.oneOf([""], path["apiGroup"], subject.text("apiGroup"))
            if !isNamespaced, subject.text("namespace").isEmpty { errors.required(path["namespace"]) }
        case "User", "Group": errors.oneOf([group], path["apiGroup"], subject.text("apiGroup"))
        case let kind: errors.notSupported(path["kind"], kind, ["ServiceAccount", "User", "Group"])
        }
    }

    static func bindingUpdate(_ object: Value, from old: Value) -> [FieldError] {
        guard object["roleRef"] != old["roleRef"] else { return [] }
        return [.invalid("roleRef", GoShape.value(object["roleRef"] ?? [:], "RoleRef"), "cannot change roleRef")]
    }
}

internal import APIMachinery

/// What webhooks and admission policies share: the rules that say which requests they see.
enum AdmissionRules {
    private static let supported = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]

    private static func hasWildcard(_ list: [Value]) -> Bool { list.contains("*") }

    static func operations(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let given = rule.list("operations")
        if given.isEmpty { errors.required(path["operations"]) }
        if given.count > 1, hasWildcard(given) {
            errors.invalid(
                path["operations"], .array(given), "if '*' is present, must not specify other operations")
        }
        for (index, operation) in given.enumerated() {
            errors.oneOf(supported, path["operations"][index], operation.string ?? "")
        }
        groupsAndVersions(rule, path, &errors)
        resources(rule.list("resources"), path["resources"], &errors)
        if let scope = rule.present("scope")?.string {
            errors.oneOf(["*", "Cluster", "Namespaced"], path["scope"], scope)
        }
    }

    private static func groupsAndVersions(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (name, what) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
            let list = rule.list(name)
            if list.isEmpty { errors.required(path[name]) }
            if list.count > 1, hasWildcard(list) {
                errors.invalid(path[name], .array(list), "if '*' is present, must not specify other \(what)")
            }
            guard name == "apiVersions" else { continue }
            for (index, version) in list.enumerated() where version == "" { errors.required(path[name][index]) }
        }
    }

    /// `pods`, `pods/log`, `*/scale`, `pods/*`, `*`, `*/*`: none may say again what another says.
    private static func resources(_ list: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        if list.isEmpty { errors.required(path) }
        var (wholeSubresources, wholeResources) = (Set<Substring>(), Set<Substring>())
        var hasPlain = false
        for (index, value) in list.enumerated() {
            let text = value.string ?? ""
            guard !text.isEmpty else {
                errors.required(path[index])
                continue
            }
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                hasPlain = text != "*"
                continue
            }
            if wholeSubresources.contains(parts[0]) {
                errors.invalid(path[index], text, "if '\(parts[0])/*' is present, must not specify \(text)")
            }
            if wholeResources.contains(parts[1]) {
                errors.invalid(path[index], text, "if '*/\(parts[1])' is present, must not specify \(text)")
            }
            if parts[1] == "*" { wholeSubresources.insert(parts[0]) }
            if parts[0] == "*" { wholeResources.insert(parts[1]) }
        }
        if list.count > 1, list.contains("*/*") {
            errors.invalid(path, .array(list), "if '*/*' is present, must not specify other resources")
        }
        if hasWildcard(list), hasPlain {
            errors.invalid(
                path, .array(list), "if '*' is present, must not specify other resources without subresources")
        }
    }

    private static let matchConditionsMax = 64

    static func matchConditions(_ conditions: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        if conditions.count > matchConditionsMax { errors.tooMany(path, conditions.count, max: matchConditionsMax) }
        var seen = Set<String>()
        for (index, condition) in conditions.enumerated() {
            let own = path[index]
            if isBlank(condition.text("expression")) { errors.required(own["expression"]) }
            let name = condition.text("name")
            guard !name.isEmpty else {
                errors.required(own["name"])
                continue
            }
            errors.qualifiedName(own["name"], name)
            if !seen.insert(name).inserted { errors.duplicate(own["name"], name) }
        }
    }

    static func isBlank(_ text: String) -> Bool { text.allSatisfy(\.isWhitespace) }

    /// `matchConstraints` of a policy, `matchResources` of a binding.
    static func match(_ match: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        errors.requiredOneOf(["Equivalent", "Exact"], path["matchPolicy"], match.text("matchPolicy"))
        for name in ["namespaceSelector", "objectSelector"] {
            if let selector = match.present(name) {
                errors.selector(path[name], selector)
            } else {
                errors.required(path[name])
            }
        }
        for list in ["resourceRules", "excludeResourceRules"] {
            for (index, rule) in match.list(list).enumerated() { named(rule, path[list][index], &errors) }
        }
    }

    private static func named(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        var seen = Set<String>()
        for (index, value) in rule.list("resourceNames").enumerated() {
            let (name, own) = (value.string ?? "", path["resourceNames"][index])
            errors.pathSegment(own, name)
            if !seen.insert(name).inserted { errors.duplicate(own, name) }
        }
        operations(rule, path, &errors)
    }
}

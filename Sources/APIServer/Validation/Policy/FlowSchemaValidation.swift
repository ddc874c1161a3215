internal import APIMachinery

/// FlowSchemas: which requests share a priority.
enum FlowSchemaValidation {
    private static let precedenceMax: Int64 = 10_000
    private static let verbs: Set<String> = [
        "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch",
    ]
    private static let spec = FieldPath.root("spec")

    static func validate(_ object: Value) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        precedence(value["matchingPrecedence"]?.int ?? 0, object.name, spec["matchingPrecedence"], &errors)
        if let method = value.present("distinguisherMethod"), !["ByNamespace", "ByUser"].contains(method.text("type")) {
            errors.notSupported(
                spec["distinguisherMethod"]["type"], value: GoShape.value(method, "DistinguisherMethod"),
                ["ByNamespace", "ByUser"])
        }
        let level = value[path: "priorityLevelConfiguration", "name"]?.string ?? ""
        let path = spec["priorityLevelConfiguration"]["name"]
        if level.isEmpty {
            errors.required(path, "must reference a priority level")
        } else {
            errors.subdomain(path, level)
        }
        for (index, rule) in value.list("rules").enumerated() { self.rule(rule, spec["rules"][index], &errors) }
        if let fixed = MandatoryFlowControl.schemas[object.name], fixed != value {
            errors.invalid(
                spec, GoShape.value(value, "FlowSchemaSpec"), "spec of '\(object.name)' must equal the fixed value")
        }
        errors.append(status(object))
        return errors.list
    }

    private static func precedence(_ value: Int64, _ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if value <= 0 { errors.invalid(path, value, "must be a positive value") }
        if value > precedenceMax { errors.invalid(path, value, "must not be greater than \(precedenceMax)") }
        if value == 1, name != "exempt" {
            errors.invalid(path, value, "only the schema named 'exempt' may have matchingPrecedence 1")
        }
    }

    static func status(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        var seen = Set<String>()
        for (index, condition) in (object["status"] ?? [:]).list("conditions").enumerated() {
            let path = FieldPath.root("status")["conditions"][index]["type"]
            let type = condition.text("type")
            if !seen.insert(type).inserted { errors.duplicate(path, type) }
            if type.isEmpty { errors.required(path, "must not be empty") }
        }
        return errors.list
    }

    private static func rule(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let subjects = rule.list("subjects")
        if subjects.isEmpty { errors.required(path["subjects"], "subjects must contain at least one value") }
        for (index, subject) in subjects.enumerated() { self.subject(subject, path["subjects"][index], &errors) }
        let (resources, others) = (rule.list("resourceRules"), rule.list("nonResourceRules"))
        if resources.isEmpty, others.isEmpty {
            errors.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
        }
        for (index, rule) in resources.enumerated() { resource(rule, path["resourceRules"][index], &errors) }
        for (index, rule) in others.enumerated() { nonResource(rule, path["nonResourceRules"][index], &errors) }
    }

    private static let subjectKinds = [("serviceAccount", "ServiceAccount"), ("user", "User"), ("group", "Group")]

    private static func subject(_ subject: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let kind = subject.text("kind")
        guard let (own, _) = subjectKinds.first(where: { $0.1 == kind }) else {
            return errors.notSupported(path["kind"], kind, ["Group", "ServiceAccount", "User"])
        }
        if let value = subject.present(own) {
            named(value, own, path[own], &errors)
        } else {
            errors.required(path[own], "\(own) is required when subject kind is '\(kind)'")
        }
        for (name, other) in subjectKinds where name != own && subject.present(name) != nil {
            errors.forbidden(path[name], "\(name) is forbidden when subject kind is not '\(other)'")
        }
    }

    private static func named(_ value: Value, _ kind: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        let name = value.text("name")
        if name.isEmpty { errors.required(path["name"]) }
        guard kind == "serviceAccount" else { return }
        if !name.isEmpty, name != "*" { errors.subdomain(path["name"], name) }
        let namespace = value.text("namespace")
        if namespace.isEmpty {
            errors.required(path["namespace"], "must specify namespace for service account")
        } else {
            errors.violations(path["namespace"], namespace, NameValidation.dns1123Label(namespace))
        }
    }

    /// A list in which `*` stands alone. Whether its other elements are to be looked at.
    @discardableResult
    private static func wildcards(
        _ rule: Value, _ name: String, _ what: String, _ path: FieldPath, ifEmpty: String?, _ errors: inout FieldErrors
    ) -> Bool {
        let list = rule.list(name)
        if list.isEmpty {
            if let ifEmpty { errors.required(path[name], ifEmpty) }
            return false
        }
        guard list.contains("*") else { return true }
        if list.count > 1 {
            errors.invalid(path[name], .array(list), "if '*' is present, must not specify other \(what)")
        }
        return false
    }

    private static func verbs(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let others = wildcards(
            rule, "verbs", "verbs", path, ifEmpty: "verbs must contain at least one value", &errors)
        guard others, !rule.list("verbs").allSatisfy({ verbs.contains($0.string ?? "") }) else { return }
        errors.notSupported(path["verbs"], value: .array(rule.list("verbs")), verbs.sorted())
    }

    private static func resource(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        verbs(rule, path, &errors)
        wildcards(
            rule, "apiGroups", "api groups", path, ifEmpty: "resource rules must supply at least one api group",
            &errors)
        wildcards(
            rule, "resources", "resources", path, ifEmpty: "resource rules must supply at least one resource", &errors)
        let others = wildcards(
            rule, "namespaces", "namespaces", path,
            ifEmpty: rule["clusterScope"]?.bool == true
                ? nil : "resource rules that are not cluster scoped must supply at least one namespace", &errors)
        guard others else { return }
        for (index, value) in rule.list("namespaces").enumerated() {
            let text = value.string ?? ""
            for violation in NameValidation.dns1123Label(text) {
                errors.invalid(
                    path["namespaces"][index], text,
                    "each member of this list must be '*' or a DNS-1123 label; " + violation)
            }
        }
    }

    private static func nonResource(_ rule: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        verbs(rule, path, &errors)
        let others = wildcards(
            rule, "nonResourceURLs", "non-resource URLs", path,
            ifEmpty: "nonResourceURLs must contain at least one value", &errors)
        guard others else { return }
        for (index, value) in rule.list("nonResourceURLs").enumerated() {
            if let problem = urlProblem(value.string ?? "") {
                errors.invalid(path["nonResourceURLs"][index], value.string ?? "", problem)
            }
        }
    }

    private static func urlProblem(_ url: String) -> String? {
        if url.isEmpty { return "must not be empty" }
        if url == "/" { return nil }
        if !url.hasPrefix("/") { return "must start with slash" }
        if url.contains(" ") { return "must not contain white-space" }
        if url.contains("//") { return "must not contain double slash" }
        let stars = url.utf8.filter { $0 == UInt8(ascii: "*") }.count
        return stars > 1 || (stars == 1 && !url.hasSuffix("/*")) ? "wildcard can only do suffix matching" : nil
    }
}

/// What every cluster has and nobody may change.
enum MandatoryFlowControl {
    private static let everything: Value = [
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"],
    ]
    private static let everyURL: Value = ["verbs": ["*"], "nonResourceURLs": ["*"]]

    private static func group(_ name: String) -> Value { ["kind": "Group", "group": ["name": .string(name)]] }

    static let schemas: [String: Value] = [
        "exempt": [
            "priorityLevelConfiguration": ["name": "exempt"], "matchingPrecedence": 1,
            "rules": [
                [
                    "subjects": [group("system:masters")], "resourceRules": [everything],
                    "nonResourceRules": [everyURL],
                ]
            ],
        ],
        "catch-all": [
            "priorityLevelConfiguration": ["name": "catch-all"], "matchingPrecedence": 10_000,
            "distinguisherMethod": ["type": "ByUser"],
            "rules": [
                [
                    "subjects": [group("system:unauthenticated"), group("system:authenticated")],
                    "resourceRules": [everything], "nonResourceRules": [everyURL],
                ]
            ],
        ],
    ]

    static let catchAllLevel: Value = [
        "type": "Limited",
        "limited": ["nominalConcurrencyShares": 5, "limitResponse": ["type": "Reject"], "lendablePercent": 0],
    ]
}

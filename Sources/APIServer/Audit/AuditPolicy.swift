internal import APIMachinery

/// Why a policy file cannot be used.
package struct AuditPolicyError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// How much of a request is written down.
enum AuditLevel: String, Comparable, Sendable {
    case none = "None"
    case metadata = "Metadata"
    case request = "Request"
    case requestResponse = "RequestResponse"

    private var rank: Int {
        switch self {
        case .none: 0
        case .metadata: 1
        case .request: 2
        case .requestResponse: 3
        }
    }

    static func < (left: AuditLevel, right: AuditLevel) -> Bool { left.rank < right.rank }
}

/// When in a request's life an event is written.
enum AuditStage: String, CaseIterable, Sendable {
    case requestReceived = "RequestReceived"
    case responseStarted = "ResponseStarted"
    case responseComplete = "ResponseComplete"
    case panic = "Panic"
}

/// What is audited: `audit.k8s.io/v1` `Policy`. The first rule that matches a request decides.
package struct AuditPolicy: Sendable {
    struct Rule: Sendable {
        struct Resources: Sendable {
            var group: String
            var resources: [String]
            var names: [String]
        }

        var level: AuditLevel
        var users: [String]
        var groups: [String]
        var verbs: [String]
        var resources: [Resources]
        var namespaces: [String]
        var paths: [String]
        var omitted: Set<AuditStage>
        var omitsManagedFields: Bool
    }

    /// What a rule says of one request.
    struct Verdict: Sendable {
        var level: AuditLevel
        var omitted: Set<AuditStage>
        var omitsManagedFields: Bool
    }

    let rules: [Rule]

    /// Reads a policy file.
    package init(yaml: [UInt8]) throws(AuditPolicyError) {
        let policy: Value
        do {
            policy = try Value(yaml: yaml)
        } catch {
            throw AuditPolicyError(description: "\(error)")
        }
        guard policy.text("kind") == "Policy", policy.text("apiVersion") == "audit.k8s.io/v1" else {
            throw AuditPolicyError(description: "expected kind Policy of audit.k8s.io/v1")
        }
        let omitted = try Self.stages(policy)
        let omitsManagedFields = policy["omitManagedFields"]?.bool ?? false
        var rules: [Rule] = []
        for (index, rule) in policy.list("rules").enumerated() {
            rules.append(try Self.rule(rule, "rules[\(index)]", omitted, omitsManagedFields))
        }
        guard !rules.isEmpty else { throw AuditPolicyError(description: "loaded illegal policy with 0 rules") }
        self.rules = rules
    }

    private static func stages(_ value: Value) throws(AuditPolicyError) -> Set<AuditStage> {
        var stages: Set<AuditStage> = []
        for name in value.list("omitStages").compactMap(\.string) {
            guard let stage = AuditStage(rawValue: name) else {
                throw AuditPolicyError(
                    description: "omitStages: Invalid value: \(quoted(name)): allowed stages are "
                        + AuditStage.allCases.map(\.rawValue).joined(separator: ","))
            }
            stages.insert(stage)
        }
        return stages
    }

    private static func rule(
        _ rule: Value, _ path: String, _ omitted: Set<AuditStage>, _ omitsManagedFields: Bool
    ) throws(AuditPolicyError) -> Rule {
        func strings(_ key: String) -> [String] { rule.list(key).compactMap(\.string) }
        guard let level = AuditLevel(rawValue: rule.text("level")) else {
            throw AuditPolicyError(
                description: "\(path).level: Unsupported value: \(quoted(rule.text("level"))): supported values: "
                    + "\"Metadata\", \"None\", \"Request\", \"RequestResponse\"")
        }
        let paths = strings("nonResourceURLs")
        if !paths.isEmpty, !rule.list("resources").isEmpty || !rule.list("namespaces").isEmpty {
            throw AuditPolicyError(
                description: "\(path).nonResourceURLs: rules cannot apply to both regular resources and "
                    + "non-resource URLs")
        }
        return Rule(
            level: level, users: strings("users"), groups: strings("userGroups"), verbs: strings("verbs"),
            resources: rule.list("resources").map { entry in
                Rule.Resources(
                    group: entry.text("group"), resources: entry.list("resources").compactMap(\.string),
                    names: entry.list("resourceNames").compactMap(\.string))
            },
            namespaces: strings("namespaces"), paths: paths, omitted: omitted.union(try stages(rule)),
            omitsManagedFields: rule["omitManagedFields"]?.bool ?? omitsManagedFields)
    }

    func verdict(_ attributes: AccessAttributes) -> Verdict {
        guard let rule = rules.first(where: { $0.matches(attributes) }) else {
            return Verdict(level: .none, omitted: [], omitsManagedFields: false)
        }
        return Verdict(level: rule.level, omitted: rule.omitted, omitsManagedFields: rule.omitsManagedFields)
    }
}

extension AuditPolicy.Rule {
    func matches(_ attributes: AccessAttributes) -> Bool {
        let user = attributes.user
        guard users.isEmpty || users.contains(user.name),
            groups.isEmpty || groups.contains(where: user.groups.contains),
            verbs.isEmpty || verbs.contains(attributes.verb)
        else { return false }
        if !namespaces.isEmpty || !resources.isEmpty { return matchesResource(attributes) }
        if !paths.isEmpty { return !attributes.isResourceRequest && paths.contains { covers($0, attributes.path) } }
        return true
    }

    private func matchesResource(_ attributes: AccessAttributes) -> Bool {
        guard attributes.isResourceRequest, namespaces.isEmpty || namespaces.contains(attributes.namespace) else {
            return false
        }
        guard !resources.isEmpty else { return true }
        let combined =
            attributes.subresource.isEmpty
            ? attributes.resource : attributes.resource + "/" + attributes.subresource
        return resources.contains { entry in
            guard entry.group == attributes.group else { return false }
            guard !entry.resources.isEmpty else { return true }
            guard entry.names.isEmpty || entry.names.contains(attributes.name) else { return false }
            return entry.resources.contains { name in
                name == "*" || name == combined
                    || (!attributes.subresource.isEmpty && name == "*/" + attributes.subresource)
                    || name == attributes.resource + "/*"
            }
        }
    }

    private func covers(_ rule: String, _ path: String) -> Bool {
        if rule == "*" || rule == path { return true }
        return rule.hasSuffix("*") && path.hasPrefix(rule.dropLast())
    }
}

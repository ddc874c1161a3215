internal import APIMachinery

/// One rule of a Role or ClusterRole, and what it permits.
struct PolicyRule: Hashable, Sendable {
    var verbs: [String] = []
    var apiGroups: [String] = []
    var resources: [String] = []
    var resourceNames: [String] = []
    var nonResourceURLs: [String] = []

    func allows(_ attributes: AccessAttributes) -> Bool {
        guard Self.holds(verbs, attributes.verb) else { return false }
        guard attributes.isResourceRequest else { return allows(path: attributes.path) }
        return Self.holds(apiGroups, attributes.group)
            && allows(resource: attributes.resource, subresource: attributes.subresource)
            && (resourceNames.isEmpty || resourceNames.contains(attributes.name))
    }

    private static func holds(_ list: [String], _ wanted: String) -> Bool {
        list.contains { $0 == "*" || $0 == wanted }
    }

    /// `pods/log` is a resource of its own; `*/scale` is every resource's.
    private func allows(resource: String, subresource: String) -> Bool {
        guard !subresource.isEmpty else { return Self.holds(resources, resource) }
        let combined = resource + "/" + subresource
        return resources.contains {
            $0 == "*" || $0 == combined || ($0.hasPrefix("*/") && $0.dropFirst(2) == subresource)
        }
    }

    private func allows(path: String) -> Bool {
        nonResourceURLs.contains { Self.url($0, covers: path) }
    }

    /// `/healthz/*` covers all paths that begin with `/healthz/`.
    fileprivate static func url(_ rule: String, covers path: String) -> Bool {
        if rule == "*" || rule == path { return true }
        guard rule.hasSuffix("*") else { return false }
        var stem = rule[...]
        while stem.last == "*" { stem = stem.dropLast() }
        return path.hasPrefix(stem)
    }
}

extension PolicyRule {
    init(_ value: Value) {
        func strings(_ key: String) -> [String] { value.list(key).compactMap(\.string) }
        self.init(
            verbs: strings("verbs"), apiGroups: strings("apiGroups"), resources: strings("resources"),
            resourceNames: strings("resourceNames"), nonResourceURLs: strings("nonResourceURLs"))
    }

    /// The `rules` of a role.
    static func rules(of role: Value) -> [PolicyRule] { role.list("rules").map(PolicyRule.init) }

    /// As objects have it, in the order of the API's fields.
    var value: Value {
        var fields: [(String, Value)] = [("verbs", .strings(verbs))]
        for (key, list) in [
            ("apiGroups", apiGroups), ("resources", resources), ("resourceNames", resourceNames),
            ("nonResourceURLs", nonResourceURLs),
        ] where !list.isEmpty {
            fields.append((key, .strings(list)))
        }
        return .record(fields)
    }

    /// How a rule is shown in errors: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
    var compactText: String {
        let parts = [
            ("APIGroups", apiGroups), ("Resources", resources), ("NonResourceURLs", nonResourceURLs),
            ("ResourceNames", resourceNames), ("Verbs", verbs),
        ].filter { !$0.1.isEmpty }
            .map { "\($0.0):\(quotedList($0.1))" }
        return "{" + parts.joined(separator: ", ") + "}"
    }
}

/// `["a" "b"]`, as Go prints lists of strings.
func quotedList(_ list: [String]) -> String { "[" + list.map(quoted).joined(separator: " ") + "]" }

/// Whether one set of rules gives all that another does: what keeps users from granting what they do not have.
enum RuleCoverage {
    /// The parts of `wanted` that no rule of `owned` gives, each about one verb and one resource or URL.
    static func missing(_ wanted: [PolicyRule], in owned: [PolicyRule]) -> [PolicyRule] {
        wanted.flatMap(parts).filter { part in !owned.contains { covers($0, part) } }
    }

    /// Rules about one resource are joined, so that a message lists all verbs at once.
    static func compact(_ rules: [PolicyRule]) -> [PolicyRule] {
        var joined: [PolicyRule] = []
        var positions: [PolicyRule: Int] = [:]
        for rule in rules {
            guard rule.nonResourceURLs.isEmpty, rule.apiGroups.count == 1, rule.resources.count == 1,
                rule.resourceNames.count <= 1
            else {
                joined.append(rule)
                continue
            }
            var simple = rule
            simple.verbs = []
            if let position = positions[simple] {
                joined[position].verbs += rule.verbs
            } else {
                positions[simple] = joined.count
                joined.append(rule)
            }
        }
        return joined
    }

    private static func parts(_ rule: PolicyRule) -> [PolicyRule] {
        var parts: [PolicyRule] = []
        for group in rule.apiGroups {
            for resource in rule.resources {
                for verb in rule.verbs {
                    let plain = PolicyRule(verbs: [verb], apiGroups: [group], resources: [resource])
                    guard !rule.resourceNames.isEmpty else {
                        parts.append(plain)
                        continue
                    }
                    for name in rule.resourceNames {
                        var named = plain
                        named.resourceNames = [name]
                        parts.append(named)
                    }
                }
            }
        }
        for url in rule.nonResourceURLs {
            for verb in rule.verbs { parts.append(PolicyRule(verbs: [verb], nonResourceURLs: [url])) }
        }
        return parts
    }

    private static func covers(_ owner: PolicyRule, _ part: PolicyRule) -> Bool {
        holdsAll(owner.verbs, part.verbs) && holdsAll(owner.apiGroups, part.apiGroups)
            && part.resources.allSatisfy { covers(owner.resources, resource: $0) }
            && (owner.resourceNames.isEmpty
                || (!part.resourceNames.isEmpty && part.resourceNames.allSatisfy(owner.resourceNames.contains)))
            && part.nonResourceURLs.allSatisfy { url in
                owner.nonResourceURLs.contains { PolicyRule.url($0, covers: url) }
            }
    }

    private static func holdsAll(_ owned: [String], _ wanted: [String]) -> Bool {
        owned.contains("*") || wanted.allSatisfy(owned.contains)
    }

    private static func covers(_ owned: [String], resource: String) -> Bool {
        if owned.contains("*") || owned.contains(resource) { return true }
        guard let slash = resource.firstIndex(of: "/") else { return false }
        return owned.contains("*" + resource[slash...])
    }
}

internal import APIMachinery

/// A FlowSchema made ready for matching
/// (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/).
struct FlowRules: Sendable {
    struct Subjects: Sendable {
        var users: Set<String> = []
        var groups: Set<String> = []
        /// Prefixes of service accounts' user names, for `name: "*"`.
        var accountPrefixes: [String] = []

        init(_ subjects: [Value]) {
            for subject in subjects {
                switch subject.text("kind") {
                case "User": users.insert(subject["user"]?.text("name") ?? "")
                case "Group": groups.insert(subject["group"]?.text("name") ?? "")
                case "ServiceAccount":
                    let account = subject["serviceAccount"] ?? [:]
                    let prefix = "system:serviceaccount:\(account.text("namespace")):"
                    if account.text("name") == "*" {
                        accountPrefixes.append(prefix)
                    } else {
                        users.insert(prefix + account.text("name"))
                    }
                default: break
                }
            }
        }

        func contains(_ user: UserInfo) -> Bool {
            users.contains("*") || users.contains(user.name) || groups.contains("*")
                || (!groups.isEmpty && user.groups.contains { groups.contains($0) })
                || accountPrefixes.contains { user.name.hasPrefix($0) }
        }
    }

    struct ResourceRule: Sendable {
        let verbs: Set<String>
        let groups: Set<String>
        let resources: Set<String>
        let namespaces: Set<String>
        let isClusterScoped: Bool

        init(_ rule: Value) {
            func set(_ key: String) -> Set<String> { Set(rule.list(key).compactMap(\.string)) }
            verbs = set("verbs")
            groups = set("apiGroups")
            resources = set("resources")
            namespaces = set("namespaces")
            isClusterScoped = rule["clusterScope"]?.bool ?? false
        }

        func matches(_ info: RequestInfo) -> Bool {
            func has(_ set: Set<String>, _ value: String) -> Bool { set.contains("*") || set.contains(value) }
            guard has(verbs, info.verb), has(groups, info.group),
                resources.contains("*") || resources.contains(info.fullResource)
            else { return false }
            return info.namespace.isEmpty ? isClusterScoped : has(namespaces, info.namespace)
        }
    }

    struct PathRule: Sendable {
        let verbs: Set<String>
        let paths: [String]

        init(_ rule: Value) {
            verbs = Set(rule.list("verbs").compactMap(\.string))
            paths = rule.list("nonResourceURLs").compactMap(\.string)
        }

        func matches(_ info: RequestInfo) -> Bool {
            guard verbs.contains("*") || verbs.contains(info.verb) else { return false }
            return paths.contains { path in
                path == "*" || path == info.path || (path.hasSuffix("/*") && info.path.hasPrefix(path.dropLast()))
            }
        }
    }

    private struct Rule: Sendable {
        let subjects: Subjects
        let resources: [ResourceRule]
        let paths: [PathRule]
    }

    enum Distinguisher: Sendable {
        case none, user, namespace
    }

    let name: String
    let uid: String
    let precedence: Int64
    let level: String
    let distinguisher: Distinguisher
    private let rules: [Rule]

    init(_ schema: Value) {
        let spec = schema["spec"] ?? [:]
        name = schema.name
        uid = schema.uid
        precedence = spec["matchingPrecedence"]?.int ?? 1000
        level = spec["priorityLevelConfiguration"]?.text("name") ?? ""
        switch spec["distinguisherMethod"]?.text("type") {
        case "ByUser": distinguisher = .user
        case "ByNamespace": distinguisher = .namespace
        default: distinguisher = .none
        }
        rules = spec.list("rules").map { rule in
            Rule(
                subjects: Subjects(rule.list("subjects")), resources: rule.list("resourceRules").map(ResourceRule.init),
                paths: rule.list("nonResourceRules").map(PathRule.init))
        }
    }

    func matches(_ user: UserInfo, _ info: RequestInfo) -> Bool {
        rules.contains { rule in
            guard rule.subjects.contains(user) else { return false }
            return info.isResourceRequest
                ? rule.resources.contains { $0.matches(info) } : rule.paths.contains { $0.matches(info) }
        }
    }

    /// What sets this request's flow apart from others of the schema.
    func flow(_ user: UserInfo, _ info: RequestInfo) -> String {
        switch distinguisher {
        case .none: ""
        case .user: user.name
        case .namespace: info.namespace
        }
    }
}

internal import Transport

/// Acting as somebody else (`kubectl --as`), for those who may.
struct Impersonation: Sendable {
    let authorizer: any Authorizer

    private static let extraPrefix = "impersonate-extra-"
    private static let accountPrefix = "system:serviceaccount:"
    private static let authentication = "authentication.k8s.io"

    /// The user whose rights count: the one impersonated, or `user` where the request asks for nobody.
    func user(_ user: UserInfo, _ headers: HTTPFields) throws(APIError) -> UserInfo {
        guard headers.entries.contains(where: { $0.name.count > 12 && $0.name.lowercased().hasPrefix("impersonate-") })
        else { return user }
        var wanted = UserInfo(name: headers["impersonate-user"] ?? "", uid: headers["impersonate-uid"] ?? "")
        wanted.groups = headers.values(of: "impersonate-group")
        for entry in headers.entries where entry.name.lowercased().hasPrefix(Self.extraPrefix) {
            let key = percentDecoded(entry.name.lowercased().dropFirst(Self.extraPrefix.count))
            wanted.extra[key, default: []].append(entry.value)
        }
        guard !wanted.name.isEmpty else {
            guard !wanted.uid.isEmpty || !wanted.groups.isEmpty || !wanted.extra.isEmpty else { return user }
            throw .badRequest("requested \(Self.describe(wanted)) without impersonating a user name")
        }
        try check(user, wanted)
        addImpliedGroups(&wanted)
        return wanted
    }

    /// A ServiceAccount's namespace and name, from its user name.
    private static func account(_ name: String) -> (namespace: String, name: String)? {
        guard name.hasPrefix(accountPrefix) else { return nil }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, !parts[2].isEmpty, !parts[3].isEmpty else { return nil }
        return (parts[2], parts[3])
    }

    private func check(_ user: UserInfo, _ wanted: UserInfo) throws(APIError) {
        func attributes(_ resource: String, _ name: String, group: String = "") -> AccessAttributes {
            var attributes = AccessAttributes(user: user, verb: "impersonate", isResourceRequest: true)
            attributes.group = group
            attributes.version = "v1"
            attributes.resource = resource
            attributes.name = name
            return attributes
        }
        if let account = Self.account(wanted.name) {
            var subject = attributes("serviceaccounts", account.name)
            subject.namespace = account.namespace
            try authorizer.require(subject)
        } else {
            try authorizer.require(attributes("users", wanted.name))
        }
        for group in wanted.groups { try authorizer.require(attributes("groups", group)) }
        for (key, values) in wanted.extra.sorted(by: { $0.key < $1.key }) {
            for value in values {
                var extra = attributes("userextras", value, group: Self.authentication)
                extra.subresource = key
                try authorizer.require(extra)
            }
        }
        if !wanted.uid.isEmpty { try authorizer.require(attributes("uids", wanted.uid, group: Self.authentication)) }
    }

    private func addImpliedGroups(_ user: inout UserInfo) {
        if user.groups.isEmpty, let account = Self.account(user.name) {
            user.groups = ["system:serviceaccounts", "system:serviceaccounts:" + account.namespace]
        }
        guard !user.groups.contains("system:authenticated"), !user.groups.contains("system:unauthenticated") else {
            return
        }
        user.groups.append(user.isAnonymous ? "system:unauthenticated" : "system:authenticated")
    }

    /// As Go prints the structure: what upstream's message shows.
    private static func describe(_ user: UserInfo) -> String {
        func list(_ values: [String]) -> String {
            values.isEmpty ? "[]string(nil)" : "[]string{" + values.map(quoted).joined(separator: ", ") + "}"
        }
        let extra = user.extra.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(list($0.value))" }
        let extraText =
            extra.isEmpty ? "map[string][]string(nil)" : "map[string][]string{" + extra.joined(separator: ", ") + "}"
        return "&user.DefaultInfo{Name:\"\", UID:\(quoted(user.uid)), Groups:\(list(user.groups)), Extra:\(extraText)}"
    }
}

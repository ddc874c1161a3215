internal import Transport

/// Acting as somebody else (`kubectl --as`), for those who may.
struct Impersonation: Sendable {
    let authorizer: any Authorizer

    /// The user whose rights count: the one impersonated, or `user` where the request asks for nobody.
    func user(_ user: UserInfo, _ headers: HTTPFields) throws(APIError) -> UserInfo {
        guard let name = headers["impersonate-user"], !name.isEmpty else {
            let isIncomplete =
                headers["impersonate-group"] != nil || headers["impersonate-uid"] != nil
                || headers.entries.contains { $0.name.lowercased().hasPrefix(Self.extraPrefix) }
            guard !isIncomplete else {
                throw .badRequest("requested [{Group }] without impersonating a user")
            }
            return user
        }
        var wanted = UserInfo(name: name, uid: headers["impersonate-uid"] ?? "")
        wanted.groups = headers.values(of: "impersonate-group")
        for entry in headers.entries where entry.name.lowercased().hasPrefix(Self.extraPrefix) {
            let key = percentDecoded(entry.name.lowercased().dropFirst(Self.extraPrefix.count))
            wanted.extra[key, default: []].append(entry.value)
        }
        try check(user, wanted)
        addImpliedGroups(&wanted)
        return wanted
    }

    private static let extraPrefix = "impersonate-extra-"
    private static let accountPrefix = "system:serviceaccount:"

    private func check(_ user: UserInfo, _ wanted: UserInfo) throws(APIError) {
        var subjects: [(resource: String, namespace: String, name: String)] = []
        let parts = wanted.name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if wanted.name.hasPrefix(Self.accountPrefix), parts.count == 4 {
            subjects.append(("serviceaccounts", parts[2], parts[3]))
        } else {
            subjects.append(("users", "", wanted.name))
        }
        subjects += wanted.groups.map { ("groups", "", $0) }
        for subject in subjects {
            var attributes = AccessAttributes(user: user, verb: "impersonate", isResourceRequest: true)
            attributes.version = "v1"
            attributes.resource = subject.resource
            attributes.namespace = subject.namespace
            attributes.name = subject.name
            guard authorizer.isAllowed(attributes) else { throw .forbidden(attributes) }
        }
    }

    private func addImpliedGroups(_ user: inout UserInfo) {
        let parts = user.name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if user.groups.isEmpty, user.name.hasPrefix(Self.accountPrefix), parts.count == 4 {
            user.groups = ["system:serviceaccounts", "system:serviceaccounts:" + parts[2]]
        }
        let implied = user.isAnonymous ? "system:unauthenticated" : "system:authenticated"
        if !user.groups.contains(implied), !user.groups.contains("system:unauthenticated") {
            user.groups.append(implied)
        }
    }
}

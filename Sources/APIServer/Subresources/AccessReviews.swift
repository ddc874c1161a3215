internal import APIMachinery

/// Kinds that are questions: they are answered, never stored.
extension APIServer {
    func createVirtual(_ context: RequestContext) async throws(APIError) -> Answer {
        let resource = context.resource
        if resource.id.plural == "bindings" { return try await createBinding(context) }
        let options = try WriteOptions(context.query, kind: "CreateOptions")
        let decoded = try decoder.decode(
            context.request, as: resource.kind, type: resource.type, internalGroup: resource.internalGroup,
            validation: options.validation)
        var review = decoded.object
        switch resource.kind.kind {
        case "SelfSubjectReview":
            let now = configuration.clock().description
            review.editMetadata { $0["creationTimestamp"] = .string(now) }
            review["spec"] = nil
            review["status"] = ["userInfo": Self.info(context.user)]
        case "SelfSubjectAccessReview": try answer(&review, for: context.user, context)
        case "SubjectAccessReview", "LocalSubjectAccessReview":
            try answer(&review, for: try subject(review), context)
        case "SelfSubjectRulesReview": review["status"] = rules(context.user)
        case "TokenReview": reviewToken(&review)
        default: throw .methodNotAllowed
        }
        return .other(
            status: 201, schema.normalisedIfPossible(review, as: resource.type), warnings: decoded.warnings)
    }

    private static func info(_ user: UserInfo) -> Value {
        var info: Value = ["username": .string(user.name)]
        if !user.uid.isEmpty { info["uid"] = .string(user.uid) }
        if !user.groups.isEmpty { info["groups"] = .strings(user.groups) }
        if !user.extra.isEmpty {
            info["extra"] = .record(user.extra.sorted { $0.key < $1.key }.map { ($0.key, .strings($0.value)) })
        }
        return info
    }

    private func subject(_ review: Value) throws(APIError) -> UserInfo {
        let spec = review["spec"] ?? [:]
        let groups = spec.list("groups").compactMap(\.string)
        guard !spec.text("user").isEmpty || !groups.isEmpty else {
            throw .invalid(
                group: "authorization.k8s.io", kind: "", "",
                [.invalid("spec.user", "", "at least one of user or group must be specified")])
        }
        return UserInfo(name: spec.text("user"), uid: spec.text("uid"), groups: groups)
    }

    private func answer(_ review: inout Value, for user: UserInfo, _ context: RequestContext) throws(APIError) {
        let spec = review["spec"] ?? [:]
        let resource = spec.present("resourceAttributes")
        let other = spec.present("nonResourceAttributes")
        guard (resource == nil) != (other == nil) else {
            let why =
                resource == nil
                ? "exactly one of nonResourceAttributes or resourceAttributes must be specified"
                : "cannot be specified in combination with resourceAttributes"
            throw .invalid(
                group: "authorization.k8s.io", kind: "", "",
                [.invalid(resource == nil ? "spec.resourceAttributes" : "spec.nonResourceAttributes", other, why)])
        }
        if context.resource.isNamespaced, let resource, resource.text("namespace") != context.namespace {
            throw .invalid(
                group: "authorization.k8s.io", kind: "", "",
                [
                    .invalid(
                        "spec.resourceAttributes.namespace", resource.text("namespace"),
                        "must match metadata.namespace")
                ])
        }
        var attributes = AccessAttributes(user: user, verb: "", isResourceRequest: resource != nil)
        if let resource {
            attributes.verb = resource.text("verb")
            attributes.group = resource.text("group")
            attributes.version = resource.text("version")
            attributes.resource = resource.text("resource")
            attributes.subresource = resource.text("subresource")
            attributes.namespace = resource.text("namespace")
            attributes.name = resource.text("name")
        } else if let other {
            attributes.verb = other.text("verb")
            attributes.path = other.text("path")
        }
        let isAllowed = authorizer.isAllowed(attributes)
        review["status"] = ["allowed": .bool(isAllowed)]
        let reason = authorizer.reason(attributes)
        if !reason.isEmpty { review.editObject("status") { $0["reason"] = .string(reason) } }
    }

    /// What `kubectl auth can-i --list` shows.
    private func rules(_ user: UserInfo) -> Value {
        let isAdministrator = authorizer.isAllowed(
            AccessAttributes(user: user, verb: "*", isResourceRequest: true, group: "*", resource: "*"))
        guard isAdministrator else {
            return [
                "resourceRules": [
                    [
                        "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
                        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                    ],
                    [
                        "verbs": ["create"], "apiGroups": ["authentication.k8s.io"],
                        "resources": ["selfsubjectreviews"],
                    ],
                ],
                "nonResourceRules": [
                    [
                        "verbs": ["get"],
                        "nonResourceURLs": [
                            "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
                            "/readyz", "/version", "/version/",
                        ],
                    ]
                ],
                "incomplete": false,
            ]
        }
        return [
            "resourceRules": [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]],
            "nonResourceRules": [["verbs": ["*"], "nonResourceURLs": ["*"]]], "incomplete": false,
        ]
    }

    private func reviewToken(_ review: inout Value) {
        let spec = review["spec"] ?? [:]
        if let user = configuration.authenticateToken(spec.text("token")) {
            review["status"] = ["authenticated": true, "user": Self.info(user)]
        } else {
            review["status"] = ["user": [:], "error": "invalid bearer token"]
        }
    }
}

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
        if resource.isNamespaced { try checkNamespace(&review, context) }
        let sent = review.metadata["managedFields"]
        review = try normalised(review, resource)
        fieldManager.create(&review, sent: sent, write(context, options, subresource: ""))
        switch resource.kind.kind {
        case "SelfSubjectReview":
            review = [
                "kind": "SelfSubjectReview", "apiVersion": .string(resource.kind.apiVersion),
                "metadata": ["creationTimestamp": .string(configuration.clock().description)],
                "status": ["userInfo": context.user.value],
            ]
        case "SelfSubjectAccessReview": try reviewAccess(&review, for: context.user, context)
        case "SubjectAccessReview", "LocalSubjectAccessReview": try reviewAccess(&review, for: nil, context)
        case "SelfSubjectRulesReview": review = try reviewRules(review, for: context.user)
        case "TokenReview": try reviewToken(&review)
        default: throw .methodNotAllowed
        }
        return .other(
            status: 201, schema.normalisedIfPossible(review, as: resource.type), warnings: decoded.warnings)
    }

    private func reviewToken(_ review: inout Value) throws(APIError) {
        let spec = review["spec"] ?? [:]
        guard !spec.text("token").isEmpty else {
            throw .badRequest("token is required for TokenReview in authentication")
        }
        do throws(TokenRefusal) {
            let found = try authenticator.tokens.authenticate(
                spec.text("token"), audiences: spec.list("audiences").compactMap(\.string))
            review["status"] = [
                "authenticated": true, "user": found.user.value, "audiences": .strings(found.audiences),
            ]
        } catch {
            review["status"] = ["user": [:], "error": .string(error.reason)]
        }
    }
}

extension UserInfo {
    /// As reviews and audit events show a user.
    var value: Value {
        var info: Value = [:]
        if !name.isEmpty { info["username"] = .string(name) }
        if !uid.isEmpty { info["uid"] = .string(uid) }
        if !groups.isEmpty { info["groups"] = .strings(groups) }
        if !extra.isEmpty {
            info["extra"] = .record(extra.sorted { $0.key < $1.key }.map { ($0.key, .strings($0.value)) })
        }
        return info
    }
}

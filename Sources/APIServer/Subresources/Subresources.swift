internal import APIMachinery
internal import Storage
internal import Transport

/// Where requests with a subresource go.
enum Subresources {
    /// Those that last as long as the client likes.
    static let longRunning: Set<String> = ["attach", "exec", "log", "portforward", "proxy"]
    /// Those whose GET answers the object itself.
    static let plain: Set<String> = ["status", "ephemeralcontainers", "resize", "finalize", "approval"]
}

extension APIServer {
    func handleSubresource(
        _ context: RequestContext, _ responder: any HTTPResponder
    ) async throws(APIError) -> Answer {
        switch context.info.subresource {
        case "status", "approval", "ephemeralcontainers", "resize": return try await changeObject(context)
        case "finalize": return try await finalize(context)
        case "scale": return try await scale(context)
        case "binding": return try await bind(context)
        case "eviction": return try await evict(context)
        case "token": return try await requestToken(context)
        case "log", "exec", "attach", "portforward": return try connect(context, responder)
        case "proxy": return try await proxy(context, responder)
        default: throw .noSuchPath
        }
    }

    /// Admission of what is posted below an object (`eviction`, `token`) and stored nowhere itself.
    func admit(
        _ posted: Value, _ context: RequestContext, isDryRun: Bool
    ) async throws(APIError) -> [String] {
        var admitted = AdmissionRequest(
            operation: .create, resource: context.resource, subresource: context.info.subresource,
            namespace: context.namespace, name: context.name, object: posted, old: nil, user: context.user,
            isDryRun: isDryRun)
        try await admission.mutate(&admitted)
        try await admission.validate(&admitted)
        return admitted.warnings
    }

    private func changeObject(_ context: RequestContext) async throws(APIError) -> Answer {
        context.info.verb == "patch" ? try await patch(context) : try await update(context)
    }
}

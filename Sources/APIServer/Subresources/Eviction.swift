internal import APIMachinery
internal import Storage

/// `pods/NAME/eviction`: a delete that disruption budgets may refuse.
extension APIServer {
    private static let evictionKind = GroupVersionKind(group: "policy", version: "v1", kind: "Eviction")

    func evict(_ context: RequestContext) async throws(APIError) -> Answer {
        guard let type = schema.type(of: Self.evictionKind) else { throw .noSuchPath }
        let query = try WriteOptions(context.query, kind: "CreateOptions")
        let decoded = try decoder.decode(
            context.request, as: Self.evictionKind, type: type, internalGroup: "policy", validation: query.validation)
        guard let stored = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
        if !decoded.object.name.isEmpty, decoded.object.name != context.name {
            throw .badRequest("name in URL does not match name in Eviction object")
        }
        _ = try await admit(decoded.object, context, isDryRun: query.isDryRun)
        var options = DeleteRequestOptions()
        let wanted = decoded.object["deleteOptions"] ?? [:]
        options.gracePeriodSeconds = wanted["gracePeriodSeconds"]?.int
        options.uid = wanted[path: "preconditions", "uid"]?.string
        options.resourceVersion = wanted[path: "preconditions", "resourceVersion"]?.string
        options.isDryRun = query.isDryRun || !wanted.list("dryRun").isEmpty
        try checkBudgets(try codec.decode(stored, as: context.resource))
        _ = try await deleted(context, options)
        let success: Value = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201,
        ]
        return .other(status: 201, success, warnings: decoded.warnings)
    }

    /// A running pod goes only if its budget has a disruption left. Counting down is the budget controller's.
    private func checkBudgets(_ pod: Value) throws(APIError) {
        let phase = pod[path: "status", "phase"]?.string ?? ""
        guard !["Succeeded", "Failed", "Pending"].contains(phase), !pod.isBeingDeleted,
            let budgets = registry.resource("policy", "poddisruptionbudgets"),
            let list = try? store.list(
                prefix: budgets.prefix(namespace: pod.namespace), startKey: nil, limit: 0, at: nil)
        else { return }
        let labels = pod.metadata.stringMap("labels")
        for object in list.objects {
            guard let budget = try? Value(json: object.value), let selector = budget[path: "spec", "selector"],
                (try? LabelRequirements(value: selector))?.matches(labels) == true
            else { continue }
            if budget[path: "status", "observedGeneration"]?.int ?? 0 < budget.generation {
                throw budgetError("The disruption budget \(budget.name) is still being processed by the server.")
            }
            guard budget[path: "status", "disruptionsAllowed"]?.int ?? 0 > 0 else {
                let needed = budget[path: "status", "desiredHealthy"]?.int ?? 0
                let healthy = budget[path: "status", "currentHealthy"]?.int ?? 0
                throw budgetError(
                    "The disruption budget \(budget.name) needs \(needed) healthy pods and has \(healthy) currently")
            }
        }
    }

    private func budgetError(_ why: String) -> APIError {
        .tooManyRequests(
            "Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds: 10,
            causes: [APIError.Cause(reason: "DisruptionBudget", message: why)])
    }
}

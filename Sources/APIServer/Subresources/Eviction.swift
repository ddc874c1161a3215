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
        guard decoded.object.name == context.name else {
            throw .badRequest("name in URL does not match name in Eviction object")
        }
        guard let stored = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
        _ = try await admit(decoded.object, context, isDryRun: query.isDryRun)
        var options = DeleteRequestOptions()
        let wanted = decoded.object["deleteOptions"] ?? [:]
        options.gracePeriodSeconds = wanted["gracePeriodSeconds"]?.int
        options.uid = wanted[path: "preconditions", "uid"]?.string
        options.resourceVersion = wanted[path: "preconditions", "resourceVersion"]?.string
        options.isDryRun = query.isDryRun || !wanted.list("dryRun").isEmpty
        let budgets = DisruptionBudgets(store: store, codec: codec, clock: configuration.clock)
        if let refusal = try await budgets.take(
            try codec.decode(stored, as: context.resource), registry.resource("policy", "poddisruptionbudgets"),
            isDryRun: options.isDryRun)
        {
            return .other(status: 201, refusal, warnings: decoded.warnings)
        }
        // A condition with the wrong revision would hide that the pod has changed since the client read it.
        if !options.isDryRun, options.resourceVersion == nil { try await noteEviction(context) }
        _ = try await deleted(context, options)
        let success: Value = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201,
        ]
        return .other(status: 201, success, warnings: decoded.warnings)
    }
}

extension APIServer {
    /// Says in the pod's status why it ends, so that a Job need not count it as a failure.
    private func noteEviction(_ context: RequestContext) async throws(APIError) {
        for _ in 0..<RequestLimits.writeAttemptsMax {
            guard let stored = store.get(context.key) else { throw .notFound(context.resource.id, context.name) }
            var pod = try codec.decode(stored, as: context.resource)
            let old = (pod["status"] ?? [:]).list("conditions").first { $0.text("type") == "DisruptionTarget" }
            if old?.text("status") == "True" || pod.isBeingDeleted { return }
            let condition: Value = [
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting",
                "lastTransitionTime": .string(configuration.clock().description),
            ]
            pod.editObject("status") { status in
                let others = status.list("conditions").filter { $0.text("type") != "DisruptionTarget" }
                status["conditions"] = .array(others + [condition])
            }
            do {
                _ = try await store.write(
                    StoreWrite(
                        key: context.key, operation: .put(codec.encode(pod, as: context.resource)),
                        precondition: .revision(stored.revision)))
                return
            } catch .conflict {
                continue
            } catch {
                throw APIError(error)
            }
        }
        throw .conflict(context.resource.id, context.name, APIError.staleWrite)
    }
}

/// Takes a disruption from the budget that guards a pod.
struct DisruptionBudgets {
    let store: any Store
    let codec: StorageCodec
    let clock: @Sendable () -> Time

    /// Evictions that no deletion has followed yet, before no more are let through.
    private static let disruptedPodsMax = 2000

    /// Throws if the budget has none left. The answer is upstream's for what it cannot decide: a failure that travels
    /// as if it were none.
    func take(_ pod: Value, _ resource: Resource?, isDryRun: Bool) async throws(APIError) -> Value? {
        guard let resource, !isExpendable(pod) else { return nil }
        for _ in 0..<RequestLimits.writeAttemptsMax {
            let guards = matching(pod, resource)
            guard guards.count <= 1 else {
                return [
                    "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
                    "message":
                        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                    "code": 500,
                ]
            }
            guard let (stored, budget) = guards.first, !isUnguarded(pod, budget) else { return nil }
            try check(budget, resource)
            if isDryRun { return nil }
            let write = StoreWrite(
                key: stored.key, operation: .put(codec.encode(counted(budget, pod), as: resource)),
                precondition: .revision(stored.revision))
            do {
                _ = try await store.write(write)
                return nil
            } catch .conflict, .notFound {
                continue
            } catch {
                throw APIError(error)
            }
        }
        throw .conflict(resource.id, pod.name, APIError.staleWrite)
    }

    /// Its end disrupts nothing.
    private func isExpendable(_ pod: Value) -> Bool {
        ["Succeeded", "Failed", "Pending"].contains(pod[path: "status", "phase"]?.string ?? "") || pod.isBeingDeleted
    }

    private func matching(_ pod: Value, _ resource: Resource) -> [(StoredObject, Value)] {
        let labels = pod.metadata.stringMap("labels")
        guard !labels.isEmpty,
            let list = try? store.list(
                prefix: resource.prefix(namespace: pod.namespace), startKey: nil, limit: 0, at: nil)
        else { return [] }
        return list.objects.compactMap { stored in
            guard let budget = try? codec.decode(stored, as: resource),
                let selector = budget["spec"]?.present("selector"),
                let requirements = try? LabelRequirements(value: selector), requirements.matches(labels)
            else { return nil }
            return (stored, budget)
        }
    }

    /// A pod that is not ready does not count, and may go if the others are enough or the budget says so.
    private func isUnguarded(_ pod: Value, _ budget: Value) -> Bool {
        let isReady = (pod["status"] ?? [:]).list("conditions").contains {
            $0.text("type") == "Ready" && $0.text("status") == "True"
        }
        if isReady { return false }
        if budget[path: "spec", "unhealthyPodEvictionPolicy"]?.string == "AlwaysAllow" { return true }
        let (healthy, desired) = (count(budget, "currentHealthy"), count(budget, "desiredHealthy"))
        return desired > 0 && healthy >= desired
    }

    private func count(_ budget: Value, _ name: String) -> Int64 { budget[path: "status", name]?.int ?? 0 }

    private func check(_ budget: Value, _ resource: Resource) throws(APIError) {
        if count(budget, "observedGeneration") < budget.generation {
            throw refusal(
                "The disruption budget \(budget.name) is still being processed by the server.", retryAfterSeconds: 10)
        }
        let allowed = count(budget, "disruptionsAllowed")
        let id = ResourceID(group: resource.id.group, plural: "poddisruptionbudget")
        if allowed < 0 { throw .forbidden(id, budget.name, "pdb disruptions allowed is negative") }
        if (budget["status"] ?? [:]).entries("disruptedPods").count > Self.disruptedPodsMax {
            throw .forbidden(
                id, budget.name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
        }
        guard allowed == 0 else { return }
        let condition = (budget["status"] ?? [:]).list("conditions").first { $0.text("type") == "DisruptionAllowed" }
        if let condition, condition.text("status") == "False", condition.text("reason") == "SyncFailed" {
            throw refusal(
                "The disruption budget \(budget.name) does not allow evicting pods currently because it failed sync: "
                    + condition.text("message"))
        }
        throw refusal(
            "The disruption budget \(budget.name) needs \(count(budget, "desiredHealthy")) healthy pods and has "
                + "\(count(budget, "currentHealthy")) currently")
    }

    private func refusal(_ why: String, retryAfterSeconds: Int = 0) -> APIError {
        .tooManyRequests(
            "Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds: retryAfterSeconds,
            causes: [APIError.Cause(reason: "DisruptionBudget", message: why)])
    }

    /// One disruption fewer, and the pod remembered until its end is seen.
    private func counted(_ budget: Value, _ pod: Value) -> Value {
        var budget = budget
        let (left, now) = (count(budget, "disruptionsAllowed") - 1, clock().description)
        budget.editObject("status") { status in
            status["disruptionsAllowed"] = .int(left)
            status.editObject("disruptedPods") { $0[pod.name] = .string(now) }
            guard left == 0 else { return }
            status.editEach("conditions") { condition in
                guard condition.text("type") == "DisruptionAllowed" else { return }
                if condition.text("status") != "False" { condition["lastTransitionTime"] = .string(now) }
                condition["status"] = "False"
                condition["reason"] = "InsufficientPods"
            }
        }
        return budget
    }
}

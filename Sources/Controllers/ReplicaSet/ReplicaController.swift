internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// Keeps the wanted number of pods of a template alive, for ReplicaSets and ReplicationControllers alike
/// (https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/).
struct ReplicaController<Owner: PodReplicator>: Reconciler {
    /// Pods created or deleted in one pass, at most; the next pass goes on.
    static var burstMax: Int { 500 }

    let client: Client
    let owners: Lister<Owner>
    let pods: Lister<Pod>
    let expectations: Expectations<ObjectKey>
    let events: EventRecorder

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let owner = owners[key] else {
            expectations.forget(key)
            return .never
        }
        // Read before the pods: what was seen by now is in the lister below.
        let isSettled = expectations.isSatisfied(key)
        let requirements = owner.podRequirements
        let candidates = pods.list(controlledBy: owner.uid) + orphans(in: key.namespace)
        let claim = OwnershipClaim<Owner, Pod>(client: client, owner: owner) {
            requirements.matches($0.metadata.labels)
        }
        let active = try await claim.claim(candidates.filter(\.isActive))
        var failure: (any Error)?
        if isSettled, !owner.isBeingDeleted { failure = await scale(owner, active) }
        let now = Time.now()
        let updated = try await writeStatus(of: owner, active, candidates, failure, now)
        if let failure { throw failure }
        return nextLook(at: updated, active, now)
    }

    /// Pods in the namespace that nobody controls.
    private func orphans(in namespace: String) -> [Pod] {
        pods.list(index: "orphans", value: namespace)
    }

    // MARK: Scaling

    /// Creates or deletes what is missing or too much. Returns what went wrong.
    private func scale(_ owner: Owner, _ active: [Pod]) async -> (any Error)? {
        let excess = active.count - owner.wantedReplicas
        if excess < 0 { return await create(min(-excess, Self.burstMax), for: owner) }
        if excess > 0 { return await delete(min(excess, Self.burstMax), of: active, owner) }
        return nil
    }

    private func create(_ count: Int, for owner: Owner) async -> (any Error)? {
        expectations.expectCreations(owner.key, count)
        let pod = Self.makePod(for: owner)
        let (successes, error) = await SlowStart.run(count: count) { _ in
            do throws(APIError) {
                let created = try await client.create(pod)
                events.record(owner, .normal, reason: "SuccessfulCreate", "Created pod: \(created.name)")
            } catch {
                if !error.isNamespaceTerminating {
                    events.record(owner, .warning, reason: "FailedCreate", "Error creating: \(error.message)")
                }
                throw error
            }
        }
        // Those not created will never be seen.
        if successes < count { expectations.creationObserved(owner.key, count: count - successes) }
        if let error = error as? APIError, error.isNamespaceTerminating { return nil }
        return error
    }

    private func delete(_ count: Int, of active: [Pod], _ owner: Owner) async -> (any Error)? {
        let doomed = PodDeletionRanking(related: related(to: owner, active), now: .now()).select(count, of: active)
        expectations.expectDeletions(owner.key, uids: doomed.map(\.uid))
        let errors = await SlowStart.runBatch(0..<doomed.count) { index in
            let pod = doomed[index]
            var options = DeleteOptions()
            var preconditions = Preconditions()
            preconditions.uid = pod.uid
            options.preconditions = preconditions
            do throws(APIError) {
                try await client.delete(Pod.self, pod.key, options: options)
                events.record(owner, .normal, reason: "SuccessfulDelete", "Deleted pod: \(pod.name)")
            } catch {
                expectations.deletionObserved(owner.key, uid: pod.uid)
                if error.isNotFound { return }
                events.record(owner, .warning, reason: "FailedDelete", "Error deleting: \(error.message)")
                throw error
            }
        }
        return errors.first
    }

    /// Active pods of all owners that share this one's controller: where old and new of one Deployment crowd a node.
    private func related(to owner: Owner, _ active: [Pod]) -> [Pod] {
        guard let reference = owner.controllerReference else { return active }
        return owners.list(controlledBy: reference.uid).flatMap { pods.list(controlledBy: $0.uid) }
    }

    /// A pod as the template has it, owned by `owner`, its name left to the server.
    static func makePod(for owner: Owner) -> Pod {
        let template = owner.podTemplate
        var pod = Pod()
        pod.metadata.namespace = owner.metadata.namespace
        pod.metadata.generateName = owner.name + "-"
        pod.metadata.labels = template.metadata.labels
        pod.metadata.annotations = template.metadata.annotations
        pod.metadata.finalizers = template.metadata.finalizers
        pod.metadata.ownerReferences = [owner.controllerReferenceToSelf]
        pod.spec = template.spec
        return pod
    }

    // MARK: Status

    private func writeStatus(
        of owner: Owner, _ active: [Pod], _ candidates: [Pod], _ failure: (any Error)?, _ now: Time
    ) async throws(APIError) -> Owner {
        let terminating = candidates.filter { $0.isTerminating && $0.controllerReference?.uid == owner.uid }
        var status = ReplicaStatus.counting(
            active, terminating: owner.replicaStatus.terminatingReplicas.map { _ in terminating.count },
            templateLabels: owner.podTemplate.metadata.labels, minReadySeconds: owner.minReadySeconds, now: now)
        status.observedGeneration = owner.metadata.generation ?? 0
        status.failure = failure.map { error in
            let isShort = active.count < owner.wantedReplicas
            return owner.replicaStatus.failure
                ?? ReplicaFailure(reason: isShort ? "FailedCreate" : "FailedDelete", message: "\(error)", since: now)
        }
        guard status != owner.replicaStatus else { return owner }
        var changed = owner
        changed.replicaStatus = status
        do throws(APIError) {
            return try await client.updateStatus(changed)
        } catch  where error.isNotFound {
            return changed
        }
    }

    /// A pod becomes available by time alone: look again then.
    private func nextLook(at owner: Owner, _ active: [Pod], _ now: Time) -> Requeue {
        let status = owner.replicaStatus
        guard owner.minReadySeconds > 0, status.readyReplicas != status.availableReplicas else { return .never }
        let waits = active.compactMap { $0.timeToAvailable(minReadySeconds: owner.minReadySeconds, now: now) }
        // Times of the API have whole seconds.
        return waits.min().map { .after($0 + .milliseconds(10)) } ?? .never
    }
}

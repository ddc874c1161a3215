internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// The ReplicaSet of the current template: finding, numbering, making it.
extension DeploymentRollout {
    /// Makes sure that the new set carries the newest revision, and that there is one if `creating`.
    mutating func adoptNewSet(creating: Bool) async throws(APIError) {
        let revision = (old.map { DeploymentAnnotations.revision(of: $0.metadata.annotations) }.max() ?? 0) + 1
        if let new {
            try await refresh(new, revision)
        } else if creating {
            try await create(revision)
        }
    }

    private mutating func refresh(_ new: ReplicaSet, _ revision: Int64) async throws(APIError) {
        var changed = new
        changed.metadata.annotations = DeploymentAnnotations.ofCurrentSet(
            new.metadata.annotations, deployment: deployment, revision: revision, isNew: false, bounds)
        changed.spec.minReadySeconds = deployment.spec.minReadySeconds
        let isChanged =
            changed.metadata.annotations != new.metadata.annotations
            || (changed.spec.minReadySeconds ?? 0) != (new.spec.minReadySeconds ?? 0)
        if isChanged { replace(try await client.update(changed)) }
        try await note(revisionOf: changed)
        if deployment.spec.progressDeadline != nil, deployment.status.condition("Progressing") == nil {
            try await setProgressing(
                "True", reason: "FoundNewReplicaSet", "Found new replica set \"\(new.name)\"")
        }
    }

    private mutating func create(_ revision: Int64) async throws(APIError) {
        let wanted = makeSet(revision)
        let created: ReplicaSet
        do {
            created = try await client.create(wanted)
        } catch  where error.isAlreadyExists {
            try await resolveCollision(wanted.key)
            return
        } catch  where error.isNamespaceTerminating {
            return
        } catch {
            let message = "Failed to create new replica set \"\(wanted.name)\": \(error.message)"
            if deployment.spec.progressDeadline != nil {
                try await setProgressing("False", reason: "ReplicaSetCreateError", message)
            }
            events.record(deployment, .warning, reason: "ReplicaSetCreateError", message)
            throw error
        }
        add(new: created)
        if created.wantedReplicas > 0 {
            events.record(
                deployment, .normal, reason: "ScalingReplicaSet",
                "Scaled up replica set \(created.name) from 0 to \(created.wantedReplicas)")
        }
        try await note(revisionOf: created)
        if deployment.spec.progressDeadline != nil {
            try await setProgressing(
                "True", reason: "NewReplicaSetCreated", "Created new replica set \"\(created.name)\"")
        }
    }

    /// A set of that name exists: ours after all (the cache lagged), or another template with the same hash.
    private mutating func resolveCollision(_ key: ObjectKey) async throws(APIError) {
        let existing = try await client.get(ReplicaSet.self, key)
        if existing.controllerReference?.uid == deployment.uid, existing.makesPods(of: deployment.spec.template) {
            add(new: existing)
            try await note(revisionOf: existing)
            return
        }
        var status = deployment.status
        status.collisionCount = (status.collisionCount ?? 0) + 1
        try await write(status)
        // The next pass hashes with the new count.
        throw APIError.alreadyExists(Status())
    }

    private func makeSet(_ revision: Int64) -> ReplicaSet {
        var template = deployment.spec.template
        let hash = PodTemplateHash.hash(template, collisionCount: deployment.status.collisionCount)
        template.metadata.labels[DeploymentAnnotations.hashLabel] = hash
        var selector = deployment.spec.selector ?? LabelSelector()
        selector.matchLabels[DeploymentAnnotations.hashLabel] = hash

        var set = ReplicaSet()
        // Leaves room for the suffixes of pod names within 63 characters of a host name.
        set.metadata.name = String(deployment.name.prefix(252 - hash.count)) + "-" + hash
        set.metadata.namespace = deployment.metadata.namespace
        set.metadata.ownerReferences = [deployment.controllerReferenceToSelf]
        set.metadata.labels = template.metadata.labels
        set.spec.minReadySeconds = deployment.spec.minReadySeconds
        set.spec.selector = selector
        set.spec.template = template
        let all = sets.reduce(0) { $0 + $1.wantedReplicas }
        set.spec.replicas = Int32(
            RollingUpdatePlan.newSize(of: 0, all: all, bounds, isRolling: deployment.spec.isRolling))
        set.metadata.annotations = DeploymentAnnotations.ofCurrentSet(
            [:], deployment: deployment, revision: revision, isNew: true, bounds)
        return set
    }

    /// The Deployment shows the revision that it is at: `kubectl rollout history` reads it.
    private mutating func note(revisionOf set: ReplicaSet) async throws(APIError) {
        guard let revision = set.metadata.annotations[DeploymentAnnotations.revision],
            deployment.metadata.annotations[DeploymentAnnotations.revision] != revision
        else { return }
        var annotations = OrderedFields()
        annotations[DeploymentAnnotations.revision] = .string(revision)
        let metadata = OrderedFields([("annotations", .object(annotations))])
        let patch = Patch.merge(.object(OrderedFields([("metadata", .object(metadata))])))
        replace(try await client.patch(Deployment.self, deployment.key, patch))
    }

    /// Old sets beyond `spec.revisionHistoryLimit` go, lowest revision first, once they are empty.
    func deleteSurplusHistory() async throws(APIError) {
        guard let limit = deployment.spec.revisionHistoryLimit else { return }
        let candidates = old.filter { !$0.isBeingDeleted }.sorted {
            DeploymentAnnotations.revision(of: $0.metadata.annotations)
                < DeploymentAnnotations.revision(of: $1.metadata.annotations)
        }
        for set in candidates.prefix(max(0, candidates.count - Int(limit))) {
            let isSettled = (set.metadata.generation ?? 0) <= (set.status.observedGeneration ?? 0)
            guard set.status.replicas == 0, set.wantedReplicas == 0, isSettled else { continue }
            try await deleteIfThere(set)
        }
    }

    private func deleteIfThere(_ set: ReplicaSet) async throws(APIError) {
        do {
            try await client.delete(ReplicaSet.self, set.key)
        } catch  where error.isNotFound {
            // Someone else was faster.
        }
    }
}

internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// A claim that a pod names, or that is made for one of its volumes.
struct PodClaim: Sendable, Hashable {
    let key: ObjectKey
    /// Made by the ephemeral volume controller, for this pod alone.
    let isEphemeral: Bool

    static func claims(of pod: Pod) -> [PodClaim] {
        pod.spec.volumes.compactMap { volume in
            if let claim = volume.persistentVolumeClaim {
                return PodClaim(
                    key: ObjectKey(namespace: pod.key.namespace, name: claim.claimName), isEphemeral: false)
            }
            guard volume.ephemeral != nil else { return nil }
            return PodClaim(
                key: ObjectKey(namespace: pod.key.namespace, name: pod.key.name + "-" + volume.name),
                isEphemeral: true)
        }
    }
}

/// What has to happen to a pod's claims before it can be bound to its node.
struct VolumePlan: Sendable {
    /// Volumes that exist, for these claims.
    var matches: [(claim: PersistentVolumeClaim, volume: PersistentVolume)] = []
    /// Claims whose volume is to be made on the node.
    var provisions: [PersistentVolumeClaim] = []
    /// Every claim that must be bound in the end.
    var waits: [ObjectKey] = []

    var isEmpty: Bool { waits.isEmpty }
}

/// A pod's claims as they stand, looked up once for all nodes.
struct PodClaims: Sendable {
    /// With their volumes; a volume that is missing is `nil`.
    var bound: [(claim: PersistentVolumeClaim, volume: PersistentVolume?)] = []
    /// Claims whose class wants the pod's node first.
    var delayed: [(claim: PersistentVolumeClaim, storageClass: StorageClass)] = []

    static let bindConflict = "node(s) didn't find available persistent volumes to bind"

    /// Why the pod cannot go anywhere, in upstream's words.
    struct Hindrance: Error {
        let message: String
    }

    /// Looks the claims up.
    static func find(_ claims: [PodClaim], in state: VolumeState) throws(Hindrance) -> PodClaims {
        var found = PodClaims()
        var hasImmediate = false
        for wanted in claims {
            let name = wanted.key.name
            guard let claim = state.claims[wanted.key] else {
                throw Hindrance(
                    message: wanted.isEphemeral
                        ? "waiting for ephemeral volume controller to create the persistentvolumeclaim \"\(name)\""
                        : "persistentvolumeclaim \"\(name)\" not found")
            }
            guard claim.status.phase != "Lost" else {
                throw Hindrance(
                    message: "persistentvolumeclaim \"\(name)\" bound to non-existent persistentvolume "
                        + "\"\(claim.spec.volumeName ?? "")\"")
            }
            guard claim.metadata.deletionTimestamp == nil else {
                throw Hindrance(message: "persistentvolumeclaim \"\(name)\" is being deleted")
            }
            if claim.isFullyBound {
                let key = ObjectKey(namespace: "", name: claim.spec.volumeName ?? "")
                found.bound.append((claim, state.volumes[key]))
                continue
            }
            let storageClass = state.classes[ObjectKey(namespace: "", name: claim.className)]
            // One that names its volume is the binder's, whatever its class says.
            if let storageClass, storageClass.waitsForConsumer, (claim.spec.volumeName ?? "").isEmpty {
                found.delayed.append((claim, storageClass))
            } else {
                hasImmediate = true
            }
        }
        if hasImmediate { throw Hindrance(message: "pod has unbound immediate PersistentVolumeClaims") }
        return found
    }

    /// What keeps the pod off the node.
    func reject(_ node: NodeFacts, _ state: VolumeState) -> [Rejection] {
        for (_, volume) in bound {
            guard let volume else {
                return [
                    Rejection(
                        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", isFinal: true)
                ]
            }
            guard volume.isReachable(nodeName: node.name, labels: node.labels) else {
                return [Rejection("node(s) didn't match PersistentVolume's node affinity", isFinal: true)]
            }
            guard VolumeZone.allows(volume, node) else {
                return [Rejection("node(s) had no available volume zone", isFinal: true)]
            }
        }
        return plan(for: node, state) == nil ? [Rejection(Self.bindConflict, isFinal: true)] : []
    }

    /// How the claims without a volume get theirs on the node; `nil` if they cannot.
    func plan(for node: NodeFacts, _ state: VolumeState) -> VolumePlan? {
        var plan = VolumePlan()
        guard !delayed.isEmpty else { return plan }
        var free: [PersistentVolume]?
        // The smallest wish first, so that each takes the smallest volume that is left for it.
        for (claim, storageClass) in delayed.sorted(by: { $0.claim.requestedBytes < $1.claim.requestedBytes }) {
            plan.waits.append(claim.key)
            if let chosen = state.selectedNode(of: claim) {
                guard chosen == node.name else { return nil }
                plan.provisions.append(claim)
                continue
            }
            let candidates = free ?? state.freeVolumes()
            let match = PersistentVolume.best(for: claim, among: candidates) {
                $0.isReachable(nodeName: node.name, labels: node.labels)
            }
            if let match {
                plan.matches.append((claim, match))
                free = candidates.filter { $0.key != match.key }
                continue
            }
            free = candidates
            guard storageClass.provisioner != "kubernetes.io/no-provisioner",
                Self.allows(storageClass.allowedTopologies, node)
            else { return nil }
            plan.provisions.append(claim)
        }
        return plan
    }

    private static func allows(_ topologies: [TopologySelectorTerm], _ node: NodeFacts) -> Bool {
        guard !topologies.isEmpty else { return true }
        return topologies.contains { term in
            term.matchLabelExpressions.allSatisfy { wanted in
                node.labels[wanted.key].map(wanted.values.contains) ?? false
            }
        }
    }
}

/// Volumes that name their zone or region by labels.
enum VolumeZone {
    private static let labels = [
        "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    ]

    static func allows(_ volume: PersistentVolume, _ node: NodeFacts) -> Bool {
        // A node without any such label is in one place with everything.
        guard labels.contains(where: { node.labels[$0] != nil }) else { return true }
        return labels.allSatisfy { label in
            guard let zones = volume.metadata.labels[label] else { return true }
            return node.labels[label].map { zones.split(separator: "__").map(String.init).contains($0) } ?? false
        }
    }
}

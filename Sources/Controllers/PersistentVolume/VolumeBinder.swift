internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Connects claims with volumes, and takes care of volumes whose claim is gone:
/// https://kubernetes.io/docs/concepts/storage/persistent-volumes/
///
/// One worker for both kinds: a decision about a claim concerns every volume, so there is nothing to be done at once.
struct VolumeBinder: Reconciler {
    enum Key: Hashable, Sendable {
        case claim(ObjectKey)
        case volume(String)
    }

    let client: Client
    let events: EventRecorder
    let claims: WrittenObjects<PersistentVolumeClaim>
    let volumes: WrittenObjects<PersistentVolume>
    let classes: Lister<StorageClass>
    let pods: Lister<Pod>
    let queue: WorkQueue<Key>

    func reconcile(_ key: Key) async throws(APIError) -> Requeue {
        do throws(APIError) {
            switch key {
            case .claim(let key):
                guard let claim = claims[key] else { return .never }
                if claim.metadata.annotations[VolumeAnnotation.bindCompleted] == nil {
                    try await syncUnbound(claim)
                } else {
                    try await syncBound(claim)
                }
            case .volume(let name):
                guard let volume = volumes[ObjectKey(namespace: "", name: name)] else { return .never }
                try await sync(volume)
            }
        } catch {
            if error.isConflict { return .backoff }
            // Gone meanwhile: its deletion brings whatever is left to do.
            guard error.isNotFound else { throw error }
        }
        return .never
    }

    // MARK: Claims without a volume

    private func syncUnbound(_ current: PersistentVolumeClaim) async throws(APIError) {
        let claim = try await withDefaultClass(current)
        guard let name = claim.spec.volumeName, !name.isEmpty else { return try await findVolume(for: claim) }
        // The user wants this volume and no other.
        guard let volume = volumes[ObjectKey(namespace: "", name: name)] else {
            return try await setPhase("Pending", of: claim)
        }
        if volume.spec.claimRef == nil {
            if let reason = volume.mismatch(with: claim) {
                events.record(
                    claim, .warning, reason: "VolumeMismatch", "Cannot bind to requested volume \"\(name)\": \(reason)")
                return try await setPhase("Pending", of: claim)
            }
            return try await bind(volume, claim)
        }
        if volume.isFor(claim) { return try await bind(volume, claim) }
        if claim.metadata.annotations[VolumeAnnotation.boundByController] == nil {
            events.record(
                claim, .warning, reason: "FailedBinding", "volume \"\(name)\" already bound to a different claim.")
        }
        try await setPhase("Pending", of: claim)
    }

    private func findVolume(for claim: PersistentVolumeClaim) async throws(APIError) {
        let storageClass = classes[ObjectKey(namespace: "", name: claim.className)]
        let selectedNode = claim.metadata.annotations[VolumeAnnotation.selectedNode]
        let delays = storageClass?.waitsForConsumer == true
        if let volume = PersistentVolume.best(for: claim, among: volumes.all, delaysBinding: delays) {
            return try await bind(volume, claim)
        }
        var waiting = claim
        if delays, selectedNode == nil {
            tellWaiting(claim)
        } else if claim.className.isEmpty {
            events.record(
                claim, .normal, reason: "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set")
        } else if let storageClass {
            waiting = try await askProvisioner(storageClass, for: claim)
        } else {
            events.record(
                claim, .warning, reason: "ProvisioningFailed",
                "storageclass.storage.k8s.io \"\(claim.className)\" not found")
        }
        try await setPhase("Pending", of: waiting)
    }

    private func tellWaiting(_ claim: PersistentVolumeClaim) {
        let users = pods.list(namespace: claim.key.namespace).filter { pod in
            (pod.spec.nodeName ?? "").isEmpty && ClaimNames.used(by: pod).contains(claim.key.name)
        }
        if users.isEmpty {
            events.record(
                claim, .normal, reason: "WaitForFirstConsumer",
                "waiting for first consumer to be created before binding")
        } else {
            let names = users.map(\.key.name).sorted().joined(separator: ",")
            events.record(
                claim, .normal, reason: "WaitForPodScheduled", "waiting for pod \(names) to be scheduled")
        }
    }

    /// Says whose it is to make the volume. All provisioners work outside of this controller.
    private func askProvisioner(
        _ storageClass: StorageClass, for claim: PersistentVolumeClaim
    ) async throws(APIError) -> PersistentVolumeClaim {
        let name = storageClass.provisioner
        guard !name.hasPrefix("kubernetes.io/") else {
            events.record(
                claim, .warning, reason: "ProvisioningFailed", "no volume plugin matched name: \(name)")
            return claim
        }
        var marked = claim
        if claim.metadata.annotations[VolumeAnnotation.provisioner] != name {
            marked.metadata.annotations[VolumeAnnotation.provisioner] = name
            marked.metadata.annotations[VolumeAnnotation.provisionerBeta] = name
            marked = try await client.update(marked)
            claims.wrote(marked)
        }
        events.record(
            claim, .normal, reason: "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner '\(name)' or manually by the system "
                + "administrator. If volume creation is delayed, please verify that the provisioner is running and "
                + "correctly registered.")
        return marked
    }

    /// A claim that was made before there was a default class gets it now.
    private func withDefaultClass(_ claim: PersistentVolumeClaim) async throws(APIError) -> PersistentVolumeClaim {
        guard claim.spec.storageClassName == nil, claim.metadata.deletionTimestamp == nil,
            claim.metadata.annotations[VolumeAnnotation.storageClassBeta] == nil,
            let chosen = StorageClass.defaultClass(among: classes.all)
        else { return claim }
        var changed = claim
        changed.spec.storageClassName = chosen.key.name
        let stored = try await client.update(changed)
        claims.wrote(stored)
        return stored
    }

    // MARK: Claims that had a volume

    private func syncBound(_ claim: PersistentVolumeClaim) async throws(APIError) {
        guard let name = claim.spec.volumeName, !name.isEmpty else {
            return try await lose(
                claim, "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
        }
        guard let volume = volumes[ObjectKey(namespace: "", name: name)] else {
            return try await lose(
                claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
        }
        if volume.spec.claimRef == nil || volume.spec.claimRef?.uid == claim.metadata.uid {
            return try await bind(volume, claim)
        }
        try await lose(
            claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")
    }

    private func lose(_ claim: PersistentVolumeClaim, _ reason: String, _ message: String) async throws(APIError) {
        guard claim.status.phase != "Lost" else { return }
        try await setPhase("Lost", of: claim)
        events.record(claim, .warning, reason: reason, message)
    }

    // MARK: Binding

    /// Connects both sides, in an order that any interruption leaves to be finished by the next look.
    private func bind(_ found: PersistentVolume, _ wanted: PersistentVolumeClaim) async throws(APIError) {
        var (volume, claim) = (found, wanted)
        if volume.spec.claimRef?.uid != claim.metadata.uid {
            if !volume.isFor(claim) { volume.metadata.annotations[VolumeAnnotation.boundByController] = "yes" }
            var reference = ObjectReference(to: claim)
            reference.fieldPath = nil
            volume.spec.claimRef = reference
            volume = try await client.update(volume)
            volumes.wrote(volume)
        }
        try await setPhase("Bound", of: volume)
        if claim.spec.volumeName != volume.key.name || claim.metadata.annotations[VolumeAnnotation.bindCompleted] == nil
        {
            if claim.spec.volumeName != volume.key.name {
                claim.spec.volumeName = volume.key.name
                claim.metadata.annotations[VolumeAnnotation.boundByController] = "yes"
            }
            claim.metadata.annotations[VolumeAnnotation.bindCompleted] = "yes"
            claim = try await client.update(claim)
            claims.wrote(claim)
        }
        try await setPhase("Bound", of: claim, volume: volume)
    }

    private func setPhase(
        _ phase: String, of claim: PersistentVolumeClaim, volume: PersistentVolume? = nil
    ) async throws(APIError) {
        var changed = claim
        changed.status.phase = phase
        changed.status.accessModes = volume?.spec.accessModes ?? []
        // What the claim was grown to stays known.
        if claim.status.phase != "Bound" || volume == nil {
            changed.status.capacity = volume?.spec.capacity.filter { $0.key == "storage" } ?? [:]
        }
        guard changed.status != claim.status else { return }
        claims.wrote(try await client.updateStatus(changed))
    }
}

/// The claims that a pod uses, by name.
enum ClaimNames {
    static func used(by pod: Pod) -> [String] {
        pod.spec.volumes.compactMap { volume in
            if let claim = volume.persistentVolumeClaim { return claim.claimName }
            return volume.ephemeral == nil ? nil : pod.key.name + "-" + volume.name
        }
    }
}

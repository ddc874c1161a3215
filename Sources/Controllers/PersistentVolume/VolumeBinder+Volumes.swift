internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

extension VolumeBinder {
    /// Keeps a volume's phase, and sees to one whose claim is gone.
    func sync(_ volume: PersistentVolume) async throws(APIError) {
        guard let reference = volume.spec.claimRef, !(reference.uid ?? "").isEmpty else {
            try await setPhase("Available", of: volume)
            // It may be what somebody waits for.
            if volume.status.phase != "Available" { queueUnbound() }
            return
        }
        let key = ObjectKey(namespace: reference.namespace ?? "", name: reference.name ?? "")
        guard let claim = try await claim(key, uid: reference.uid) else {
            if volume.status.phase != "Released", volume.status.phase != "Failed" {
                try await setPhase("Released", of: volume)
            }
            return try await reclaim(volumes[volume.key] ?? volume)
        }
        let bound = claim.spec.volumeName ?? ""
        if bound.isEmpty {
            if !volume.hasMode(of: claim) {
                let text =
                    "Cannot bind PersistentVolume to requested PersistentVolumeClaim due to incompatible volumeMode."
                events.record(volume, .warning, reason: "VolumeMismatch", text)
                events.record(claim, .warning, reason: "VolumeMismatch", text)
            }
            queue.add(.claim(key))
        } else if bound == volume.key.name {
            try await setPhase("Bound", of: volume)
        } else if volume.metadata.annotations[VolumeAnnotation.provisionedBy] != nil,
            volume.spec.persistentVolumeReclaimPolicy == "Delete"
        {
            // Made for the claim, which took another meanwhile.
            try await setPhase("Released", of: volume)
        } else {
            try await unbind(volume)
        }
    }

    /// The claim that the volume was bound to, not one of the same name that came later. Asks the server before it
    /// believes that one is gone.
    private func claim(_ key: ObjectKey, uid: String?) async throws(APIError) -> PersistentVolumeClaim? {
        if let known = claims[key], known.metadata.uid == uid { return known }
        do throws(APIError) {
            let live = try await client.get(PersistentVolumeClaim.self, key)
            return live.metadata.uid == uid ? live : nil
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    private func unbind(_ volume: PersistentVolume) async throws(APIError) {
        var free = volume
        if volume.metadata.annotations[VolumeAnnotation.boundByController] != nil {
            free.metadata.annotations[VolumeAnnotation.boundByController] = nil
            free.spec.claimRef = nil
        } else {
            // The user meant it for that claim: only the connection goes.
            free.spec.claimRef?.uid = nil
        }
        let stored = try await client.update(free)
        volumes.wrote(stored)
        try await setPhase("Available", of: stored)
    }

    /// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming
    private func reclaim(_ volume: PersistentVolume) async throws(APIError) {
        switch volume.spec.persistentVolumeReclaimPolicy ?? "Retain" {
        case "Delete":
            // Its provisioner removes it.
            let owner = volume.metadata.annotations[VolumeAnnotation.provisionedBy] ?? ""
            guard owner.isEmpty || owner.hasPrefix("kubernetes.io/") else { return }
            let name = volume.key.name
            try await fail(
                volume, "VolumeFailedDelete",
                "error getting deleter volume plugin for volume \"\(name)\": no deletable volume plugin matched")
        case "Recycle": try await fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
        default: break
        }
    }

    private func fail(_ volume: PersistentVolume, _ reason: String, _ message: String) async throws(APIError) {
        guard volume.status.phase != "Failed" || volume.status.message != message else { return }
        try await setPhase("Failed", of: volume, message: message)
        events.record(volume, .warning, reason: reason, message)
    }

    func setPhase(_ phase: String, of volume: PersistentVolume, message: String? = nil) async throws(APIError) {
        guard volume.status.phase != phase || (volume.status.message ?? "") != (message ?? "") else { return }
        var changed = volume
        changed.status.phase = phase
        changed.status.message = message
        volumes.wrote(try await client.updateStatus(changed))
    }

    private func queueUnbound() {
        for claim in claims.all where claim.metadata.annotations[VolumeAnnotation.bindCompleted] == nil {
            queue.add(.claim(claim.key))
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, logger: Logger
    ) -> ControllerRunner<VolumeBinder> {
        let claims = informers.informer(for: PersistentVolumeClaim.self)
        let volumes = informers.informer(for: PersistentVolume.self)
        let classes = informers.informer(for: StorageClass.self)
        let queue = WorkQueue<Key>()
        let binder = VolumeBinder(
            client: client, events: events, claims: WrittenObjects(claims.lister),
            volumes: WrittenObjects(volumes.lister), classes: classes.lister,
            pods: informers.informer(for: Pod.self).lister, queue: queue)
        claims.addHandler { claim in
            queue.add(.claim(claim.key))
            if let name = claim.spec.volumeName, !name.isEmpty { queue.add(.volume(name)) }
        }
        volumes.addHandler { volume in
            queue.add(.volume(volume.key.name))
            guard let reference = volume.spec.claimRef else { return }
            queue.add(.claim(ObjectKey(namespace: reference.namespace ?? "", name: reference.name ?? "")))
        }
        classes.addHandler(
            onAdd: { _ in binder.queueUnbound() }, onUpdate: { _, _ in binder.queueUnbound() })
        return ControllerRunner(
            name: "persistentvolume-binder-controller", reconciler: binder, queue: queue, workers: 1, logger: logger)
    }
}

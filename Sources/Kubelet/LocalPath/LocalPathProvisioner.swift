internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Makes the volumes of claims whose pod comes to this node, as directories, and removes them when they are released.
///
/// Part of the node agent, for only the node's own process sees its disk. It answers to k3s's name for it.
struct LocalPathProvisioner: Reconciler {
    enum Key: Hashable, Sendable {
        case claim(ObjectKey)
        case volume(String)
    }

    let client: Client
    let events: EventRecorder
    let nodeName: String
    let directories: LocalPathDirectories
    let claims: Lister<PersistentVolumeClaim>
    let volumes: Lister<PersistentVolume>
    let classes: Lister<StorageClass>

    /// Keeps a volume's object until its directory is gone; other provisioners use the same.
    private static let finalizer = "external-provisioner.volume.kubernetes.io/finalizer"
    private static let nodeAnnotation = "local.path.provisioner/selected-node"
    private static let hostname = "kubernetes.io/hostname"

    func reconcile(_ key: Key) async throws -> Requeue {
        switch key {
        case .claim(let key):
            guard let claim = claims[key], isForUs(claim) else { return .never }
            try await provision(claim)
        case .volume(let name):
            guard let volume = volumes[ObjectKey(namespace: "", name: name)], isOurs(volume) else { return .never }
            do {
                try await release(volume)
            } catch {
                guard let answer = error as? APIError else { throw error }
                if answer.isConflict { return .backoff }
                guard answer.isNotFound else { throw error }
            }
        }
        return .never
    }

    private func isForUs(_ claim: PersistentVolumeClaim) -> Bool {
        (claim.spec.volumeName ?? "").isEmpty && claim.metadata.deletionTimestamp == nil
            && claim.metadata.annotations[VolumeAnnotation.provisioner] == LocalPath.provisioner
            && [nodeName, nil].contains(claim.metadata.annotations[VolumeAnnotation.selectedNode])
    }

    private func isOurs(_ volume: PersistentVolume) -> Bool {
        volume.metadata.annotations[VolumeAnnotation.provisionedBy] == LocalPath.provisioner
            && volume.metadata.annotations[Self.nodeAnnotation] == nodeName
    }

    // MARK: Making

    private func provision(_ claim: PersistentVolumeClaim) async throws {
        let name = "pvc-" + (claim.metadata.uid ?? "")
        guard volumes[ObjectKey(namespace: "", name: name)] == nil,
            let storageClass = classes[ObjectKey(namespace: "", name: claim.className)],
            storageClass.provisioner == LocalPath.provisioner
        else { return }
        if let reason = refusal(of: claim) {
            return events.record(
                claim, .warning, reason: "ProvisioningFailed",
                "failed to provision volume with StorageClass \"\(claim.className)\": \(reason)")
        }
        events.record(
            claim, .normal, reason: "Provisioning",
            "External provisioner is provisioning volume for claim \"\(claim.key)\"")
        let directory = directories.path(volume: name, claim: claim.key)
        do {
            let directories = directories
            try await BlockingWork.run { try directories.make(directory) }
            try await client.create(volume(name, directory, claim, storageClass))
        } catch {
            if let answer = error as? APIError, answer.isAlreadyExists { return }
            events.record(
                claim, .warning, reason: "ProvisioningFailed",
                "failed to provision volume with StorageClass \"\(claim.className)\": \(error)")
            throw error
        }
        events.record(claim, .normal, reason: "ProvisioningSucceeded", "Successfully provisioned volume \(name)")
    }

    private func refusal(of claim: PersistentVolumeClaim) -> String? {
        if claim.metadata.annotations[VolumeAnnotation.selectedNode] == nil {
            return "configuration error, no node was specified"
        }
        if !claim.spec.accessModes.allSatisfy({ ["ReadWriteOnce", "ReadWriteOncePod"].contains($0) }) {
            return "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"
        }
        if claim.spec.selector != nil { return "claim.Spec.Selector is not supported" }
        return claim.spec.volumeMode == "Block" ? "block volumes are not supported" : nil
    }

    private func volume(
        _ name: String, _ directory: String, _ claim: PersistentVolumeClaim, _ storageClass: StorageClass
    ) -> PersistentVolume {
        var volume = PersistentVolume()
        volume.metadata.name = name
        volume.metadata.annotations = [
            VolumeAnnotation.provisionedBy: LocalPath.provisioner, Self.nodeAnnotation: nodeName,
        ]
        volume.metadata.finalizers = [Self.finalizer]
        volume.spec.accessModes = claim.spec.accessModes
        volume.spec.capacity = ["storage": claim.requestedBytes]
        var reference = ObjectReference(to: claim)
        reference.fieldPath = nil
        volume.spec.claimRef = reference
        volume.spec.persistentVolumeReclaimPolicy = storageClass.reclaimPolicy ?? "Delete"
        volume.spec.storageClassName = storageClass.key.name
        volume.spec.mountOptions = storageClass.mountOptions
        volume.spec.volumeMode = claim.spec.volumeMode
        if claim.metadata.annotations["volumeType"] == "hostPath" {
            var source = HostPathVolumeSource()
            source.path = directory
            source.type = "DirectoryOrCreate"
            volume.spec.hostPath = source
        } else {
            var source = LocalVolumeSource()
            source.path = directory
            volume.spec.local = source
        }
        var requirement = NodeSelectorRequirement()
        requirement.key = Self.hostname
        requirement.operator = SelectorOperator.in
        requirement.values = [nodeName]
        var term = NodeSelectorTerm()
        term.matchExpressions = [requirement]
        var selector = NodeSelector()
        selector.nodeSelectorTerms = [term]
        volume.spec.nodeAffinity = VolumeNodeAffinity()
        volume.spec.nodeAffinity?.required = selector
        return volume
    }

    // MARK: Removing

    private func release(_ volume: PersistentVolume) async throws {
        let isReleased = volume.status.phase == "Released" || volume.status.phase == "Failed"
        let isLeaving = volume.metadata.deletionTimestamp != nil
        guard volume.spec.persistentVolumeReclaimPolicy == "Delete" else {
            // The administrator wants the content to stay.
            if isLeaving { try await dropFinalizer(volume) }
            return
        }
        guard isReleased || (isLeaving && volume.spec.claimRef == nil) else { return }
        let path = volume.spec.local?.path ?? volume.spec.hostPath?.path ?? ""
        do {
            let directories = directories
            try await BlockingWork.run { try directories.remove(path, volume: volume.key.name) }
        } catch {
            events.record(volume, .warning, reason: "VolumeFailedDelete", "\(error)")
            throw error
        }
        if !isLeaving { try await client.delete(PersistentVolume.self, volume.key) }
        try await dropFinalizer(volume)
    }

    private func dropFinalizer(_ volume: PersistentVolume) async throws {
        var current = try await client.get(PersistentVolume.self, volume.key)
        guard current.metadata.uid == volume.metadata.uid, current.metadata.finalizers.contains(Self.finalizer) else {
            return
        }
        current.metadata.finalizers.removeAll { $0 == Self.finalizer }
        try await client.update(current)
    }

    /// The provisioner on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, configuration: KubeletConfiguration,
        logger: Logger
    ) -> ControllerRunner<LocalPathProvisioner> {
        let claims = informers.informer(for: PersistentVolumeClaim.self)
        let volumes = informers.informer(for: PersistentVolume.self)
        let queue = WorkQueue<Key>()
        claims.addHandler(
            onAdd: { queue.add(.claim($0.key)) }, onUpdate: { _, new in queue.add(.claim(new.key)) })
        volumes.addHandler(
            onAdd: { queue.add(.volume($0.key.name)) }, onUpdate: { _, new in queue.add(.volume(new.key.name)) })
        let provisioner = LocalPathProvisioner(
            client: client, events: events, nodeName: configuration.nodeName,
            directories: LocalPathDirectories(root: configuration.runtime.storageDirectory), claims: claims.lister,
            volumes: volumes.lister, classes: informers.informer(for: StorageClass.self).lister)
        return ControllerRunner(
            name: "local-path-provisioner", reconciler: provisioner, queue: queue, workers: 4, logger: logger)
    }
}

/// The directories behind local-path volumes, all in one place.
struct LocalPathDirectories: Sendable {
    let root: String

    private static let nameLengthMax = 255

    /// As k3s names them: `pvc-<uid>_<namespace>_<claim>`, cut to what a file's name may have.
    func path(volume: String, claim: ObjectKey) -> String {
        root + "/" + "\(volume)_\(claim.namespace)_\(claim.name)".prefix(Self.nameLengthMax)
    }

    /// Blocks. Open to every user, whoever the containers run as.
    func make(_ path: String) throws(SystemError) {
        try FileSystem.createDirectory(root, mode: 0o701)
        try FileSystem.createDirectory(path, mode: 0o777)
    }

    /// Blocks. A volume's object says where its directory is, and may lie: nothing but its own directory is removed.
    func remove(_ path: String, volume: String) throws {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        guard volume.hasPrefix("pvc-"), name.hasPrefix(volume + "_"), path == root + "/" + name else {
            throw ConfigurationError("\(path) is not a directory of volume \"\(volume)\"")
        }
        try FileSystem.remove(path)
    }
}

/// The provisioner with its events, run beside the node agent's other parts.
struct LocalPathService: Sendable {
    private let runner: ControllerRunner<LocalPathProvisioner>
    private let events: EventRecorder

    init(configuration: KubeletConfiguration, client: Client, informers: InformerFactory, logger: Logger) {
        events = EventRecorder(
            client: client, component: "\(LocalPath.provisioner)_\(configuration.nodeName)", logger: logger)
        runner = LocalPathProvisioner.makeRunner(
            client: client, informers: informers, events: events, configuration: configuration, logger: logger)
    }

    /// Works until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await events.run() }
            await runner.run()
            group.cancelAll()
        }
    }
}

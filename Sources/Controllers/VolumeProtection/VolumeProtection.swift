internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Puts a finalizer on each object of a kind, and takes it off one that is to go once nothing uses it.
///
/// Claims, volumes and attribute classes differ only in what use is
/// (https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection).
struct VolumeProtection: Reconciler {
    let resource: ResourceName
    let finalizer: String
    let client: Client
    /// Asked of an object that is being deleted.
    let isUsed: @Sendable (ObjectKey) async throws(APIError) -> Bool

    /// Reads the object live: a finalizer must not be taken off what a lagging cache shows.
    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        let object: PartialObjectMetadata
        do {
            object = try await client.get(resource, key)
        } catch  where error.isNotFound {
            return .never
        }
        var finalizers = object.metadata.finalizers
        let isProtected = finalizers.contains(finalizer)
        if object.isBeingDeleted {
            guard isProtected, try await !isUsed(key) else { return .never }
            finalizers.removeAll { $0 == finalizer }
        } else {
            guard !isProtected else { return .never }
            finalizers.append(finalizer)
        }
        let list = Value.array(finalizers.map { .string($0) })
        let version = Value.string(object.metadata.resourceVersion ?? "")
        do {
            try await client.patch(
                resource, key, .merge(["metadata": ["finalizers": list, "resourceVersion": version]]))
        } catch  where error.isNotFound {
            return .never
        } catch  where error.isConflict {
            return .backoff
        }
        return .never
    }
}

/// The kinds that are protected, and what brings each to the controller's attention.
enum VolumeProtections {
    typealias Run = @Sendable () async -> Void

    static func makeRuns(
        client: Client, informers: InformerFactory, workers: Int, logger: Logger
    ) -> [Run] {
        [
            claims(client, informers, workers, logger), volumes(client, informers, workers, logger),
            classes(client, informers, workers, logger),
        ]
    }

    private static func run(
        _ name: String, _ protection: VolumeProtection, _ queue: WorkQueue<ObjectKey>, _ workers: Int, _ logger: Logger
    ) -> Run {
        let runner = ControllerRunner(
            name: name, reconciler: protection, queue: queue, workers: workers, logger: logger)
        return { await runner.run() }
    }

    // MARK: Claims

    /// A claim is used by pods that have a node; others will not start with it any more.
    private static func claims(
        _ client: Client, _ informers: InformerFactory, _ workers: Int, _ logger: Logger
    ) -> Run {
        let queue = WorkQueue<ObjectKey>()
        let claims = informers.informer(for: PersistentVolumeClaim.self)
        claims.addHandler { queue.add($0.key) }
        let known = claims.lister
        informers.informer(for: Pod.self).addHandler(onDelete: { pod in
            for name in claimNames(pod) {
                let key = ObjectKey(namespace: pod.key.namespace, name: name)
                if known[key]?.isBeingDeleted == true { queue.add(key) }
            }
        })
        let protection = VolumeProtection(
            resource: PersistentVolumeClaim.resource, finalizer: "kubernetes.io/pvc-protection", client: client
        ) { (key) throws(APIError) in
            let pods = try await client.list(Pod.self, namespace: key.namespace)
            return pods.items.contains { !($0.spec.nodeName ?? "").isEmpty && claimNames($0).contains(key.name) }
        }
        return run("persistentvolumeclaim-protection-controller", protection, queue, workers, logger)
    }

    private static func claimNames(_ pod: Pod) -> [String] {
        pod.spec.volumes.compactMap { volume in
            if let claim = volume.persistentVolumeClaim { return claim.claimName }
            return volume.ephemeral == nil ? nil : pod.key.name + "-" + volume.name
        }
    }

    // MARK: Volumes

    /// A volume is used while a claim is bound to it.
    private static func volumes(
        _ client: Client, _ informers: InformerFactory, _ workers: Int, _ logger: Logger
    ) -> Run {
        let queue = WorkQueue<ObjectKey>()
        informers.informer(for: PersistentVolume.self).addHandler { queue.add($0.key) }
        let protection = VolumeProtection(
            resource: PersistentVolume.resource, finalizer: "kubernetes.io/pv-protection", client: client
        ) { (key) throws(APIError) in
            try await client.list(PersistentVolume.self, fieldSelector: "metadata.name=" + key.name).items.contains {
                $0.status.phase == "Bound"
            }
        }
        return run("persistentvolume-protection-controller", protection, queue, workers, logger)
    }

    // MARK: Attribute classes

    private static let attributesClass = ResourceName(
        group: "storage.k8s.io", version: "v1", kind: "VolumeAttributesClass", plural: "volumeattributesclasses",
        isNamespaced: false)

    /// A class is used by the volumes and claims that name it.
    private static func classes(
        _ client: Client, _ informers: InformerFactory, _ workers: Int, _ logger: Logger
    ) -> Run {
        let queue = WorkQueue<ObjectKey>()
        @Sendable func add(_ names: [String]) {
            for name in names { queue.add(ObjectKey(namespace: "", name: name)) }
        }
        let claims = informers.informer(for: PersistentVolumeClaim.self)
        let volumes = informers.informer(for: PersistentVolume.self)
        claims.addHandler(onUpdate: { old, _ in add(classNames(old)) }, onDelete: { add(classNames($0)) })
        volumes.addHandler(onUpdate: { old, _ in add(classNames(old)) }, onDelete: { add(classNames($0)) })
        let protection = VolumeProtection(
            resource: attributesClass, finalizer: "kubernetes.io/vac-protection", client: client
        ) { (key) throws(APIError) in
            claims.lister.all.contains { classNames($0).contains(key.name) }
                || volumes.lister.all.contains { classNames($0).contains(key.name) }
        }
        let reflector = Reflector<PartialObjectMetadata>(
            client: client, scope: WatchScope(resource: attributesClass), logger: logger
        ) { event in
            if case .upserted(let object) = event { queue.add(object.key) }
        }
        let work = run("volumeattributesclass-protection-controller", protection, queue, workers, logger)
        return {
            await withDiscardingTaskGroup { group in
                group.addTask { await reflector.run() }
                await work()
                group.cancelAll()
            }
        }
    }

    private static func classNames(_ claim: PersistentVolumeClaim) -> [String] {
        [
            claim.spec.volumeAttributesClassName, claim.status.currentVolumeAttributesClassName,
            claim.status.modifyVolumeStatus?.targetVolumeAttributesClassName,
        ].compactMap { $0 }.filter { !$0.isEmpty }
    }

    private static func classNames(_ volume: PersistentVolume) -> [String] {
        [volume.spec.volumeAttributesClassName].compactMap { $0 }.filter { !$0.isEmpty }
    }
}

internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// Keeps for every static pod a pod in the API that shows it: one that is deleted comes back, one that stands for
/// nothing goes (https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/).
///
/// The pods run whether or not the API server takes their mirrors.
struct MirrorPods: Reconciler {
    let client: Client
    let pods: NodePods
    /// As the API has them.
    let lister: Lister<Pod>
    let nodeName: String

    /// What the API server refuses is tried again at growing distances.
    static func makeQueue() -> WorkQueue<ObjectKey> {
        WorkQueue(backoffMin: .seconds(1), backoffMax: .seconds(300))
    }

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        let mirror = lister[key].flatMap { $0.isMirror ? $0 : nil }
        guard let pod = pods[static: key], let uid = pod.metadata.uid else {
            if let mirror { try await delete(mirror) }
            return .never
        }
        if let mirror {
            let isCurrent = mirror.metadata.annotations[PodAnnotation.mirror] == uid
            // Its going queues the key again.
            if !isCurrent || mirror.metadata.deletionTimestamp != nil { try await delete(mirror) }
            return .never
        }
        let node = try await client.get(Node.self, ObjectKey(namespace: "", name: nodeName))
        do {
            try await client.create(Self.mirror(of: pod, node))
        } catch {
            // Ours, not seen yet; or another pod has the name, and its going queues the key again.
            guard error.isAlreadyExists else { throw error }
        }
        return .never
    }

    private func delete(_ mirror: Pod) async throws {
        var options = DeleteOptions()
        options.gracePeriodSeconds = 0
        var preconditions = Preconditions()
        preconditions.uid = mirror.metadata.uid
        options.preconditions = preconditions
        do {
            try await client.delete(Pod.self, mirror.key, options: options)
        } catch {
            // Gone, or another by now: its event tells.
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    static func mirror(of pod: Pod, _ node: Node) -> Pod {
        var mirror = pod
        mirror.metadata.uid = nil
        mirror.metadata.resourceVersion = nil
        mirror.metadata.annotations[PodAnnotation.mirror] = pod.metadata.uid
        mirror.status = PodStatus()
        var owner = OwnerReference()
        owner.apiVersion = "v1"
        owner.kind = "Node"
        owner.name = node.metadata.name ?? ""
        owner.uid = node.metadata.uid ?? ""
        owner.controller = true
        mirror.metadata.ownerReferences = [owner]
        return mirror
    }
}

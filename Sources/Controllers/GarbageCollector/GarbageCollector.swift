internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Synchronization

/// Deletes objects whose owners are all gone, and carries out foreground and orphaning deletion
/// (https://kubernetes.io/docs/concepts/architecture/garbage-collection/).
///
/// Before anything is deleted, the object and its owners are read live: the graph only says where to look.
struct GarbageCollector: Reconciler {
    let client: Client
    let state: GarbageCollectorState
    let queue: WorkQueue<GarbageTask>
    let events: EventRecorder
    /// By group and kind, whatever the version an owner reference names.
    let resources: [GroupKind: ResourceName]

    struct GroupKind: Hashable {
        let group: String
        let kind: String
    }

    /// How an owner stands.
    private enum Standing {
        case solid
        case absent
        /// Being deleted in the foreground: it waits for its dependents.
        case waiting
    }

    func reconcile(_ task: GarbageTask) async throws(APIError) -> Requeue {
        switch task {
        case .examine(let uid): try await examine(uid)
        case .orphanDependents(let uid): try await orphanDependents(of: uid)
        }
        return .never
    }

    // MARK: Examining

    private func examine(_ uid: String) async throws(APIError) {
        guard let node = state.node(uid) else { return }
        if node.isDeletingDependents { return try await finishForeground(uid, node) }
        guard !node.isBeingDeleted, !node.owners.isEmpty, !state.hasSolidOwnersOnly(node) else { return }
        guard let live = try await liveObject(uid, node) else { return }
        var standings: [(owner: OwnerReference, standing: Standing)] = []
        for owner in live.metadata.ownerReferences {
            standings.append((owner, try await standing(of: owner, for: node, uid)))
        }
        guard !standings.isEmpty else { return }
        let solid = standings.filter { $0.standing == .solid }.map(\.owner)
        if !solid.isEmpty {
            guard solid.count < standings.count else { return }
            try await setOwners(solid, of: node, live)
        } else if standings.contains(where: { $0.standing == .waiting }), !state.dependents(of: uid).isEmpty {
            try await unblockCycle(uid, node, live)
            try await delete(node, live, policy: "Foreground")
        } else {
            try await delete(node, live, policy: Self.policy(for: live))
        }
    }

    /// As the object's own finalizers ask; background where they say nothing.
    private static func policy(for live: PartialObjectMetadata) -> String {
        if live.metadata.finalizers.contains("orphan") { return "Orphan" }
        return live.metadata.finalizers.contains("foregroundDeletion") ? "Foreground" : "Background"
    }

    /// A dependent that waits for its own dependents while it blocks its owner may be part of a cycle: what waits on
    /// the object must not be blocked by it.
    private func unblockCycle(_ uid: String, _ node: OwnerGraph.Node, _ live: PartialObjectMetadata)
        async throws(APIError)
    {
        let isDependentWaiting = state.dependents(of: uid).contains { state.node($0)?.isDeletingDependents == true }
        guard isDependentWaiting else { return }
        let unblocked = live.metadata.ownerReferences.map { owner in
            var owner = owner
            owner.blockOwnerDeletion = false
            return owner
        }
        try await setOwners(unblocked, of: node, live, keepingRevision: false)
    }

    private func standing(
        of owner: OwnerReference, for node: OwnerGraph.Node, _ uid: String
    ) async throws(APIError) -> Standing {
        if state.isKnown(owner, dependentIn: node.key.namespace) {
            return state.node(owner.uid)?.isDeletingDependents == true ? .waiting : .solid
        }
        let group = owner.apiVersion.contains("/") ? String(owner.apiVersion.prefix { $0 != "/" }) : ""
        // An owner of a kind that is not served cannot be looked for, and so not be found missing.
        guard let resource = resources[GroupKind(group: group, kind: owner.kind)] else { return .solid }
        if resource.isNamespaced, node.key.namespace.isEmpty {
            reportInvalid(owner, of: node, uid)
            return .solid
        }
        if state.node(owner.uid) != nil { reportInvalid(owner, of: node, uid) }
        let key = ObjectKey(namespace: resource.isNamespaced ? node.key.namespace : "", name: owner.name)
        guard !state.isAbsent(owner.uid, in: key.namespace) else { return .absent }
        guard let found = try await read(resource, key), found.uid == owner.uid else {
            state.noteAbsent(owner.uid, in: key.namespace)
            return .absent
        }
        let isWaiting = found.isBeingDeleted && found.metadata.finalizers.contains("foregroundDeletion")
        return isWaiting ? .waiting : .solid
    }

    private func reportInvalid(_ owner: OwnerReference, of node: OwnerGraph.Node, _ uid: String) {
        var reference = ObjectReference()
        reference.kind = node.resource.kind
        reference.apiVersion = node.resource.apiVersion
        reference.namespace = node.key.namespace.isEmpty ? nil : node.key.namespace
        reference.name = node.key.name
        reference.uid = uid
        let target =
            "ownerRef [\(owner.apiVersion)/\(owner.kind), namespace: \(node.key.namespace), name: \(owner.name), "
            + "uid: \(owner.uid)]"
        events.record(
            reference, .warning, reason: "OwnerRefInvalidNamespace",
            "\(target) does not exist in namespace \"\(node.key.namespace)\"")
    }

    // MARK: Foreground and orphans

    /// Lets the object end once nothing blocks it; else sees to what does.
    private func finishForeground(_ uid: String, _ node: OwnerGraph.Node) async throws(APIError) {
        let blocking = state.blockingDependents(of: uid)
        if blocking.isEmpty { return try await removeFinalizer("foregroundDeletion", uid, node) }
        for dependent in blocking where state.node(dependent)?.isDeletingDependents == false {
            queue.add(.examine(uid: dependent))
        }
    }

    private func orphanDependents(of uid: String) async throws(APIError) {
        guard let node = state.node(uid) else { return }
        for dependent in state.dependents(of: uid) {
            guard let dependentNode = state.node(dependent),
                let live = try await liveObject(dependent, dependentNode)
            else { continue }
            let others = live.metadata.ownerReferences.filter { $0.uid != uid }
            guard others.count < live.metadata.ownerReferences.count else { continue }
            try await setOwners(others, of: dependentNode, live)
        }
        try await removeFinalizer("orphan", uid, node)
    }

    private func removeFinalizer(_ finalizer: String, _ uid: String, _ node: OwnerGraph.Node) async throws(APIError) {
        guard let live = try await liveObject(uid, node), live.metadata.finalizers.contains(finalizer) else { return }
        let others = live.metadata.finalizers.filter { $0 != finalizer }
        try await patchMetadata("finalizers", .array(others.map { .string($0) }), of: node, live)
    }

    // MARK: Requests

    /// The object as it is now; `nil`, and forgotten, if it is gone or another took its name.
    private func liveObject(_ uid: String, _ node: OwnerGraph.Node) async throws(APIError) -> PartialObjectMetadata? {
        if let live = try await read(node.resource, node.key), live.uid == uid { return live }
        for task in state.remove(uid) { queue.add(task) }
        return nil
    }

    private func read(_ resource: ResourceName, _ key: ObjectKey) async throws(APIError) -> PartialObjectMetadata? {
        do {
            return try await client.get(resource, key)
        } catch  where error.isNotFound {
            return nil
        }
    }

    private func delete(
        _ node: OwnerGraph.Node, _ live: PartialObjectMetadata, policy: String
    ) async throws(APIError) {
        var options = DeleteOptions()
        var preconditions = Preconditions()
        preconditions.uid = live.uid
        // Refused if the object got another owner since it was read. (Unblocking a cycle changed it ourselves.)
        if policy != "Foreground" { preconditions.resourceVersion = live.metadata.resourceVersion }
        options.preconditions = preconditions
        options.propagationPolicy = policy
        do {
            try await client.delete(node.resource, node.key, options: options)
        } catch  where error.isNotFound {
            // Done already; its watch event is on the way.
        }
    }

    private func setOwners(
        _ owners: [OwnerReference], of node: OwnerGraph.Node, _ live: PartialObjectMetadata,
        keepingRevision: Bool = true
    ) async throws(APIError) {
        let list = owners.compactMap { try? Value(json: $0.jsonBytes()) }
        try await patchMetadata("ownerReferences", .array(list), of: node, live, keepingRevision: keepingRevision)
    }

    /// The revision makes the server refuse it if the object changed since it was read.
    private func patchMetadata(
        _ field: String, _ value: Value, of node: OwnerGraph.Node, _ live: PartialObjectMetadata,
        keepingRevision: Bool = true
    ) async throws(APIError) {
        var metadata = OrderedFields([("uid", .string(live.uid)), (field, value)])
        if keepingRevision { metadata["resourceVersion"] = live.metadata.resourceVersion.map { .string($0) } }
        do {
            try await client.patch(
                node.resource, node.key, .merge(.object(OrderedFields([("metadata", .object(metadata))]))))
        } catch  where error.isNotFound {
            // Nothing left to change.
        }
    }
}

internal import APIMachinery
internal import KubeClient

/// What the garbage collector is to look at.
enum GarbageTask: Hashable, Sendable {
    /// An object that may have to go, or whose foreground deletion may be over.
    case examine(uid: String)
    /// An object that is to be deleted without its dependents.
    case orphanDependents(uid: String)
}

/// Who owns whom, by UID, over all kinds. A pure state machine: what is to be done comes back as tasks.
///
/// It holds only what it was told by watches. An owner it does not know may exist all the same.
struct OwnerGraph {
    struct Node: Equatable {
        let resource: ResourceName
        let key: ObjectKey
        var owners: [OwnerReference]
        var isBeingDeleted = false
        /// Deleted in the foreground: it waits for dependents that block it.
        var isDeletingDependents = false
        var isOrphaning = false
    }

    private(set) var nodes: [String: Node] = [:]
    /// Kept by owner whether or not the owner is known.
    private var dependentsByOwner: [String: Set<String>] = [:]

    func dependents(of uid: String) -> Set<String> { dependentsByOwner[uid] ?? [] }

    /// Dependents that forbid the end of `uid` as long as they exist.
    func blockingDependents(of uid: String) -> [String] {
        dependents(of: uid).filter { dependent in
            nodes[dependent]?.owners.contains { $0.uid == uid && $0.blockOwnerDeletion == true } ?? false
        }
    }

    /// An object exists, as `metadata` says.
    mutating func observe(_ metadata: ObjectMeta, of resource: ResourceName) -> [GarbageTask] {
        guard let uid = metadata.uid else { return [] }
        let key = ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name ?? "")
        var node = nodes[uid] ?? Node(resource: resource, key: key, owners: [])
        let before = node
        node.owners = metadata.ownerReferences
        var tasks: [GarbageTask] = []
        if metadata.deletionTimestamp != nil {
            node.isBeingDeleted = true
            node.isDeletingDependents = metadata.finalizers.contains("foregroundDeletion")
            node.isOrphaning = metadata.finalizers.contains("orphan")
        }
        nodes[uid] = node
        tasks += relink(uid, from: before.owners, to: node.owners)
        if node.isDeletingDependents, !before.isDeletingDependents {
            tasks.append(.examine(uid: uid))
            tasks += dependents(of: uid).map { .examine(uid: $0) }
        }
        if node.isOrphaning, !before.isOrphaning { tasks.append(.orphanDependents(uid: uid)) }
        return tasks
    }

    /// An object is gone.
    mutating func remove(_ uid: String) -> [GarbageTask] {
        guard let node = nodes.removeValue(forKey: uid) else { return [] }
        var tasks = relink(uid, from: node.owners, to: [])
        tasks += dependents(of: uid).map { .examine(uid: $0) }
        return tasks
    }

    /// True if `owner`, as a dependent in `namespace` refers to it, is the object known under that UID.
    func matches(_ owner: OwnerReference, dependentIn namespace: String) -> Bool {
        guard let node = nodes[owner.uid] else { return false }
        let group = owner.apiVersion.split(separator: "/").count > 1 ? owner.apiVersion.split(separator: "/")[0] : ""
        return node.key.name == owner.name && node.resource.kind == owner.kind && node.resource.group == group
            && (!node.resource.isNamespaced || node.key.namespace == namespace)
    }

    /// Keeps `dependentsByOwner`; tasks for owners that lost a dependent they wait for, and for a dependent whose
    /// owner is not known.
    private mutating func relink(
        _ uid: String, from old: [OwnerReference], to new: [OwnerReference]
    ) -> [GarbageTask] {
        guard old != new else { return [] }
        var tasks: [GarbageTask] = []
        for owner in old where !new.contains(owner) {
            if !new.contains(where: { $0.uid == owner.uid }) {
                dependentsByOwner[owner.uid]?.remove(uid)
                if dependentsByOwner[owner.uid]?.isEmpty == true { dependentsByOwner[owner.uid] = nil }
            }
            if nodes[owner.uid]?.isDeletingDependents == true { tasks.append(.examine(uid: owner.uid)) }
        }
        let namespace = nodes[uid]?.key.namespace ?? ""
        for owner in new where !old.contains(owner) {
            dependentsByOwner[owner.uid, default: []].insert(uid)
            let isSound = matches(owner, dependentIn: namespace) && nodes[owner.uid]?.isDeletingDependents == false
            if !isSound { tasks.append(.examine(uid: uid)) }
        }
        return tasks
    }
}

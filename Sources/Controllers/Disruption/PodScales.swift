internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// How many pods there are meant to be, as those say that made them.
struct PodScales {
    let deployments: Lister<Deployment>
    let replicaSets: Lister<ReplicaSet>
    let replicationControllers: Lister<ReplicationController>
    let statefulSets: Lister<StatefulSet>

    /// Why the pods of a budget cannot be counted.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case noController(pod: String)
        case noScale(resource: String)

        var description: String {
            switch self {
            case .noController(let pod): "found no controller for pod \"\(pod)\""
            case .noScale(let resource): "\(resource) does not implement the scale subresource"
            }
        }
    }

    /// The sum over all controllers of `pods`, each counted once, and the names of pods that have none.
    func expected(_ pods: [Pod]) throws(Failure) -> (count: Int, unmanaged: [String]) {
        var scales: [String: Int] = [:]
        var unmanaged: [String] = []
        for pod in pods {
            guard let owner = pod.controllerReference else {
                unmanaged.append(pod.name)
                continue
            }
            guard scales[owner.uid] == nil else { continue }
            let namespace = pod.metadata.namespace ?? ""
            guard let (uid, scale) = try scale(of: owner, namespace) else { throw .noController(pod: pod.name) }
            // Two ReplicaSets of one Deployment stand for the same pods.
            scales[uid] = scale
        }
        return (scales.values.reduce(0, +), unmanaged)
    }

    private func scale(of owner: OwnerReference, _ namespace: String) throws(Failure) -> (uid: String, scale: Int)? {
        let key = ObjectKey(namespace: namespace, name: owner.name)
        let group = owner.apiVersion.split(separator: "/").dropLast().first.map(String.init) ?? ""
        switch (group, owner.kind) {
        case ("", "ReplicationController"):
            guard let found = replicationControllers[key], found.uid == owner.uid else { return nil }
            return (found.uid, found.wantedReplicas)
        case ("apps", "ReplicaSet"):
            guard let found = replicaSets[key], found.uid == owner.uid else { return nil }
            guard let above = found.controllerReference else { return (found.uid, found.wantedReplicas) }
            return try scale(of: above, namespace)
        case ("apps", "Deployment"):
            guard let found = deployments[key], found.uid == owner.uid else { return nil }
            return (found.uid, Int(found.spec.replicas ?? 1))
        case ("apps", "StatefulSet"):
            guard let found = statefulSets[key], found.uid == owner.uid else { return nil }
            return (found.uid, Int(found.spec.replicas ?? 1))
        default:
            let resource = ResourceTable.all.first { $0.group == group && $0.kind == owner.kind }
            guard let resource else { return nil }
            throw .noScale(resource: group.isEmpty ? resource.plural : resource.plural + "." + group)
        }
    }
}

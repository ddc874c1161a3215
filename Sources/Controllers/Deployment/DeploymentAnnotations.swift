internal import APIMachinery
internal import KubeAPI

/// What a Deployment notes on its ReplicaSets
/// (https://kubernetes.io/docs/reference/labels-annotations-taints/#deployment-kubernetes-io-revision). Pure.
enum DeploymentAnnotations {
    static let revision = "deployment.kubernetes.io/revision"
    static let revisionHistory = "deployment.kubernetes.io/revision-history"
    static let desiredReplicas = "deployment.kubernetes.io/desired-replicas"
    static let maxReplicas = "deployment.kubernetes.io/max-replicas"
    static let hashLabel = "pod-template-hash"

    /// A longer revision history loses its oldest entries.
    private static let revisionHistoryLengthMax = 2000

    /// Annotations of a Deployment that say nothing about its ReplicaSets.
    private static let notCopied: Set<String> = [
        "kubectl.kubernetes.io/last-applied-configuration", revision, revisionHistory, desiredReplicas, maxReplicas,
        "deprecated.deployment.rollback.to",
    ]

    /// 0 where there is none.
    static func revision(of annotations: [String: String]) -> Int64 {
        annotations[revision].flatMap { Int64($0) } ?? 0
    }

    /// The annotations that the Deployment's current ReplicaSet is to have.
    ///
    /// `isNew`: it is about to be made; only then the sizes are set here, scaling keeps them later.
    static func ofCurrentSet(
        _ current: [String: String], deployment: Deployment, revision: Int64, isNew: Bool, _ bounds: RolloutBounds
    ) -> [String: String] {
        var annotations = current
        for (key, value) in deployment.metadata.annotations where !notCopied.contains(key) { annotations[key] = value }
        if self.revision(of: current) < revision {
            annotations[self.revision] = String(revision)
            if let old = current[self.revision] {
                annotations[revisionHistory] = history(adding: old, to: current[revisionHistory])
            }
        }
        return isNew ? withSizes(annotations, bounds) : annotations
    }

    /// `annotations` with the sizes of the Deployment as they are now.
    static func withSizes(_ annotations: [String: String], _ bounds: RolloutBounds) -> [String: String] {
        var annotations = annotations
        annotations[desiredReplicas] = String(bounds.wanted)
        annotations[maxReplicas] = String(bounds.total)
        return annotations
    }

    private static func history(adding revision: String, to history: String?) -> String {
        guard let history, !history.isEmpty else { return revision }
        var entries = history.split(separator: ",").map { String($0) } + [revision]
        while entries.count > 1, entries.joined(separator: ",").utf8.count > revisionHistoryLengthMax {
            entries.removeFirst()
        }
        return entries.joined(separator: ",")
    }
}

extension ReplicaSet {
    /// Its numbers for `RollingUpdatePlan` and `ReplicaSetScaling`.
    var size: ReplicaSetSize {
        ReplicaSetSize(
            name: name, replicas: wantedReplicas, available: Int(status.availableReplicas ?? 0),
            totalBefore: metadata.annotations[DeploymentAnnotations.maxReplicas].flatMap { Int($0) },
            created: metadata.creationTimestamp?.seconds ?? 0)
    }

    /// Makes pods as `template` says, but for the label that tells ReplicaSets apart.
    func makesPods(of template: PodTemplateSpec) -> Bool {
        var own = spec.template
        var other = template
        own.metadata.labels[DeploymentAnnotations.hashLabel] = nil
        other.metadata.labels[DeploymentAnnotations.hashLabel] = nil
        return own == other
    }
}

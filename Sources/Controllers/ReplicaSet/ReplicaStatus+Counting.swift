internal import APIMachinery
internal import KubeAPI

extension ReplicaStatus {
    /// What the pods amount to. Pure.
    ///
    /// `active`: the owner's pods that count as replicas.
    /// `terminating`: its pods that are stopping; `nil` where the kind does not report them.
    static func counting(
        _ active: [Pod], terminating: Int?, templateLabels: [String: String], minReadySeconds: Int32, now: Time
    ) -> ReplicaStatus {
        var status = ReplicaStatus()
        for pod in active {
            status.replicas += 1
            let isFullyLabeled = templateLabels.allSatisfy { pod.metadata.labels[$0.key] == $0.value }
            if isFullyLabeled { status.fullyLabeledReplicas += 1 }
            if pod.isReady { status.readyReplicas += 1 }
            if pod.isAvailable(minReadySeconds: minReadySeconds, now: now) { status.availableReplicas += 1 }
        }
        status.terminatingReplicas = terminating.map { Int32($0) }
        return status
    }
}

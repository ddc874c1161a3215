internal import APIMachinery
internal import KubeAPI

/// What a pod may put on the node's disk:
/// https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#local-ephemeral-storage
enum LocalStorageLimits {
    private static let resource = "ephemeral-storage"

    /// Whether there is anything to measure the pod for.
    static func applies(to pod: Pod) -> Bool {
        pod.spec.volumes.contains { $0.emptyDir?.sizeLimit.map { $0.sign > 0 } ?? false }
            || pod.allContainers.contains { $0.resources.limits[resource] != nil }
            || pod.spec.resources?.limits[resource] != nil
    }

    /// Why the pod has to go; `nil` where it keeps to its limits. A limit of the whole pod holds before those of its
    /// containers.
    static func violation(_ pod: Pod, _ usage: PodUsage) -> String? {
        for volume in pod.spec.volumes {
            guard let limit = volume.emptyDir?.sizeLimit, limit.sign > 0 else { continue }
            let used = usage.volumes[volume.name]?.bytes ?? usage.memoryVolumes[volume.name] ?? 0
            if Quantity(used) > limit {
                return "Usage of EmptyDir volume \"\(volume.name)\" exceeds the limit \"\(limit)\". "
            }
        }
        if let limit = PodFacts.limits(pod)[resource], Quantity(usage.diskBytes) > limit {
            return "Pod ephemeral local storage usage exceeds the total limit of containers \(limit). "
        }
        for container in pod.allContainers {
            guard let limit = container.resources.limits[resource], let used = usage.containers[container.name],
                Quantity(used.layer.bytes + used.logs.bytes) > limit
            else { continue }
            return "Container \(container.name) exceeded its local ephemeral storage limit \"\(limit)\". "
        }
        return nil
    }
}

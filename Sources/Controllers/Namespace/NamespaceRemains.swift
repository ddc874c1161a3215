internal import APIMachinery
internal import KubeAPI
internal import KubeClient

/// What deleting a Namespace's content left, and how the Namespace says so. Pure.
struct NamespaceRemains {
    /// Objects by resource, as `pods.` or `deployments.apps`.
    private(set) var counts: [String: Int] = [:]
    /// Objects by the finalizer they wait for.
    private(set) var finalizers: [String: Int] = [:]
    var failures: [String] = []

    var isEmpty: Bool { counts.isEmpty && failures.isEmpty }

    mutating func add(_ objects: [PartialObjectMetadata], of resource: ResourceName) {
        guard !objects.isEmpty else { return }
        counts[resource.plural + "." + resource.group, default: 0] += objects.count
        for finalizer in objects.flatMap(\.metadata.finalizers) { finalizers[finalizer, default: 0] += 1 }
    }

    /// Upstream's five conditions. One whose status is the same keeps its transition time.
    func conditions(after old: [NamespaceCondition], now: Time) -> [NamespaceCondition] {
        let remaining = counts.sorted { $0.key < $1.key }
            .map { "\($0.key) has \($0.value) resource instances" }.joined(separator: ", ")
        let waiting = finalizers.sorted { $0.key < $1.key }
            .map { "\($0.key) in \($0.value) resource instances" }.joined(separator: ", ")
        let wanted: [(type: String, isTrue: Bool, reason: String, message: String)] = [
            (
                "NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered",
                "All resources successfully discovered"
            ),
            (
                "NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
                "All legacy kube types successfully parsed"
            ),
            failures.isEmpty
                ? (
                    "NamespaceDeletionContentFailure", false, "ContentDeleted",
                    "All content successfully deleted, may be waiting on finalization"
                )
                : (
                    "NamespaceDeletionContentFailure", true, "ContentDeletionFailed",
                    "Failed to delete all resource types, \(failures.count) remaining: "
                        + failures.sorted().joined(separator: ", ")
                ),
            counts.isEmpty
                ? ("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed")
                : (
                    "NamespaceContentRemaining", true, "SomeResourcesRemain",
                    "Some resources are remaining: \(remaining)"
                ),
            finalizers.isEmpty
                ? (
                    "NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers",
                    "All content-preserving finalizers finished"
                )
                : (
                    "NamespaceFinalizersRemaining", true, "SomeFinalizersRemain",
                    "Some content in the namespace has finalizers remaining: \(waiting)"
                ),
        ]
        let others = old.filter { condition in !wanted.contains { $0.type == condition.type } }
        return others
            + wanted.map { item in
                let before = old.first { $0.type == item.type }
                var condition = NamespaceCondition()
                condition.type = item.type
                condition.status = item.isTrue ? "True" : "False"
                condition.reason = item.reason
                condition.message = item.message
                condition.lastTransitionTime =
                    before?.status == condition.status ? before?.lastTransitionTime ?? now : now
                return condition
            }
    }
}

import APIMachinery
import KubeAPI
import Testing

@testable import Controllers

@Suite struct `Owner graph` {
    private func metadata(
        _ name: String, namespace: String = "ns", owners: [String] = [], blocking: Bool = true,
        deletedWith finalizers: [String]? = nil
    ) -> ObjectMeta {
        var metadata = ObjectMeta()
        metadata.name = name
        metadata.namespace = namespace
        metadata.uid = name
        metadata.ownerReferences = owners.map { owner in
            var reference = OwnerReference()
            reference.apiVersion = "apps/v1"
            reference.kind = "ReplicaSet"
            reference.name = owner
            reference.uid = owner
            reference.blockOwnerDeletion = blocking
            return reference
        }
        if let finalizers {
            metadata.finalizers = finalizers
            metadata.deletionTimestamp = Time(seconds: 1)
        }
        return metadata
    }

    @Test func `a dependent of a known owner is left alone`() {
        var graph = OwnerGraph()
        #expect(graph.observe(metadata("rs"), of: ReplicaSet.resource).isEmpty)
        #expect(graph.observe(metadata("pod", owners: ["rs"]), of: Pod.resource).isEmpty)
    }

    @Test func `a dependent of an unknown owner is examined`() {
        var graph = OwnerGraph()
        #expect(
            graph.observe(metadata("pod", owners: ["rs"]), of: Pod.resource) == [.examine(uid: "pod")])
    }

    @Test func `an owner in another namespace is no owner`() {
        var graph = OwnerGraph()
        _ = graph.observe(metadata("rs", namespace: "other"), of: ReplicaSet.resource)
        #expect(
            graph.observe(metadata("pod", owners: ["rs"]), of: Pod.resource) == [.examine(uid: "pod")])
    }

    @Test func `dependents are examined when their owner goes`() {
        var graph = OwnerGraph()
        _ = graph.observe(metadata("rs"), of: ReplicaSet.resource)
        _ = graph.observe(metadata("pod", owners: ["rs"]), of: Pod.resource)
        #expect(graph.remove("rs") == [.examine(uid: "pod")])
        #expect(graph.remove("rs").isEmpty)
    }

    @Test func `foreground deletion examines owner and dependents, then the owner as they go`() {
        var graph = OwnerGraph()
        _ = graph.observe(metadata("rs"), of: ReplicaSet.resource)
        _ = graph.observe(metadata("pod", owners: ["rs"]), of: Pod.resource)
        let deleted = metadata("rs", deletedWith: ["foregroundDeletion"])
        #expect(
            graph.observe(deleted, of: ReplicaSet.resource) == [.examine(uid: "rs"), .examine(uid: "pod")])
        #expect(graph.observe(deleted, of: ReplicaSet.resource).isEmpty)
        #expect(graph.blockingDependents(of: "rs") == ["pod"])
        #expect(graph.remove("pod") == [.examine(uid: "rs")])
        #expect(graph.blockingDependents(of: "rs").isEmpty)
    }

    @Test func `orphaning deletion is a task of its own`() {
        var graph = OwnerGraph()
        #expect(
            graph.observe(metadata("rs", deletedWith: ["orphan"]), of: ReplicaSet.resource)
                == [.orphanDependents(uid: "rs")])
    }

    @Test func `a dropped reference forgets the dependent`() {
        var graph = OwnerGraph()
        _ = graph.observe(metadata("rs"), of: ReplicaSet.resource)
        _ = graph.observe(metadata("pod", owners: ["rs"]), of: Pod.resource)
        #expect(graph.observe(metadata("pod"), of: Pod.resource).isEmpty)
        #expect(graph.remove("rs").isEmpty)
    }
}

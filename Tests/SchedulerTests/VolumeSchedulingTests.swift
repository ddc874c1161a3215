internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Testing

@testable import Scheduler

/// Pods whose volumes decide about their node, or the other way round. The tests play the binder.
@Suite struct `Scheduling of pods with volumes` {
    @Test(.timeLimit(.minutes(1)))
    func `goes where a volume is, and reserves that volume`() async throws {
        try await SchedulingCluster.run { cluster in
            try await cluster.createNode("n1", cpu: "2")
            try await cluster.createNode("n2", cpu: "2")
            try await cluster.createClass("local", provisioner: "kubernetes.io/no-provisioner")
            try await cluster.createVolume("v", on: "n2")
            try await cluster.createClaim("data", storageClass: "local")
            try await cluster.client.create(Self.pod("a", claim: "data"))
            let volume = try await cluster.eventuallyReads(PersistentVolume.self, "", "v") { $0.spec.claimRef != nil }
            #expect(volume.spec.claimRef?.name == "data")
            #expect(volume.metadata.annotations[VolumeAnnotation.boundByController] == "yes")
            // Not before the claim is bound.
            let waiting = try await cluster.client.get(Pod.self, ObjectKey(namespace: "default", name: "a"))
            #expect(waiting.spec.nodeName == nil)
            try await cluster.bind("data", to: "v")
            try await cluster.eventually("a", "bound where the volume is") { $0.spec.nodeName == "n2" }
            // The next one follows the bound volume.
            try await cluster.client.create(Self.pod("b", claim: "data"))
            try await cluster.eventually("b", "bound there, too") { $0.spec.nodeName == "n2" }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `promises a claim to a node, waits beside other pods, and finds another node when asked`() async throws {
        try await SchedulingCluster.run { cluster in
            try await cluster.createNode("n1", cpu: "2")
            try await cluster.createClass("made", provisioner: "example.com/maker")
            try await cluster.createClaim("data", storageClass: "made")
            try await cluster.client.create(Self.pod("a", claim: "data"))
            let claim = try await cluster.eventuallyReads(PersistentVolumeClaim.self, "default", "data") {
                $0.metadata.annotations[VolumeAnnotation.selectedNode] == "n1"
            }
            try await cluster.client.create(makePod("free") { $0.metadata.uid = nil })
            try await cluster.eventually("free", "not held up") { $0.spec.nodeName == "n1" }
            // The provisioner cannot: the scheduler tries again.
            var refused = claim
            refused.metadata.annotations[VolumeAnnotation.selectedNode] = nil
            try await cluster.client.update(refused)
            try await cluster.eventually("a", "told why") { pod in
                pod.status.conditions.contains {
                    $0.reason == "SchedulerError" && $0.message?.contains("selectedNode annotation reset") == true
                }
            }
            _ = try await cluster.eventuallyReads(PersistentVolumeClaim.self, "default", "data") {
                $0.metadata.annotations[VolumeAnnotation.selectedNode] == "n1"
            }
            try await cluster.createVolume("v", on: "n1")
            try await cluster.bind("data", to: "v")
            try await cluster.eventually("a", "bound at last") { $0.spec.nodeName == "n1" }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `says what is missing`() async throws {
        try await SchedulingCluster.run { cluster in
            try await cluster.createNode("n1", cpu: "2")
            try await cluster.createClass("local", provisioner: "kubernetes.io/no-provisioner")
            try await cluster.createClaim("none", storageClass: "local")
            try await cluster.createVolume("elsewhere", on: "n9")
            try await cluster.createClaim("far", storageClass: "manual")
            try await cluster.bind("far", to: "elsewhere")
            try await cluster.client.create(Self.pod("a", claim: "none"))
            try await cluster.client.create(Self.pod("b", claim: "far"))
            @Sendable func says(_ pod: Pod, _ words: String) -> Bool {
                pod.status.conditions.contains {
                    $0.message == "0/1 nodes are available: 1 \(words). preemption: 0/1 nodes are available: "
                        + "1 Preemption is not helpful for scheduling."
                }
            }
            try await cluster.eventually("a", "no volume there") {
                says($0, "node(s) didn't find available persistent volumes to bind")
            }
            try await cluster.eventually("b", "volume elsewhere") {
                says($0, "node(s) didn't match PersistentVolume's node affinity")
            }
            // Something that could help: the pod is tried again.
            try await cluster.createVolume("here", on: "n1", storageClass: "local")
            _ = try await cluster.eventuallyReads(PersistentVolume.self, "", "here") { $0.spec.claimRef != nil }
            try await cluster.bind("none", to: "here")
            try await cluster.eventually("a", "bound") { $0.spec.nodeName == "n1" }
        }
    }

    private static func pod(_ name: String, claim: String) -> Pod {
        makePod(name) { pod in
            pod.metadata.uid = nil
            var volume = Volume()
            volume.name = "data"
            var source = PersistentVolumeClaimVolumeSource()
            source.claimName = claim
            volume.persistentVolumeClaim = source
            pod.spec.volumes = [volume]
        }
    }
}

extension SchedulingCluster {
    fileprivate func createClass(_ name: String, provisioner: String) async throws {
        var storageClass = StorageClass()
        storageClass.metadata.name = name
        storageClass.provisioner = provisioner
        storageClass.volumeBindingMode = "WaitForFirstConsumer"
        try await client.create(storageClass)
    }

    fileprivate func createVolume(_ name: String, on node: String, storageClass: String = "local") async throws {
        var volume = PersistentVolume()
        volume.metadata.name = name
        volume.spec.accessModes = ["ReadWriteOnce"]
        volume.spec.capacity = ["storage": Quantity("1Gi") ?? .zero]
        volume.spec.storageClassName = storageClass
        var source = LocalVolumeSource()
        source.path = "/mnt"
        volume.spec.local = source
        var requirement = NodeSelectorRequirement()
        requirement.key = "metadata.name"
        requirement.operator = SelectorOperator.in
        requirement.values = [node]
        var term = NodeSelectorTerm()
        term.matchFields = [requirement]
        var selector = NodeSelector()
        selector.nodeSelectorTerms = [term]
        volume.spec.nodeAffinity = VolumeNodeAffinity()
        volume.spec.nodeAffinity?.required = selector
        var made = try await client.create(volume)
        made.status.phase = "Available"
        try await client.updateStatus(made)
    }

    fileprivate func createClaim(_ name: String, storageClass: String) async throws {
        var claim = PersistentVolumeClaim()
        claim.metadata.name = name
        claim.metadata.namespace = "default"
        claim.spec.accessModes = ["ReadWriteOnce"]
        claim.spec.resources.requests = ["storage": Quantity("1Mi") ?? .zero]
        claim.spec.storageClassName = storageClass
        try await client.create(claim)
    }

    fileprivate func bind(_ name: String, to volume: String) async throws {
        var claim = try await client.get(
            PersistentVolumeClaim.self, ObjectKey(namespace: "default", name: name))
        claim.spec.volumeName = volume
        claim.metadata.annotations[VolumeAnnotation.bindCompleted] = "yes"
        try await client.update(claim)
    }

    fileprivate func eventuallyReads<T: APIObject>(
        _ type: T.Type, _ namespace: String, _ name: String, _ holds: (T) -> Bool
    ) async throws -> T {
        for _ in 0..<400 {
            let object = try await client.get(type, ObjectKey(namespace: namespace, name: name))
            if holds(object) { return object }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw NotInTime()
    }
}

private struct NotInTime: Error {}

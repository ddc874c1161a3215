internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Testing

@testable import Controllers

/// Claims and volumes against a real API server, without any node.
@Suite struct `Binding of claims and volumes` {
    @Test func `a claim takes the smallest volume that fits, and the volume is released with it`() async throws {
        try await ControlPlane.run { plane in
            try await plane.client.create(makeVolume("big", "10Gi"))
            try await plane.client.create(makeVolume("fit", "2Gi"))
            try await plane.client.create(makeVolume("tiny", "1Mi"))
            try await plane.client.create(makeVolume("blocks", "1Gi") { $0.spec.volumeMode = "Block" })
            try await plane.eventually(PersistentVolume.self, "all can be had") {
                $0.count == 4 && $0.allSatisfy { $0.status.phase == "Available" }
            }
            try await plane.client.create(makeClaim("c", "1Gi"))
            try await plane.eventually(PersistentVolumeClaim.self, "the claim is bound") { claims in
                claims.first?.status.phase == "Bound" && claims.first?.spec.volumeName == "fit"
                    && claims.first?.status.capacity["storage"] == Quantity("2Gi")
                    && claims.first?.metadata.annotations[VolumeAnnotation.boundByController] == "yes"
            }
            try await plane.eventually(PersistentVolume.self, "so is the volume") { volumes in
                volumes.first { $0.key.name == "fit" }?.status.phase == "Bound"
            }
            try await plane.client.delete(PersistentVolumeClaim.self, ObjectKey(namespace: "default", name: "c"))
            try await plane.eventually(PersistentVolume.self, "the volume is released and keeps its reference") {
                let volume = $0.first { $0.key.name == "fit" }
                return volume?.status.phase == "Released" && volume?.spec.claimRef?.name == "c"
            }
        }
    }

    @Test func `a claim whose volume is taken away is lost`() async throws {
        try await ControlPlane.run { plane in
            try await plane.client.create(makeVolume("v", "1Gi"))
            try await plane.client.create(makeClaim("c", "1Gi"))
            try await plane.eventually(PersistentVolumeClaim.self, "bound") { $0.first?.status.phase == "Bound" }
            let key = ObjectKey(namespace: "", name: "v")
            try await plane.client.delete(PersistentVolume.self, key)
            try await plane.client.patch(PersistentVolume.self, key, .merge(["metadata": ["finalizers": .null]]))
            try await plane.eventually(PersistentVolumeClaim.self, "lost") { $0.first?.status.phase == "Lost" }
            try await eventuallyEvent(plane, "ClaimLost", "Bound claim has lost its PersistentVolume")
        }
    }

    @Test func `a volume that is to be deleted by nobody has failed`() async throws {
        try await ControlPlane.run { plane in
            try await plane.client.create(
                makeVolume("v", "1Gi") { $0.spec.persistentVolumeReclaimPolicy = "Delete" })
            try await plane.client.create(makeClaim("c", "1Gi"))
            try await plane.eventually(PersistentVolumeClaim.self, "bound") { $0.first?.status.phase == "Bound" }
            try await plane.client.delete(PersistentVolumeClaim.self, ObjectKey(namespace: "default", name: "c"))
            try await plane.eventually(PersistentVolume.self, "failed, with the reason") {
                $0.first?.status.phase == "Failed"
                    && $0.first?.status.message
                        == "error getting deleter volume plugin for volume \"v\": no deletable volume plugin matched"
            }
        }
    }

    @Test func `a claim without a class gets the default one when there is one`() async throws {
        try await ControlPlane.run { plane in
            let key = ObjectKey(namespace: "", name: "local-path")
            try await plane.client.delete(StorageClass.self, key)
            try await plane.client.create(makeClaim("late", "1Gi", storageClass: nil))
            try await eventuallyEvent(
                plane, "FailedBinding", "no persistent volumes available for this claim and no storage class is set")
            var storageClass = StorageClass()
            storageClass.metadata.name = "chosen"
            storageClass.metadata.annotations = [VolumeAnnotation.isDefaultClass: "true"]
            storageClass.provisioner = "example.com/maker"
            try await plane.client.create(storageClass)
            try await plane.eventually(PersistentVolumeClaim.self, "the claim has it, and its maker is asked") {
                $0.first?.spec.storageClassName == "chosen" && $0.first?.status.phase == "Pending"
                    && $0.first?.metadata.annotations[VolumeAnnotation.provisioner] == "example.com/maker"
            }
            try await eventuallyEvent(
                plane, "ExternalProvisioning",
                "Waiting for a volume to be created either by the external provisioner 'example.com/maker'")
        }
    }

    @Test func `a claim that names its volume gets that or none`() async throws {
        try await ControlPlane.run { plane in
            try await plane.client.create(makeVolume("v", "1Gi"))
            try await plane.client.create(makeVolume("other", "50Gi"))
            try await plane.client.create(makeClaim("much", "5Gi") { $0.spec.volumeName = "v" })
            try await eventuallyEvent(
                plane, "VolumeMismatch", "Cannot bind to requested volume \"v\": requested PV is too small")
            try await plane.client.create(makeClaim("first", "1Gi") { $0.spec.volumeName = "v" })
            try await plane.eventually(PersistentVolumeClaim.self, "the first has it") {
                $0.first { $0.key.name == "first" }?.status.phase == "Bound"
            }
            try await plane.client.create(makeClaim("second", "1Gi") { $0.spec.volumeName = "v" })
            try await eventuallyEvent(plane, "FailedBinding", "volume \"v\" already bound to a different claim.")
        }
    }

    private func eventuallyEvent(_ plane: ControlPlane, _ reason: String, _ message: String) async throws {
        try await plane.eventually(Event.self, "the event \(reason)") {
            $0.contains { $0.reason == reason && ($0.message ?? "").hasPrefix(message) }
        }
    }
}

private func makeVolume(
    _ name: String, _ size: String, _ change: (inout PersistentVolume) -> Void = { _ in }
) -> PersistentVolume {
    var volume = PersistentVolume()
    volume.metadata.name = name
    volume.spec.accessModes = ["ReadWriteOnce"]
    volume.spec.capacity = ["storage": Quantity(size) ?? .zero]
    volume.spec.storageClassName = "manual"
    var source = LocalVolumeSource()
    source.path = "/mnt/" + name
    volume.spec.local = source
    var requirement = NodeSelectorRequirement()
    requirement.key = "kubernetes.io/hostname"
    requirement.operator = SelectorOperator.exists
    var term = NodeSelectorTerm()
    term.matchExpressions = [requirement]
    var selector = NodeSelector()
    selector.nodeSelectorTerms = [term]
    volume.spec.nodeAffinity = VolumeNodeAffinity()
    volume.spec.nodeAffinity?.required = selector
    change(&volume)
    return volume
}

private func makeClaim(
    _ name: String, _ size: String, storageClass: String? = "manual",
    _ change: (inout PersistentVolumeClaim) -> Void = { _ in }
) -> PersistentVolumeClaim {
    var claim = PersistentVolumeClaim()
    claim.metadata.name = name
    claim.metadata.namespace = "default"
    claim.spec.accessModes = ["ReadWriteOnce"]
    claim.spec.resources.requests = ["storage": Quantity(size) ?? .zero]
    claim.spec.storageClassName = storageClass
    change(&claim)
    return claim
}

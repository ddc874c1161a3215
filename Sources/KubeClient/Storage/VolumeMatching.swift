package import APIMachinery
package import KubeAPI

/// Annotations that the parts dealing with volumes leave for one another, and the names they know.
package enum VolumeAnnotation {
    /// The claim has its volume, and keeps it.
    package static let bindCompleted = "pv.kubernetes.io/bind-completed"
    /// The controller made the connection, not the user: it may undo it.
    package static let boundByController = "pv.kubernetes.io/bound-by-controller"
    /// Who made the volume, and is to remove it.
    package static let provisionedBy = "pv.kubernetes.io/provisioned-by"
    /// Who is to make the claim's volume.
    package static let provisioner = "volume.kubernetes.io/storage-provisioner"
    package static let provisionerBeta = "volume.beta.kubernetes.io/storage-provisioner"
    /// The node that the claim's first pod goes to.
    package static let selectedNode = "volume.kubernetes.io/selected-node"
    package static let storageClassBeta = "volume.beta.kubernetes.io/storage-class"
    package static let isDefaultClass = "storageclass.kubernetes.io/is-default-class"
    package static let isDefaultClassBeta = "storageclass.beta.kubernetes.io/is-default-class"
}

/// The provisioner of directories on the node.
package enum LocalPath {
    /// k3s's name, so that its manifests go on working.
    package static let provisioner = "rancher.io/local-path"
    package static let storageClass = "local-path"
}

extension PersistentVolumeClaim {
    /// Older clients name the class by an annotation. Empty: none.
    package var className: String {
        metadata.annotations[VolumeAnnotation.storageClassBeta] ?? spec.storageClassName ?? ""
    }

    package var requestedBytes: Quantity { spec.resources.requests["storage"] ?? .zero }

    /// True once the claim is connected to its volume on both sides.
    package var isFullyBound: Bool {
        metadata.annotations[VolumeAnnotation.bindCompleted] != nil && !(spec.volumeName ?? "").isEmpty
    }
}

extension PersistentVolume {
    package var className: String {
        metadata.annotations[VolumeAnnotation.storageClassBeta] ?? spec.storageClassName ?? ""
    }

    package var capacityBytes: Quantity { spec.capacity["storage"] ?? .zero }

    /// True if the volume is connected to this claim, or is meant for it.
    package func isFor(_ claim: PersistentVolumeClaim) -> Bool {
        guard let reference = spec.claimRef else { return false }
        return reference.name == claim.metadata.name && reference.namespace == claim.metadata.namespace
            && ((reference.uid ?? "").isEmpty || reference.uid == claim.metadata.uid)
    }

    /// Why the volume cannot serve the claim, in upstream's words; `nil` if it can.
    package func mismatch(with claim: PersistentVolumeClaim) -> String? {
        if capacityBytes < claim.requestedBytes { return "requested PV is too small" }
        if className != claim.className { return "storageClassName does not match" }
        if (spec.volumeAttributesClassName ?? "") != (claim.spec.volumeAttributesClassName ?? "") {
            return "volumeAttributesClassName does not match"
        }
        if !hasMode(of: claim) { return "incompatible volumeMode" }
        if !offersModes(of: claim) { return "incompatible accessMode" }
        return nil
    }

    package func hasMode(of claim: PersistentVolumeClaim) -> Bool {
        (spec.volumeMode ?? "Filesystem") == (claim.spec.volumeMode ?? "Filesystem")
    }

    private func offersModes(of claim: PersistentVolumeClaim) -> Bool {
        claim.spec.accessModes.allSatisfy(spec.accessModes.contains)
    }

    /// True if a node with these labels reaches the volume.
    package func isReachable(nodeName: String, labels: [String: String]) -> Bool {
        guard let required = spec.nodeAffinity?.required else { return true }
        return required.matches(nodeName: nodeName, labels: labels)
    }

    /// Whether the claim could take the volume now.
    private func isCandidate(for claim: PersistentVolumeClaim, _ selector: LabelRequirements?) -> Bool {
        guard spec.claimRef == nil, status.phase == "Available", mismatch(with: claim) == nil else { return false }
        return selector?.matches(metadata.labels) ?? true
    }

    /// The volume for a claim: one that is meant for it, else the smallest that fits.
    ///
    /// `delaysBinding`: only one that is meant for the claim, for the others are the scheduler's to choose.
    /// `isReachable`: whether the node in question reaches a volume.
    package static func best(
        for claim: PersistentVolumeClaim, among volumes: [PersistentVolume], delaysBinding: Bool = false,
        isReachable: (PersistentVolume) -> Bool = { _ in true }
    ) -> PersistentVolume? {
        let selector: LabelRequirements?
        if let wanted = claim.spec.selector {
            // A selector that cannot be read selects nothing.
            selector = (try? LabelRequirements(wanted)) ?? .nothing
        } else {
            selector = nil
        }
        var best: PersistentVolume?
        for volume in volumes where volume.metadata.deletionTimestamp == nil && volume.hasMode(of: claim) {
            if volume.isFor(claim) {
                if volume.capacityBytes < claim.requestedBytes || !isReachable(volume) { continue }
                return volume
            }
            guard !delaysBinding, volume.isCandidate(for: claim, selector), isReachable(volume) else { continue }
            if let known = best, !volume.isSmaller(than: known) { continue }
            best = volume
        }
        return best
    }

    private func isSmaller(than other: PersistentVolume) -> Bool {
        if capacityBytes != other.capacityBytes { return capacityBytes < other.capacityBytes }
        return key.name < other.key.name
    }
}

extension StorageClass {
    package var waitsForConsumer: Bool { volumeBindingMode == "WaitForFirstConsumer" }

    package var isDefault: Bool {
        metadata.annotations[VolumeAnnotation.isDefaultClass] == "true"
            || metadata.annotations[VolumeAnnotation.isDefaultClassBeta] == "true"
    }

    /// The default of several: the newest, then the first by name.
    package static func defaultClass(among classes: [StorageClass]) -> StorageClass? {
        classes.filter(\.isDefault).min { one, other in
            let (first, second) = (one.metadata.creationTimestamp, other.metadata.creationTimestamp)
            if let first, let second, first != second { return second < first }
            return one.key.name < other.key.name
        }
    }
}

extension NodeSelector {
    /// Terms are alternatives; one without any requirement matches nothing.
    package func matches(nodeName: String, labels: [String: String]) -> Bool {
        nodeSelectorTerms.contains { $0.matches(nodeName: nodeName, labels: labels) }
    }
}

extension NodeSelectorTerm {
    package func matches(nodeName: String, labels: [String: String]) -> Bool {
        guard !matchExpressions.isEmpty || !matchFields.isEmpty else { return false }
        return matchExpressions.allSatisfy { $0.matches(labels[$0.key]) }
            && matchFields.allSatisfy { $0.key == "metadata.name" && $0.matches(nodeName) }
    }
}

extension NodeSelectorRequirement {
    /// Whether a label's value (`nil` where it is missing) is as required.
    package func matches(_ value: String?) -> Bool {
        switch `operator` {
        case SelectorOperator.in: return value.map(values.contains) ?? false
        case SelectorOperator.notIn: return value.map { !values.contains($0) } ?? true
        case SelectorOperator.exists: return value != nil
        case SelectorOperator.doesNotExist: return value == nil
        case SelectorOperator.gt, SelectorOperator.lt:
            guard let actual = value.flatMap({ Int64($0) }), let bound = values.first.flatMap({ Int64($0) }) else {
                return false
            }
            return `operator` == SelectorOperator.gt ? actual > bound : actual < bound
        default: return false
        }
    }
}

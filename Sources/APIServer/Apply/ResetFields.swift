internal import APIMachinery

/// Fields that a path of the API never lets its callers write, and that they therefore cannot own.
enum ResetFields: Sendable {
    case none
    /// These subtrees.
    case excluding(FieldSet)
    /// All but what lies on the way to, or below, these patterns.
    case only([[String]])

    func apply(to set: FieldSet) -> FieldSet {
        switch self {
        case .none: set
        case .excluding(let fields): set.subtractingSubtrees(fields)
        case .only(let patterns): set.matching(patterns)
        }
    }

    func apply(to comparison: FieldComparison) -> FieldComparison {
        FieldComparison(
            added: apply(to: comparison.added), modified: apply(to: comparison.modified),
            removed: apply(to: comparison.removed))
    }
}

extension ResetFields {
    private static let status = excluding(FieldSet(paths: [["f:status"]]))
    private static let spec = excluding(FieldSet(paths: [["f:spec"]]))
    private static let specAndMetadata = excluding(FieldSet(paths: [["f:spec"], ["f:metadata"]]))
    private static let specAndLabels = excluding(FieldSet(paths: [["f:spec"], ["f:metadata", "f:labels"]]))

    /// Of `resource` under `subresource`, which is empty for the main path.
    static func of(_ kind: GroupVersionKind, subresource: String, hasStatus: Bool) -> ResetFields {
        switch subresource {
        case "": return main(kind, hasStatus: hasStatus)
        case "status": return status(kind)
        case "ephemeralcontainers": return .only([["f:spec", "f:ephemeralContainers"]])
        case "resize":
            return .only([
                ["f:spec", "f:containers", "*", "f:resources"], ["f:spec", "f:containers", "*", "f:resizePolicy"],
                ["f:spec", "f:initContainers", "*", "f:resources"],
                ["f:spec", "f:initContainers", "*", "f:resizePolicy"], ["f:spec", "f:resources"],
            ])
        case "approval": return excluding(FieldSet(paths: [["f:spec"], ["f:status", "f:certificate"]]))
        case "finalize": return status
        default: return .none
        }
    }

    /// Upstream resets nothing for these, though they have a status.
    private static let unreset: Set<String> = ["APIService", "ValidatingAdmissionPolicy"]

    private static func main(_ kind: GroupVersionKind, hasStatus: Bool) -> ResetFields {
        if kind.kind == "CertificateSigningRequest" { return excluding(FieldSet(paths: [["f:spec"], ["f:status"]])) }
        return hasStatus && !unreset.contains(kind.kind) ? status : .none
    }

    private static func status(_ kind: GroupVersionKind) -> ResetFields {
        switch kind.kind {
        case "Deployment": return specAndLabels
        case "Pod":
            return excluding(
                FieldSet(paths: [
                    ["f:spec"], ["f:metadata", "f:deletionTimestamp"], ["f:metadata", "f:ownerReferences"],
                ]))
        case "CertificateSigningRequest":
            return excluding(FieldSet(paths: [["f:spec"], ["f:status", "f:conditions"]]))
        case "CustomResourceDefinition", "FlowSchema", "PriorityLevelConfiguration", "VolumeAttachment":
            return specAndMetadata
        case _ where unreset.contains(kind.kind): return .none
        default: return spec
        }
    }
}

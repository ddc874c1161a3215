internal import APIMachinery
internal import KubeClient

/// Settles which children belong to an owner: adopts orphans that its selector matches, releases its own that it no
/// longer matches (https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#non-template-pod-acquisitions).
struct OwnershipClaim<Owner: APIObject, Child: APIObject>: Sendable {
    let client: Client
    let owner: Owner
    let matches: @Sendable (Child) -> Bool

    /// What to do about one child. Pure.
    enum Verdict: Equatable {
        case keep
        case adopt
        case release
        case ignore
    }

    func verdict(on child: Child) -> Verdict {
        if let reference = child.controllerReference {
            guard reference.uid == owner.uid else { return .ignore }
            if matches(child) { return .keep }
            return owner.isBeingDeleted ? .ignore : .release
        }
        guard !owner.isBeingDeleted, !child.isBeingDeleted, matches(child) else { return .ignore }
        return child.metadata.namespace == owner.metadata.namespace ? .adopt : .ignore
    }

    /// The children that are the owner's, after adopting and releasing.
    func claim(_ children: [Child]) async throws(APIError) -> [Child] {
        var claimed: [Child] = []
        var mayAdopt: Bool?
        for child in children {
            switch verdict(on: child) {
            case .keep:
                claimed.append(child)
            case .ignore:
                break
            case .release:
                try await release(child)
            case .adopt:
                // Once per claim: our cache may not know yet that the owner is gone or replaced.
                if mayAdopt == nil { mayAdopt = try await ownerStillLives() }
                if mayAdopt == true, let adopted = try await adopt(child) { claimed.append(adopted) }
            }
        }
        return claimed
    }

    private func ownerStillLives() async throws(APIError) -> Bool {
        do {
            let live = try await client.get(Owner.self, owner.key)
            return live.uid == owner.uid && !live.isBeingDeleted
        } catch  where error.isNotFound {
            return false
        }
    }

    private func adopt(_ child: Child) async throws(APIError) -> Child? {
        let reference = Value.object(
            OrderedFields([
                ("apiVersion", .string(Owner.resource.apiVersion)),
                ("kind", .string(Owner.resource.kind)),
                ("name", .string(owner.name)),
                ("uid", .string(owner.uid)),
                ("controller", .bool(true)),
                ("blockOwnerDeletion", .bool(true)),
            ]))
        do {
            return try await client.patch(Child.self, child.key, patch(of: child, reference))
        } catch  where error.isNotFound || error.isInvalid {
            // Gone, or someone else's by now.
            return nil
        }
    }

    private func release(_ child: Child) async throws(APIError) {
        let reference = Value.object(OrderedFields([("$patch", .string("delete")), ("uid", .string(owner.uid))]))
        do {
            try await client.patch(Child.resource, child.key, patch(of: child, reference))
        } catch  where error.isNotFound || error.isInvalid {
            // Gone, or released by someone else.
        }
    }

    /// `uid` makes the server refuse it for an object of the same name that took the child's place.
    private func patch(of child: Child, _ reference: Value) -> Patch {
        let metadata = OrderedFields([("ownerReferences", .array([reference])), ("uid", .string(child.uid))])
        return .strategic(.object(OrderedFields([("metadata", .object(metadata))])))
    }
}

internal import APIMachinery

extension APIObject {
    /// The owner that manages this object; at most one has `controller: true`.
    var controllerReference: OwnerReference? { metadata.ownerReferences.first { $0.controller == true } }

    var isBeingDeleted: Bool { metadata.deletionTimestamp != nil }

    /// Empty before the object was created.
    var uid: String { metadata.uid ?? "" }

    var name: String { metadata.name ?? "" }

    /// What an object that this one manages carries.
    var controllerReferenceToSelf: OwnerReference {
        let resource = Self.resource
        var reference = OwnerReference()
        reference.apiVersion = resource.apiVersion
        reference.kind = resource.kind
        reference.name = name
        reference.uid = uid
        reference.controller = true
        reference.blockOwnerDeletion = true
        return reference
    }
}

internal import APIMachinery
internal import Storage

/// Nothing is made in a namespace that is not there or is going; some namespaces never go.
struct NamespaceLifecycle: AdmissionPlugin {
    let store: any Store
    let prefix: String

    private static let immortal: Set<String> = ["default", "kube-system", "kube-public"]

    func concerns(_ resource: Resource) -> Bool {
        // Reviews tell nothing of the namespace, not even that it is there.
        resource.isNamespaced ? resource.id.plural != "localsubjectaccessreviews" : resource.id.plural == "namespaces"
    }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.resource.isNamespaced else { return }
        guard let namespace = store.get(prefix + request.namespace) else {
            throw .notFound(ResourceID(group: "", plural: "namespaces"), request.namespace)
        }
        guard MetadataScanner(json: namespace.value).metadata.hasDeletionTimestamp else { return }
        throw request.forbidden(
            "unable to create new content in namespace \(request.namespace) because it is being terminated",
            causes: [
                APIError.Cause(
                    reason: "NamespaceTerminating", message: "namespace \(request.namespace) is being terminated",
                    field: "metadata.namespace")
            ])
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .delete, request.isFor("", "namespaces"), request.subresource.isEmpty,
            Self.immortal.contains(request.name)
        else { return }
        throw request.forbidden("this namespace may not be deleted")
    }
}

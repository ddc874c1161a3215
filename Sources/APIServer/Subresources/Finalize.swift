internal import APIMachinery

/// `namespaces/NAME/finalize`: only `spec.finalizers` changes; with the last one the namespace goes.
extension APIServer {
    func finalize(_ context: RequestContext) async throws(APIError) -> Answer {
        let options = try WriteOptions(context.query, kind: "UpdateOptions")
        let resource = context.resource
        let decoded = try decoder.decode(
            context.request, as: resource.kind, type: resource.type, internalGroup: resource.internalGroup,
            validation: options.validation)
        try checkName(decoded.object, context)
        let finalizers = decoded.object[path: "spec", "finalizers"]
        let version = decoded.object.resourceVersion
        return try await modify(context, options, warnings: decoded.warnings) { (old) throws(APIError) in
            var object = old
            object.editObject("spec") { $0["finalizers"] = finalizers }
            object.editMetadata { $0["resourceVersion"] = version.isEmpty ? nil : .string(version) }
            return object
        }
    }
}

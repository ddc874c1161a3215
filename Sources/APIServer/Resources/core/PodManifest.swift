internal import APIMachinery
internal import Transport

/// Pods that come to a node from a file are read as a create would: same defaults, same checks.
extension APIServer {
    /// `text`: JSON or YAML. Returns the pod as JSON, in the `default` namespace if it names none, and what is odd.
    /// - Throws: what a create of the pod would be answered with.
    package func podManifest(_ text: [UInt8]) throws(APIError) -> (json: [UInt8], warnings: [String]) {
        guard let pods = registry.resource("", "pods") else { throw .noSuchPath }
        let request = HTTPRequest(
            method: "POST", path: "/api/v1/pods", headers: ["Content-Type": "application/yaml"], body: text,
            connection: HTTPConnection(remoteAddress: "file"))
        let decoded = try decoder.decode(
            request, as: pods.kind, type: pods.type, internalGroup: pods.internalGroup, validation: .warn)
        var pod = decoded.object
        pods.strategy.applyDefaults(&pod)
        pod.editMetadata { metadata in
            for key in ["uid", "resourceVersion", "managedFields"] where metadata[key] != nil { metadata[key] = nil }
            if metadata.text("namespace").isEmpty { metadata["namespace"] = "default" }
        }
        pod["status"] = nil
        pods.strategy.prepareForCreate(&pod)
        pod = try normalised(pod, pods)
        let errors = ObjectMetaValidation.validateCreate(pod, pods) + pods.strategy.validateCreate(pod)
        guard errors.isEmpty else { throw .invalid(pods.storedKind, pod.name, errors) }
        return (pod.jsonBytes(), decoded.warnings)
    }
}

extension CRIClient {
    /// Name and version of the runtime.
    package func version() async throws(CRIError) -> CRIVersionResponse {
        try await call("Version", CRIVersionRequest(), timeout: .seconds(10))
    }

    /// Whether the runtime and its network are ready, with its reasons.
    package func status() async throws(CRIError) -> [CRIRuntimeCondition] {
        let response: CRIStatusResponse = try await call("Status", CRIStatusRequest(), timeout: .seconds(10))
        return response.status.conditions
    }

    /// Creates and starts a sandbox with its network. Returns its id.
    ///
    /// A call whose answer was lost may have made the sandbox all the same; one that has the name is replaced.
    package func runPodSandbox(
        _ config: CRIPodSandboxConfig, runtimeHandler: String = ""
    ) async throws(CRIError) -> String {
        var request = CRIRunPodSandboxRequest()
        request.config = config
        request.runtimeHandler = runtimeHandler
        let timeout = Duration.seconds(240)
        let response: CRIRunPodSandboxResponse
        do throws(CRIError) {
            response = try await call("RunPodSandbox", request, timeout: timeout)
        } catch {
            guard let leftover = error.ownerOfName else { throw error }
            try await stopPodSandbox(leftover)
            try await removePodSandbox(leftover)
            response = try await call("RunPodSandbox", request, timeout: timeout)
        }
        return response.podSandboxID
    }

    /// Ends what runs in the sandbox and takes its network down. Idempotent.
    package func stopPodSandbox(_ id: String) async throws(CRIError) {
        var request = CRIStopPodSandboxRequest()
        request.podSandboxID = id
        let _: CRIStopPodSandboxResponse = try await call("StopPodSandbox", request)
    }

    /// Removes the sandbox and its containers. Idempotent.
    package func removePodSandbox(_ id: String) async throws(CRIError) {
        var request = CRIRemovePodSandboxRequest()
        request.podSandboxID = id
        let _: CRIRemovePodSandboxResponse = try await call("RemovePodSandbox", request)
    }

    package func podSandboxStatus(_ id: String) async throws(CRIError) -> CRIPodSandboxStatus {
        var request = CRIPodSandboxStatusRequest()
        request.podSandboxID = id
        let response: CRIPodSandboxStatusResponse = try await call("PodSandboxStatus", request)
        return response.status
    }

    /// A sandbox with what the runtime tells beside the status, as JSON under the key `info`.
    package func podSandboxDetails(_ id: String) async throws(CRIError) -> String {
        var request = CRIPodSandboxStatusRequest()
        request.podSandboxID = id
        request.verbose = true
        let response: CRIPodSandboxStatusResponse = try await call("PodSandboxStatus", request)
        return response.info["info"] ?? ""
    }

    /// All sandboxes, or those that carry all of `labels`.
    package func listPodSandboxes(labels: [String: String] = [:]) async throws(CRIError) -> [CRIPodSandbox] {
        var request = CRIListPodSandboxRequest()
        if !labels.isEmpty { request.filter.labelSelector = labels }
        let response: CRIListPodSandboxResponse = try await call("ListPodSandbox", request)
        return response.items
    }

    /// Where to open a port-forward stream of a sandbox (SPDY/3.1 over plain HTTP on loopback).
    package func portForwardURL(sandboxID: String, ports: [Int32]) async throws(CRIError) -> String {
        var request = CRIPortForwardRequest()
        request.podSandboxID = sandboxID
        request.port = ports
        let response: CRIPortForwardResponse = try await call("PortForward", request)
        return response.url
    }
}

/// Which of a process's streams an exec or attach wants.
package struct ContainerStreams: Sendable, Hashable {
    package var stdin: Bool
    package var stdout: Bool
    package var stderr: Bool
    package var tty: Bool

    package init(stdin: Bool, stdout: Bool, stderr: Bool, tty: Bool) {
        self.stdin = stdin
        self.stdout = stdout
        // With a terminal both outputs are one; the runtime refuses a request for two.
        self.stderr = stderr && !tty
        self.tty = tty
    }
}

extension CRIClient {
    /// Creates a container in a running sandbox. Returns its id.
    ///
    /// A call whose answer was lost may have made the container all the same; one that has the name is replaced.
    package func createContainer(
        _ config: CRIContainerConfig, in sandboxID: String, sandbox: CRIPodSandboxConfig
    ) async throws(CRIError) -> String {
        var request = CRICreateContainerRequest()
        request.podSandboxID = sandboxID
        request.config = config
        request.sandboxConfig = sandbox
        let response: CRICreateContainerResponse
        do throws(CRIError) {
            response = try await call("CreateContainer", request)
        } catch {
            guard let leftover = error.ownerOfName else { throw error }
            try await removeContainer(leftover)
            response = try await call("CreateContainer", request)
        }
        return response.containerID
    }

    package func startContainer(_ id: String) async throws(CRIError) {
        var request = CRIStartContainerRequest()
        request.containerID = id
        let _: CRIStartContainerResponse = try await call("StartContainer", request)
    }

    /// Changes what a container is held to, while it runs or before it starts.
    package func updateContainerResources(
        _ id: String, _ resources: CRILinuxContainerResources
    ) async throws(CRIError) {
        var request = CRIUpdateContainerResourcesRequest()
        request.containerID = id
        request.linux = resources
        let _: CRIUpdateContainerResourcesResponse = try await call("UpdateContainerResources", request)
    }

    /// Asks the container to end and kills it after `grace` seconds. Returns when it has ended. Idempotent.
    package func stopContainer(_ id: String, grace: Int64) async throws(CRIError) {
        var request = CRIStopContainerRequest()
        request.containerID = id
        request.timeout = grace
        let _: CRIStopContainerResponse = try await call("StopContainer", request, timeout: .seconds(grace + 120))
    }

    /// Idempotent.
    package func removeContainer(_ id: String) async throws(CRIError) {
        var request = CRIRemoveContainerRequest()
        request.containerID = id
        let _: CRIRemoveContainerResponse = try await call("RemoveContainer", request)
    }

    /// All containers, or those of one sandbox, or those that carry all of `labels`.
    package func listContainers(
        sandboxID: String? = nil, labels: [String: String] = [:]
    ) async throws(CRIError) -> [CRIContainer] {
        var request = CRIListContainersRequest()
        if let sandboxID { request.filter.podSandboxID = sandboxID }
        if !labels.isEmpty { request.filter.labelSelector = labels }
        let response: CRIListContainersResponse = try await call("ListContainers", request)
        return response.containers
    }

    package func containerStatus(_ id: String) async throws(CRIError) -> CRIContainerStatus {
        var request = CRIContainerStatusRequest()
        request.containerID = id
        let response: CRIContainerStatusResponse = try await call("ContainerStatus", request)
        return response.status
    }

    /// Tells the runtime that the log file was moved away, so that it opens a new one.
    package func reopenContainerLog(_ id: String) async throws(CRIError) {
        var request = CRIReopenContainerLogRequest()
        request.containerID = id
        let _: CRIReopenContainerLogResponse = try await call("ReopenContainerLog", request)
    }

    /// Runs a command and waits for its end.
    /// `timeoutSeconds`: 0 waits for ever.
    package func execSync(
        _ id: String, command: [String], timeoutSeconds: Int64
    ) async throws(CRIError) -> CRIExecSyncResponse {
        var request = CRIExecSyncRequest()
        request.containerID = id
        request.cmd = command
        request.timeout = timeoutSeconds
        let limit: Duration? = timeoutSeconds > 0 ? .seconds(timeoutSeconds + 30) : nil
        return try await call("ExecSync", request, timeout: limit)
    }

    /// Where to open the streams of a new process in a container.
    package func execURL(
        _ id: String, command: [String], streams: ContainerStreams
    ) async throws(CRIError) -> String {
        var request = CRIExecRequest()
        request.containerID = id
        request.cmd = command
        request.tty = streams.tty
        request.stdin = streams.stdin
        request.stdout = streams.stdout
        request.stderr = streams.stderr
        let response: CRIExecResponse = try await call("Exec", request)
        return response.url
    }

    /// Where to open the streams of a container's first process.
    package func attachURL(_ id: String, streams: ContainerStreams) async throws(CRIError) -> String {
        var request = CRIAttachRequest()
        request.containerID = id
        request.tty = streams.tty
        request.stdin = streams.stdin
        request.stdout = streams.stdout
        request.stderr = streams.stderr
        let response: CRIAttachResponse = try await call("Attach", request)
        return response.url
    }

    /// CPU, memory and disk use of every container, or of those that carry all of `labels`.
    package func listContainerStats(labels: [String: String] = [:]) async throws(CRIError) -> [CRIContainerStats] {
        var request = CRIListContainerStatsRequest()
        if !labels.isEmpty { request.filter.labelSelector = labels }
        let response: CRIListContainerStatsResponse = try await call("ListContainerStats", request)
        return response.stats
    }
}

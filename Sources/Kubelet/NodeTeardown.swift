internal import CLinux
internal import CRI
internal import Glibc
package import Logging

/// Ends what the node agent runs, and removes what it ever made on this machine, while no Skiff runs.
package struct NodeTeardown: Sendable {
    private let configuration: KubeletConfiguration
    private let logger: Logger

    private var runtime: RuntimeConfiguration { configuration.runtime }

    package init(configuration: KubeletConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Ends every pod with its grace period, all at once, then containerd. State and images stay. Idempotent.
    package func stopPods() async throws {
        if runtime.externalEndpoint == nil {
            let isNeeded = ContainerdProcess.recorded(runtime) != nil || !bundles.isEmpty
            guard isNeeded else {
                ServiceAddress(configuration.clusterDNS).remove()
                return PodNetwork(configuration: runtime).takeDown()
            }
        }
        let containers = try ContainerRuntime(configuration: runtime, logger: logger)
        // Ends with this call: it only holds the connection.
        let connection = Task { try await containers.client.run() }
        defer { connection.cancel() }
        try await containers.start()
        await endAll(containers.client)
        guard runtime.externalEndpoint == nil else { return }
        let (runtime, clusterDNS) = (runtime, configuration.clusterDNS)
        try await BlockingWork.run {
            ServiceAddress(clusterDNS).remove()
            if let pid = ContainerdProcess.recorded(runtime) { ContainerdProcess.stop(pid) }
            unlink(runtime.pidFile)
            FileSystem.unmountAll(below: runtime.podDirectory)
            PodNetwork(configuration: runtime).takeDown()
        }
    }

    /// Removes every file, mount, link, rule and cgroup. `stopPods` comes first; what it could not end is killed.
    /// Idempotent.
    package func remove() async throws {
        if runtime.externalEndpoint != nil { try await removeFromForeignRuntime() }
        let (runtime, cgroupRoot, clusterDNS) = (runtime, configuration.cgroupRoot, configuration.clusterDNS)
        let leftovers = bundles
        try await BlockingWork.run {
            if let pid = ContainerdProcess.recorded(runtime) { ContainerdProcess.stop(pid) }
            Self.killLeftovers(leftovers, socket: runtime.socketPath)
            FileSystem.unmountAll(below: runtime.runDirectory)
            FileSystem.unmountAll(below: runtime.dataDirectory)
            PodNetwork(configuration: runtime).remove()
            ServiceAddress(clusterDNS).remove()
            ControlGroups.machine.remove(cgroupRoot)
            // Shims keep their sockets there, whatever the state directory is.
            for directory in ["/run/containerd/s", "/run/containerd/fifo", "/run/containerd"] { rmdir(directory) }
            let owned = [
                runtime.rootDirectory, runtime.stateDirectory, runtime.runcDirectory, runtime.registryDirectory,
                runtime.podDirectory, runtime.podLogDirectory, runtime.storageDirectory, runtime.pidFile,
                runtime.runDirectory + "/containerd.sock",
                runtime.runDirectory + "/containerd.sock.ttrpc",
            ]
            for path in owned { try FileSystem.remove(path) }
            rmdir(runtime.runDirectory)
        }
    }

    /// Ordinary pods first, critical ones when those have ended: the order of a machine's shutdown.
    private func endAll(_ client: CRIClient) async {
        let sandboxes = ((try? await client.listPodSandboxes()) ?? []).filter(isOurs)
        let containers = (try? await client.listContainers()) ?? []
        let critical = sandboxes.filter { sandbox in
            (Int32(sandbox.annotations[RuntimeLabels.priority] ?? "") ?? 0) >= ShutdownSettings.criticalPriority
        }
        let ids = Set(critical.map(\.id))
        await end(sandboxes.filter { !ids.contains($0.id) }, containers, client)
        await end(critical, containers, client)
    }

    private func end(_ sandboxes: [CRIPodSandbox], _ containers: [CRIContainer], _ client: CRIClient) async {
        await withDiscardingTaskGroup { group in
            for sandbox in sandboxes {
                let grace = Int64(sandbox.annotations[RuntimeLabels.gracePeriod] ?? "") ?? 30
                let running = containers.filter { $0.podSandboxID == sandbox.id && $0.state == .containerRunning }
                group.addTask {
                    await withDiscardingTaskGroup { group in
                        for container in running {
                            group.addTask { try? await client.stopContainer(container.id, grace: grace) }
                        }
                    }
                    do {
                        try await client.stopPodSandbox(sandbox.id)
                    } catch {
                        logger.warning("cannot stop pod \(sandbox.metadata.name): \(error)")
                    }
                }
            }
        }
    }

    /// Another's runtime may hold sandboxes that are none of ours.
    private func isOurs(_ sandbox: CRIPodSandbox) -> Bool { sandbox.annotations[RuntimeLabels.gracePeriod] != nil }

    private func removeFromForeignRuntime() async throws {
        let client = try CRIClient(socketPath: runtime.socketPath)
        // Ends with this call: it only holds the connection.
        let connection = Task { try await client.run() }
        defer { connection.cancel() }
        for sandbox in try await client.listPodSandboxes() where isOurs(sandbox) {
            try await client.removePodSandbox(sandbox.id)
        }
    }

    // MARK: - What containerd left

    /// Directories of tasks that containerd believes to run.
    private var bundles: [String] {
        let directory = runtime.stateDirectory + "/io.containerd.runtime.v2.task/k8s.io"
        return FileSystem.entries(directory).map { directory + "/" + $0 }
    }

    /// Kills containers and shims by what their bundles say, and removes the shims' sockets.
    private static func killLeftovers(_ bundles: [String], socket: String) {
        for bundle in bundles {
            if let pid = FileSystem.text(bundle + "/init.pid").flatMap({ pid_t($0) }), pid > 1,
                (FileSystem.text("/proc/\(pid)/cgroup") ?? "").contains(
                    "/" + (bundle.split(separator: "/").last ?? "-"))
            {
                kill(pid, SIGKILL)
            }
            if let address = FileSystem.text(bundle + "/address"), address.hasPrefix("unix://") {
                unlink(String(address.dropFirst(7)))
            }
        }
        for name in FileSystem.entries("/proc") {
            guard let pid = pid_t(name), let command = FileSystem.text("/proc/\(pid)/cmdline") else { continue }
            let words = command.split(separator: "\0")
            if words.first?.hasSuffix("containerd-shim-runc-v2") == true, words.contains(where: { $0 == socket }) {
                kill(pid, SIGKILL)
            }
        }
    }
}

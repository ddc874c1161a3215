import CRI
import Glibc
import Logging
import Testing

@testable import Kubelet

/// Starts a real containerd of its own; skipped where that is not possible.
@Suite(
    .serialized,
    .enabled(
        if: geteuid() == 0 && ["containerd", "runc", "nft", "ctr", "catatonit"].allSatisfy { Command.find($0) != nil },
        "needs root and Debian's containerd, runc, nftables and catatonit"))
struct `Container runtime` {
    private let configuration: KubeletConfiguration
    private let logger = Logger(label: "test")

    init() throws {
        var template = Array("/tmp/skiff-runtime-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let directory = String(cString: made)
        let number = getpid() % 10_000
        configuration = KubeletConfiguration(
            nodeName: "test", nodeAddress: "127.0.0.1",
            runtime: RuntimeConfiguration(
                dataDirectory: directory + "/data", runDirectory: directory + "/run", podCIDR: "10.213.7.0/24",
                clusterCIDR: "10.213.0.0/16", networkName: "skt\(number)"),
            clusterDNS: "10.96.0.10", clusterDomain: "cluster.local", version: "test", cgroupRoot: "/skifft\(number)")
    }

    private func remove() async throws {
        let teardown = NodeTeardown(configuration: configuration, logger: logger)
        try await teardown.stopPods()
        try await teardown.remove()
        try FileSystem.remove(FileSystem.directory(of: configuration.runtime.dataDirectory))
    }

    /// Runs `body` with a runtime that is up.
    private func withRuntime(_ body: (ContainerRuntime) async throws -> Void) async throws {
        let runtime = try ContainerRuntime(configuration: configuration.runtime, logger: logger)
        let running = Task { try await runtime.run() }
        defer { running.cancel() }
        try await runtime.start()
        try await body(runtime)
    }

    private func sandbox(_ uid: String) -> CRIPodSandboxConfig {
        var sandbox = CRIPodSandboxConfig()
        sandbox.metadata.name = "p"
        sandbox.metadata.namespace = "default"
        sandbox.metadata.uid = uid
        sandbox.hostname = "p"
        sandbox.labels[RuntimeLabels.podUID] = uid
        sandbox.annotations[RuntimeLabels.gracePeriod] = "1"
        sandbox.linux.cgroupParent = configuration.cgroupRoot + "/besteffort/pod" + uid
        return sandbox
    }

    @Test func `starts, is adopted with its sandboxes, and leaves nothing behind`() async throws {
        var id = ""
        var pid: pid_t?
        do {
            try await withRuntime { runtime in
                id = try await runtime.client.runPodSandbox(sandbox("u1"))
                let status = try await runtime.client.podSandboxStatus(id)
                #expect(status.network.ip.hasPrefix("10.213.7."))
                pid = ContainerdProcess.recorded(configuration.runtime)
                #expect(pid != nil)
            }
            try await withRuntime { runtime in
                #expect(ContainerdProcess.recorded(configuration.runtime) == pid)
                #expect(try await runtime.client.podSandboxStatus(id).state == .sandboxReady)
                let owners = ContainerOwners()
                let found = try await RuntimeInventory(cri: runtime.client).read(owners)
                #expect(found["u1"]?.sandbox?.id == id)
                #expect(owners[id] == "u1")
            }
        } catch {
            try await remove()
            throw error
        }
        try await remove()
        let directory = FileSystem.directory(of: configuration.runtime.dataDirectory)
        #expect(!FileSystem.exists(directory))
        #expect(FileSystem.mounts(below: directory).isEmpty)
        #expect(if_nametoindex(configuration.runtime.networkName) == 0)
        #expect(ControlGroups.machine.hierarchies.allSatisfy { !FileSystem.exists($0 + configuration.cgroupRoot) })
        // A second time is as good.
        try await NodeTeardown(configuration: configuration, logger: logger).remove()
    }
}

import Foundation
import TestSupport
import Testing

/// Changes of running containers' cpu and memory, as the kernel has them.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(14),
    .timeLimit(.minutes(5)))
struct `Resizes in place` {
    private static let status = ".status.containerStatuses[0]"

    private func resize(_ pod: String, _ container: String, _ resources: String) async throws -> CommandResult {
        try await cluster().kubectl([
            "patch", "pod", pod, "--subresource", "resize", "-p",
            #"{"spec":{"containers":[{"name":"\#(container)","resources":\#(resources)}]}}"#,
        ])
    }

    /// What the container sees of its own control group, either version: quota, shares or weight, memory.
    private func limits(_ pod: String, _ container: String = "c") async throws -> [String] {
        let script = """
            if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cd /sys/fs/cgroup; cat cpu.max cpu.weight memory.max; \
            else cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us cpu/cpu.shares memory/memory.limit_in_bytes; fi
            """
        return try await cluster().check("exec", pod, "-c", container, "--", "sh", "-c", script)
            .split(separator: "\n").map { String($0.prefix { $0 != " " }) }
    }

    @Test func `cpu and memory change without a restart, and outlive one of Skiff`() async throws {
        let cluster = try cluster()
        let resources = "resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}"
        try await cluster.apply(podManifest("grows", "  containers:\n" + shell("c", "sleep 3600", resources)))
        try await cluster.check("wait", "--for=condition=Ready", "pod/grows", "--timeout=60s")
        let first = try await limits("grows")
        #expect(first.first == "20000" && first.last == "67108864", "\(first)")
        #expect(try await cluster.field("grows", Self.status + ".resources.limits.cpu") == "200m")

        let grow = try await resize(
            "grows", "c", #"{"requests":{"cpu":"150m","memory":"48Mi"},"limits":{"cpu":"300m","memory":"128Mi"}}"#)
        #expect(grow.isSuccess, "\(grow)")
        try await cluster.field("grows", Self.status + ".resources.limits.memory", becomes: "128Mi")
        try await cluster.field("grows", Self.status + ".allocatedResources.cpu", becomes: "150m")
        let second = try await limits("grows")
        #expect(second.first == "30000" && second.last == "134217728", "\(second)")
        #expect(second[1] != first[1], "the share follows the request")
        #expect(try await cluster.field("grows", Self.status + ".restartCount") == "0")
        try await cluster.field("grows", #".status.conditions[?(@.type=="PodResizeInProgress")].status"#, becomes: "")
        let generation = try await cluster.field("grows", ".metadata.generation")
        try await cluster.field("grows", ".status.observedGeneration", becomes: generation)
        try await eventually("the events are there") {
            let events = try await cluster.events(of: "grows")
            return events.contains("Normal ResizeStarted Pod resize started: {")
                && events.contains("Normal ResizeCompleted Pod resize completed: {")
        }
        let shrink = try await resize("grows", "c", #"{"limits":{"memory":"96Mi"}}"#)
        #expect(shrink.isSuccess, "\(shrink)")
        try await cluster.field("grows", Self.status + ".resources.limits.memory", becomes: "96Mi")
        #expect(try await limits("grows").last == "100663296")
        // The cause of an error is told, and the resize goes on when it is gone.
        try await cluster.check("exec", "grows", "--", "sh", "-c", "head -c 20000000 /dev/zero > /dev/shm/fill")
        #expect(try await resize("grows", "c", #"{"requests":{"memory":"8Mi"},"limits":{"memory":"10Mi"}}"#).isSuccess)
        let progress = #".status.conditions[?(@.type=="PodResizeInProgress")]"#
        try await cluster.field("grows", progress + ".reason", becomes: "Error")
        #expect(try await cluster.field("grows", progress + ".message").contains("below current usage"))
        try await cluster.check("exec", "grows", "--", "rm", "/dev/shm/fill")
        try await cluster.field("grows", Self.status + ".resources.limits.memory", becomes: "10Mi")

        kill(try #require(cluster.serverPID), SIGKILL)
        let up = try await cluster.up()
        #expect(up.isSuccess, "\(up)")
        try await cluster.check("label", "pod", "grows", "seen=again")
        let generation2 = try await cluster.field("grows", ".metadata.generation")
        try await cluster.field("grows", ".status.observedGeneration", becomes: generation2)
        #expect(
            try await cluster.field("grows", Self.status + ".allocatedResources") == #"{"cpu":"150m","memory":"8Mi"}"#)
        #expect(try await limits("grows").first == "30000")
        #expect(try await cluster.field("grows", Self.status + ".restartCount") == "0")
        try await cluster.deleteNow("grows")
    }

    @Test func `what the node cannot give is told, and given when others give back`() async throws {
        let cluster = try cluster()
        let allocatable = try await cluster.check(
            "get", "nodes", "-o", "jsonpath={.items[0].status.allocatable.cpu}")
        let cpus = Int(allocatable) ?? 2
        func holds(_ amount: String) -> String { "resources: {requests: {cpu: \(amount)}}" }
        try await cluster.apply(
            podManifest("small", "  containers:\n" + shell("c", "sleep 3600", holds("100m"))),
            podManifest("big", "  containers:\n" + shell("c", "sleep 3600", holds("\(cpus * 1000 - 700)m"))))
        try await cluster.check("wait", "--for=condition=Ready", "pod/small", "pod/big", "--timeout=60s")
        let pending = #".status.conditions[?(@.type=="PodResizePending")]"#
        #expect(try await resize("small", "c", #"{"requests":{"cpu":"1500m"}}"#).isSuccess)
        try await cluster.field("small", pending + ".reason", becomes: "Deferred")
        try await cluster.deleteNow("big")
        try await cluster.field("small", Self.status + ".allocatedResources.cpu", becomes: "1500m")
        try await cluster.field("small", pending + ".reason", becomes: "")
        try await eventually("the events are there") {
            let events = try await cluster.events(of: "small")
            return events.contains("Warning ResizeDeferred Pod resize Deferred: {")
        }
        try await cluster.deleteNow("small")
    }

    @Test func `a container that wants it is restarted with its new resources, another is not`() async throws {
        let cluster = try cluster()
        let policy = "resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]"
        let resources = "resources: {requests: {memory: 32Mi}, limits: {memory: 64Mi}}"
        try await cluster.apply(
            podManifest(
                "again",
                "  initContainers:\n" + shell("side", "sleep 3600", "restartPolicy: Always, \(resources)")
                    + "\n  containers:\n" + shell("c", "sleep 3600", "\(policy), \(resources)")))
        try await cluster.check("wait", "--for=condition=Ready", "pod/again", "--timeout=60s")
        #expect(try await resize("again", "c", #"{"limits":{"memory":"80Mi"}}"#).isSuccess)
        try await cluster.field("again", Self.status + ".restartCount", becomes: "1")
        try await cluster.check("wait", "--for=condition=Ready", "pod/again", "--timeout=30s")
        try await cluster.field("again", Self.status + ".resources.limits.memory", becomes: "80Mi")
        #expect(try await limits("again").last == "83886080")
        let side = try await cluster.kubectl([
            "patch", "pod", "again", "--subresource", "resize", "-p",
            #"{"spec":{"initContainers":[{"name":"side","resources":{"limits":{"memory":"72Mi"}}}]}}"#,
        ])
        #expect(side.isSuccess, "\(side)")
        try await cluster.field("again", ".status.initContainerStatuses[0].resources.limits.memory", becomes: "72Mi")
        #expect(try await limits("again", "side").last == "75497472")
        #expect(try await cluster.field("again", ".status.initContainerStatuses[0].restartCount") == "0")
        try await cluster.field("again", #".status.conditions[?(@.type=="PodResizeInProgress")].status"#, becomes: "")
        try await cluster.deleteNow("again")
    }
}

import Foundation
import TestSupport
import Testing

/// A small node of its own: 600 MiB of memory for pods, and a disk of 700 MB.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(11, flags: SmallNode.flags, megabytes: 700), .timeLimit(.minutes(5)))
struct `Nodes under pressure` {
    @Test func `memory: the pod beyond its request goes, and nothing without a request comes`() async throws {
        let cluster = try cluster()
        let allocatable = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].status.allocatable.memory}")
        #expect(allocatable == "500Mi")
        // Writing begins with the file `go`, so that the neighbours run by then.
        let hog = "until [ -e /go ]; do sleep 1; done; dd if=/dev/zero of=/m/x bs=1M count=505; sleep 3600"
        try await cluster.check(
            "apply", "-f", "-",
            input: [
                pod("hog", hog, resources: "requests: {memory: 50Mi}", volume: true), pod("calm", "sleep 3600"),
                pod("sure", "sleep 3600", resources: "limits: {memory: 20Mi, cpu: 10m}"),
            ].joined(separator: "---\n"))
        try await cluster.check("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        try await cluster.check("exec", "hog", "--", "touch", "/go")
        try await eventually("the node tells", timeout: .seconds(40)) {
            try await condition("MemoryPressure") == "True KubeletHasInsufficientMemory"
        }
        // It has not been tried on an idle node: the scheduler itself would hold the pod back.
        let name = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].metadata.name}")
        try await cluster.check(
            "apply", "-f", "-", input: pod("late", "sleep 3600", spec: "nodeName: \(name)"))
        try await eventually("a pod without a request is refused") {
            try await status("late") == "Failed Evicted Pod was rejected: The node had condition: [MemoryPressure]. "
        }
        try await eventually("the hog is evicted") { try await status("hog").hasPrefix("Failed Evicted") }
        let message = try await status("hog")
        #expect(message.contains("The node was low on resource: memory. Threshold quantity: 100Mi, available: "))
        #expect(message.contains("Container c was using "))
        #expect(message.contains("Ki, request is 50Mi, has larger consumption of memory. "), "\(message)")
        let events = try await cluster.check("events", "-A")
        #expect(events.contains("EvictionThresholdMet"))
        #expect(events.contains("Attempting to reclaim memory"))
        #expect(events.contains("NodeHasInsufficientMemory"))
        try await eventually("the pressure is over", timeout: .seconds(60)) {
            try await condition("MemoryPressure") == "False KubeletHasSufficientMemory"
        }
        #expect(try await status("calm") == "Running  ")
        #expect(try await status("sure") == "Running  ")
        try await eventually("the taint goes") {
            try await cluster.check("get", "node", "-o", "jsonpath={.items[0].spec.taints}") == ""
        }
        try await cluster.check("delete", "pod", "--all", "--now")
    }

    @Test func `disk: images and dead containers go first, then the largest writer`() async throws {
        let cluster = try cluster()
        #expect(try await images().contains("hello:2"))
        try await cluster.check(
            "apply", "-f", "-",
            input: [
                // Its end leaves a dead container with most of the disk.
                pod("ended", "dd if=/dev/zero of=/x bs=1M count=320", spec: "restartPolicy: Never"),
                pod("calm", "sleep 3600"),
            ].joined(separator: "---\n"))
        try await cluster.check("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/ended", "--timeout=60s")
        // More pressure than the running pods cause: nobody is evicted for it.
        try await cluster.check(
            "apply", "-f", "-", input: pod("second", "dd if=/dev/zero of=/x bs=1M count=190; sleep 3600"))
        try await eventually("the node tells", timeout: .seconds(40)) {
            try await condition("DiskPressure") == "True KubeletHasDiskPressure"
        }
        try await eventually("the dead container and the unused image go", timeout: .seconds(60)) {
            try await condition("DiskPressure") == "False KubeletHasNoDiskPressure"
        }
        #expect(try await status("second") == "Running  ")
        #expect(try await status("ended") == "Succeeded  ")
        // Now a running pod is the reason.
        try await cluster.check(
            "apply", "-f", "-", input: pod("writer", "dd if=/dev/zero of=/x bs=1M count=320; sleep 3600"))
        try await eventually("the writer is evicted", timeout: .seconds(60)) {
            try await status("writer").hasPrefix("Failed Evicted The node was low on resource: ephemeral-storage. ")
        }
        #expect(try await !images().contains("hello:2"))
        #expect(try await images().contains("hello:1"))
        #expect(try await images().contains("pause"))
        #expect(try await status("calm") == "Running  ")
        try await eventually("the pressure is over", timeout: .seconds(60)) {
            try await condition("DiskPressure") == "False KubeletHasNoDiskPressure"
        }
        try await cluster.check("delete", "pod", "--all", "--now")
    }

    @Test func `images that nothing uses go when the disk is fuller than it should be`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: pod("user", "sleep 3600"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/user", "--timeout=60s")
        let load = try await cluster.skiff(
            ["image", "load", cluster.directory + "/images/hello-2.tar", "--data-dir", cluster.dataDirectory])
        #expect(load.isSuccess, "\(load)")
        #expect(try await images().contains("hello:2"))
        // The first look comes with the start.
        let pid = try #require(cluster.serverPID)
        kill(pid, SIGTERM)
        try await eventually("the server ends") { kill(pid, 0) != 0 }
        let up = try await cluster.up(
            SmallNode.flags + [
                "--kubelet-arg", "image-gc-high-threshold=1", "--kubelet-arg", "image-gc-low-threshold=0",
                "--kubelet-arg", "minimum-image-ttl-duration=0s",
            ])
        #expect(up.isSuccess, "\(up)")
        try await eventually("the unused image goes") { try await !images().contains("hello:2") }
        #expect(try await images().contains("hello:1"))
        #expect(try await images().contains("pause"))
        try await eventually("the event says that it was not enough") {
            let events = try await cluster.check("events", "-A")
            return events.contains("FreeDiskSpaceFailed")
                && events.contains("Insufficient free disk space on the node's image filesystem (")
        }
        #expect(try await status("user") == "Running  ")
        try await cluster.check("delete", "pod", "user", "--now")
    }

    // MARK: - Helpers

    private func images() async throws -> String {
        let cluster = try cluster()
        return try await cluster.skiff(["image", "ls", "--data-dir", cluster.dataDirectory]).output
    }

    private func condition(_ type: String) async throws -> String {
        try await cluster().check(
            "get", "node", "-o",
            "jsonpath={.items[0].status.conditions[?(@.type==\"\(type)\")].status} "
                + "{.items[0].status.conditions[?(@.type==\"\(type)\")].reason}")
    }

    private func status(_ pod: String) async throws -> String {
        try await cluster().check(
            "get", "pod", pod, "-o", "jsonpath={.status.phase} {.status.reason} {.status.message}")
    }

    private func pod(
        _ name: String, _ command: String, resources: String = "", volume: Bool = false, spec: String = ""
    ) -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 1
          \(spec)
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sh, -c, "\(command)"]
            resources: {\(resources)}
            \(volume ? "volumeMounts: [{name: m, mountPath: /m}]" : "")
          \(volume ? "volumes: [{name: m, emptyDir: {medium: Memory}}]" : "")

        """
    }
}

private enum SmallNode {
    static var flags: [String] {
        let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        let total = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int($0) }.first ?? 0
        return [
            "system-reserved=memory=\(total - 600 * 1024)Ki",
            "eviction-hard=memory.available<100Mi,nodefs.available<200Mi",
            "eviction-pressure-transition-period=5s", "minimum-image-ttl-duration=1s",
        ].flatMap { ["--kubelet-arg", $0] }
    }
}

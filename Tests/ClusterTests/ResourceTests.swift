import Foundation
import TestSupport
import Testing

/// What pods may use, as the kernel holds them to it.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(10, flags: ["--kubelet-arg", "pod-max-pids=200"]), .timeLimit(.minutes(5)))
struct `Resources of running pods` {
    @Test func `are those of their control groups, by class of service`() async throws {
        let cluster = try cluster()
        let names = ["guaranteed", "burstable", "besteffort", "whole"]
        let manifests = [
            pod("guaranteed", container(limits: "cpu: 250m, memory: 64Mi")),
            pod("burstable", container(requests: "cpu: 300m, memory: 32Mi", limits: "memory: 0.1Gi")),
            pod("besteffort", container()),
            pod("whole", container(), spec: "resources: {limits: {cpu: 1200m, memory: 96Mi}}"),
        ]
        try await cluster.check("apply", "-f", "-", input: manifests.joined(separator: "---\n"))
        try await cluster.check("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        var groups: [String: PodGroup] = [:]
        for name in names { groups[name] = try await PodGroup(name, cluster) }
        let classes = try await cluster.check("get", "pods", "-o", "jsonpath={.items[*].status.qosClass}")
        #expect(classes == "BestEffort Burstable Guaranteed Guaranteed")

        #expect(groups["guaranteed"]?.qos == "")
        #expect(groups["guaranteed"]?.cpuShares == 256)
        #expect(groups["guaranteed"]?.cpuQuota == 25_000)
        #expect(groups["guaranteed"]?.memory == 64 << 20)
        #expect(groups["burstable"]?.qos == "/burstable")
        #expect(groups["burstable"]?.cpuShares == 307)
        #expect(groups["burstable"]?.cpuQuota == -1)
        #expect(groups["burstable"]?.memory == 107_372_544, "the kernel counts in pages")
        #expect(groups["besteffort"]?.qos == "/besteffort")
        #expect(groups["besteffort"]?.cpuShares == 2)
        #expect(groups["besteffort"]?.memory == nil)
        #expect(groups["whole"]?.cpuQuota == 120_000)
        #expect(groups["whole"]?.memory == 96 << 20)
        for group in groups.values { #expect(group.pids == 200) }
        // The class's share follows its pods.
        #expect(groups["burstable"]?.parentShares == 307)
        try await cluster.check("delete", "pod", "--all", "--now")
        let parent = try #require(groups["burstable"])
        try await eventually("the share goes back") { parent.readParentShares() == 2 }
        #expect(!parent.exists, "the group of a pod that is gone")
    }

    @Test func `memory beyond the limit ends the container, a child's end is told too`() async throws {
        let cluster = try cluster()
        let eater = "x=aaaaaaaa; while :; do x=$x$x; done"
        let manifests = [
            pod("eater", container(command: eater, limits: "memory: 32Mi"), spec: "restartPolicy: Never"),
            pod(
                "parent", container(command: "sh -c '\(eater)'; exit 3", limits: "memory: 32Mi"),
                spec: "restartPolicy: Never"),
            pod("again", container(command: eater, limits: "memory: 32Mi")),
            pod("neighbour", container(limits: "memory: 32Mi")),
        ]
        try await cluster.check("apply", "-f", "-", input: manifests.joined(separator: "---\n"))
        @Sendable func ended(_ name: String, _ path: String) async throws -> String {
            try await cluster.check(
                "get", "pod", name, "-o",
                "jsonpath={.status.containerStatuses[0].\(path).reason} {.status.containerStatuses[0].\(path).exitCode}"
            )
        }
        try await eventually("the eater is killed") { try await ended("eater", "state.terminated") == "OOMKilled 137" }
        try await eventually("the parent ends") { try await ended("parent", "state.terminated") == "OOMKilled 3" }
        try await eventually("the container starts again") {
            try await ended("again", "lastState.terminated") == "OOMKilled 137"
        }
        let table = try await cluster.check("get", "pod", "eater", "--no-headers")
        #expect(table.contains("OOMKilled"), "\(table)")
        let restarts = try await cluster.check(
            "get", "pod", "neighbour", "-o", "jsonpath={.status.containerStatuses[0].restartCount}{.status.phase}")
        #expect(restarts == "0Running")
        try await cluster.check("delete", "pod", "--all", "--now")
    }

    @Test func `forks and logs without end hurt nobody else`() async throws {
        let cluster = try cluster()
        let line = String(repeating: "0123456789", count: 11)
        let manifests = [
            pod("forker", container(command: "while :; do sleep 1000 & done"), spec: "restartPolicy: Never"),
            pod("logger", container(command: "yes \(line)")),
            pod("neighbour", container()),
        ]
        try await cluster.check("apply", "-f", "-", input: manifests.joined(separator: "---\n"))
        try await eventually("the forker comes to its bound") {
            try await cluster.check("logs", "forker").contains("can't fork")
        }
        let group = try await PodGroup("neighbour", cluster)
        let logs = cluster.dataDirectory + "/pod-logs"
        var most = 0
        var written = 0
        for _ in 0..<10 {
            try await Task.sleep(for: .milliseconds(500))
            let sizes = try await Command.run(["du", "-sm", logs]).output
            most = max(most, Int(sizes.prefix { $0.isNumber }) ?? 0)
            let files = try await Command.run(["find", logs, "-name", "0.log.*"]).output
            written = max(written, files.split(separator: "\n").count)
        }
        #expect(written == 4, "the log was rotated through all its files")
        #expect(most < 600, "megabytes of logs on the disk at once")
        #expect(try await cluster.check("exec", "neighbour", "--", "echo", "fine") == "fine\n")
        #expect(group.exists)
        let begin = ContinuousClock.now
        try await cluster.check("delete", "pod", "forker", "logger", "--grace-period=0", "--force")
        try await cluster.check("wait", "--for=delete", "pod/forker", "pod/logger", "--timeout=30s")
        #expect(ContinuousClock.now - begin < .seconds(30))
        try await cluster.check("delete", "pod", "--all", "--now")
    }

    @Test func `local storage beyond a limit evicts the pod`() async throws {
        let cluster = try cluster()
        let fill = "dd if=/dev/zero of=/x bs=1M count=20; sleep 3600"
        let line = String(repeating: "0123456789", count: 11)
        let keep = container(name: "d", limits: "ephemeral-storage: 50Mi")
        let manifests = [
            pod("layer", container(command: fill, limits: "ephemeral-storage: 10Mi") + keep),
            pod("sum", container(command: fill, limits: "ephemeral-storage: 10Mi")),
            pod(
                "logs",
                container(command: "yes \(line) | head -n 60000; sleep 3600", limits: "ephemeral-storage: 2Mi") + keep),
            pod(
                "volume", container(command: "dd if=/dev/zero of=/v/x bs=1M count=5; sleep 3600", mount: "/v"),
                spec: "volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]"),
            pod(
                "memory", container(command: "dd if=/dev/zero of=/v/x bs=1M count=5; sleep 3600", mount: "/v"),
                spec: "volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]"),
        ]
        try await cluster.check("apply", "-f", "-", input: manifests.joined(separator: "---\n"))
        let expected = [
            "layer": "Container c exceeded its local ephemeral storage limit \"10Mi\". ",
            "sum": "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
            "logs": "Container c exceeded its local ephemeral storage limit \"2Mi\". ",
            "volume": "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ",
        ]
        for (name, message) in expected.sorted(by: { $0.key < $1.key }) {
            try await eventually("\(name) is evicted", timeout: .seconds(60)) {
                try await cluster.check(
                    "get", "pod", name, "-o", "jsonpath={.status.phase} {.status.reason} {.status.message}")
                    == "Failed Evicted \(message)"
            }
        }
        let condition = try await cluster.check(
            "get", "pod", "layer", "-o",
            #"jsonpath={.status.conditions[?(@.type=="DisruptionTarget")].status}"#
                + #"{.status.conditions[?(@.type=="DisruptionTarget")].reason}"#)
        #expect(condition == "TrueTerminationByKubelet")
        let events = try await cluster.check("events", "--for", "pod/volume")
        #expect(events.contains("Evicted"), "\(events)")
        // In memory the volume itself is no larger than its limit.
        let written = try await cluster.check("logs", "memory")
        #expect(written.contains("No space left on device"), "\(written)")
        #expect(try await cluster.check("get", "pod", "memory", "-o", "jsonpath={.status.phase}") == "Running")
        try await cluster.check("delete", "pod", "--all", "--now")
    }

    // MARK: - Manifests

    private func pod(_ name: String, _ containers: String, spec: String = "") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          \(spec)
          containers:
        \(containers)
        """
    }

    private func container(
        name: String = "c", command: String = "sleep 3600", requests: String = "", limits: String = "",
        mount: String? = nil
    ) -> String {
        """
          - name: \(name)
            image: skiff.example/hello:1
            command: [sh, -c, "\(command)"]
            resources: {requests: {\(requests)}, limits: {\(limits)}}
            \(mount.map { "volumeMounts: [{name: v, mountPath: \($0)}]" } ?? "")

        """
    }
}

/// A pod's control group, on either version of the kernel's.
struct PodGroup: Sendable {
    let qos: String
    let cpuShares: Int?
    let cpuQuota: Int?
    let memory: Int?
    let pids: Int?
    let parentShares: Int?
    private let cpu: String

    init(_ pod: String, _ cluster: SkiffInstance) async throws {
        let uid = try await cluster.check("get", "pod", pod, "-o", "jsonpath={.metadata.uid}")
        let found = try await Command.run(
            ["find", "/sys/fs/cgroup/cpu/", "-maxdepth", "4", "-name", "pod" + uid], timeout: .seconds(10))
        let path = found.output.split(separator: "\n").first.map(String.init) ?? ""
        try #require(!path.isEmpty, "the pod's group below the cpu controller")
        let parts = path.split(separator: "/").dropFirst(4)
        let below = "/" + parts.joined(separator: "/")
        qos = parts.count > 2 ? "/" + parts.dropFirst().dropLast().joined(separator: "/") : ""
        cpu = path
        cpuShares = Self.number(path + "/cpu.shares")
        cpuQuota = Self.number(path + "/cpu.cfs_quota_us")
        let bytes = Self.number("/sys/fs/cgroup/memory\(below)/memory.limit_in_bytes")
        memory = bytes.flatMap { $0 < 1 << 60 ? $0 : nil }
        pids = Self.number("/sys/fs/cgroup/pids\(below)/pids.max")
        parentShares = Self.number(path + "/../cpu.shares")
    }

    var exists: Bool { FileManager.default.fileExists(atPath: cpu) }

    func readParentShares() -> Int? {
        let parent = cpu.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        return Self.number(parent + "/cpu.shares")
    }

    private static func number(_ path: String) -> Int? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
            Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}

import Foundation
import TestSupport
import Testing

/// What runs before, and what runs beside, the main containers.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(14),
    .timeLimit(.minutes(5)))
struct `Init containers and sidecars` {
    private static let volume = "volumeMounts: [{name: v, mountPath: /v}]"
    private static let volumes = "  volumes: [{name: v, emptyDir: {}}]\n"

    @Test func `run in order, fail as the policy says, and hold the others back`() async throws {
        let cluster = try cluster()
        try await cluster.apply(
            podManifest(
                "order",
                Self.volumes + "  initContainers:\n" + shell("one", "echo one >> /v/log", Self.volume) + "\n"
                    + shell("two", "while [ ! -e /v/go ]; do sleep 0.1; done; echo two >> /v/log", Self.volume)
                    + "\n  containers:\n" + shell("c", "echo main >> /v/log; sleep 3600", Self.volume)),
            podManifest(
                "fails", restartPolicy: "Never",
                "  initContainers:\n" + shell("i", "exit 3") + "\n  containers:\n" + shell("c", "sleep 3600")),
            podManifest(
                "again", "  initContainers:\n" + shell("i", "exit 4") + "\n  containers:\n" + shell("c", "sleep 3600")))
        try await eventually("the second runs") {
            try await !cluster.field("order", ".status.initContainerStatuses[1].state.running.startedAt").isEmpty
        }
        let columns = try await cluster.check("get", "pod", "order", "--no-headers")
        #expect(columns.contains("Init:1/2"), "\(columns)")
        #expect(try await cluster.field("order", ".status.phase") == "Pending")
        #expect(
            try await cluster.field("order", ".status.containerStatuses[0].state.waiting.reason") == "PodInitializing")
        let initialized = #".status.conditions[?(@.type=="Initialized")]"#
        #expect(
            try await cluster.field("order", initialized + ".message") == "containers with incomplete status: [two]")
        try await cluster.check("exec", "order", "-c", "two", "--", "touch", "/v/go")
        try await cluster.check("wait", "--for=condition=Ready", "pod/order", "--timeout=40s")
        #expect(try await cluster.check("exec", "order", "-c", "c", "--", "cat", "/v/log") == "one\ntwo\nmain\n")

        try await cluster.field("fails", ".status.phase", becomes: "Failed")
        #expect(try await cluster.check("get", "pod", "fails", "--no-headers").contains("Init:Error"))
        try await eventually("the back-off shows") {
            try await cluster.check("get", "pod", "again", "--no-headers").contains("Init:CrashLoopBackOff")
        }
        #expect(try await cluster.field("again", ".status.phase") == "Pending")
        try await cluster.deleteNow("order", "fails", "again")
    }

    @Test func `sidecars start before, restart, are probed, and end last in reverse order`() async throws {
        let cluster = try cluster()
        let host = "  volumes: [{name: v, hostPath: {path: \(cluster.directory)/order, type: DirectoryOrCreate}}]\n"
        func ends(_ name: String) -> String {
            "trap 'echo \(name) >> /v/ends; exit 0' TERM; echo \(name) >> /v/starts; while true; do sleep 0.1; done"
        }
        let probe = #"startupProbe: {periodSeconds: 1, failureThreshold: 30, exec: {command: [sh, -c, "sleep 0.3"]}}"#
        let always = "restartPolicy: Always, \(Self.volume)"
        try await cluster.apply(
            podManifest(
                "sides",
                host + "  initContainers:\n" + shell("first", ends("first"), "\(always), \(probe)") + "\n"
                    + shell("second", ends("second"), always) + "\n  containers:\n"
                    + shell("main", ends("main"), Self.volume)
            ).replacingOccurrences(of: "terminationGracePeriodSeconds: 1", with: "terminationGracePeriodSeconds: 20"),
            podManifest(
                "job", restartPolicy: "Never",
                host + "  initContainers:\n" + shell("side", ends("side"), always) + "\n  containers:\n"
                    + shell("work", "sleep 0.5; exit 0")),
            podManifest(
                "crashing",
                "  initContainers:\n" + shell("side", "sleep 1; exit 1", "restartPolicy: Always") + "\n  containers:\n"
                    + shell("c", "sleep 3600")))
        try await cluster.check("wait", "--for=condition=Ready", "pod/sides", "--timeout=40s")
        let starts = try String(contentsOfFile: cluster.directory + "/order/starts", encoding: .utf8)
        #expect(starts.split(separator: "\n").filter { $0 != "side" } == ["first", "second", "main"], "\(starts)")
        #expect(try await cluster.check("get", "pod", "sides", "--no-headers").contains("3/3"))
        try await cluster.field("job", ".status.phase", becomes: "Succeeded")
        #expect(try await cluster.field("job", ".status.initContainerStatuses[0].state.terminated.exitCode") == "0")
        try await eventually("the sidecar crashes over and over") {
            Int(try await cluster.field("crashing", ".status.initContainerStatuses[0].restartCount")) ?? 0 > 0
        }
        #expect(try await cluster.field("crashing", ".status.phase") == "Running")
        #expect(try await cluster.field("crashing", ".status.containerStatuses[0].restartCount") == "0")
        let began = ContinuousClock.now
        try await cluster.check("delete", "pod", "sides", "--timeout=40s")
        #expect(ContinuousClock.now - began < .seconds(20), "one grace period is shared, and none was used up")
        let ended = try String(contentsOfFile: cluster.directory + "/order/ends", encoding: .utf8)
        #expect(ended.split(separator: "\n").filter { $0 != "side" } == ["main", "second", "first"], "\(ended)")
        try await cluster.deleteNow("job", "crashing")
    }
}

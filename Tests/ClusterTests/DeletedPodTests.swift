import Foundation
import TestSupport
import Testing

/// Pods that are deleted before they have come up.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(15),
    .timeLimit(.minutes(5)))
struct `Pods deleted while they start` {
    @Test func `leave nothing in the runtime or on disk`() async throws {
        let cluster = try cluster()
        // The first one pulls the image's content out.
        try await cluster.apply(podManifest("first", "  containers:\n" + shell("c", "sleep 3600")))
        try await cluster.check("wait", "--for=condition=Ready", "pod/first", "--timeout=60s")
        let spec =
            "  volumes: [{name: v, emptyDir: {medium: Memory}}]\n  initContainers:\n" + shell("i", "true")
            + "\n  containers:\n"
            + shell(
                "c", "sleep 3600",
                "volumeMounts: [{name: v, mountPath: /v}], lifecycle: {postStart: {sleep: {seconds: 1}}}")
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<30 {
                group.addTask {
                    try await Task.sleep(for: .milliseconds(number / 6 * 1500))
                    try await cluster.apply(podManifest("short-\(number)", spec))
                    try await Task.sleep(for: .milliseconds(number % 6 * 80))
                    let grace = number % 2 == 0 ? ["--grace-period=0", "--force"] : ["--wait=false"]
                    _ = try await cluster.kubectl(["delete", "pod", "short-\(number)"] + grace)
                }
            }
        }
        try await cluster.check("delete", "pod", "first", "--grace-period=1")
        try await eventually("no pod is left", timeout: .seconds(40)) {
            try await cluster.check("get", "pods", "-o", "name").isEmpty
        }
        let data = cluster.dataDirectory
        @Sendable func left(_ directory: String) -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: data + "/" + directory)) ?? []
        }
        try await eventually("nothing is left on disk", timeout: .seconds(40)) {
            left("pods").isEmpty && left("pod-logs").isEmpty
        }
        let shims = try await Command.run(["sh", "-c", "pgrep -f '[c]ontainerd-shim.*\(data)/' | wc -l"])
        #expect(shims.output.trimmingCharacters(in: .whitespacesAndNewlines) == "0", "\(shims)")
        let socket = try await Command.run([
            "sh", "-c", "ls $(grep -o '/run/skiff-[0-9a-f]*' \(data)/containerd/config.toml | head -1)/containerd.sock",
        ])
        let path = socket.output.trimmingCharacters(in: .whitespacesAndNewlines)
        if !path.isEmpty {
            let containers = try await Command.run(["ctr", "--address", path, "-n", "k8s.io", "containers", "ls", "-q"])
            #expect(containers.output.isEmpty, "\(containers)")
        }
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        #expect(!mounts.contains(data + "/pods/"), "a volume is still mounted")
    }
}

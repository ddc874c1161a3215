import Foundation
import TestSupport
import Testing

/// containerd dies under running pods.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(4),
    .timeLimit(.minutes(5)))
struct `A killed containerd` {
    @Test func `comes back, and nothing that still runs is restarted`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.pods)
        try await cluster.check("wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")
        let identities =
            "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} "
            + "{.status.containerStatuses[0].restartCount} {.status.podIP}{\"\\n\"}{end}"
        let before = try await cluster.check("get", "pods", "-o", identities)
        let first = try containerd(of: cluster)
        #expect(kill(first, SIGKILL) == 0)
        // This one ends while nobody watches it.
        let doomed = try processes(named: "sleep", of: "4242")
        #expect(doomed.count == 1)
        for pid in doomed { kill(pid, SIGKILL) }
        try await eventually("another containerd runs") {
            let now = try containerd(of: cluster)
            return now != first && kill(now, 0) == 0
        }
        try await eventually("the one that ended meanwhile is restarted") {
            try await cluster.check(
                "get", "pod", "doomed", "-o", "jsonpath={.status.containerStatuses[0].restartCount}") == "1"
        }
        try await cluster.check("wait", "--for=condition=Ready", "pods", "--all", "--timeout=30s")
        let after = try await cluster.check("get", "pods", "-o", identities)
        func others(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.hasPrefix("doomed") } }
        #expect(others(after) == others(before))
        #expect(try await cluster.check("exec", "stays-0", "--", "echo", "still", "here") == "still here\n")
        // New pods start as before, and old ones end.
        try await cluster.check("run", "fresh", "--image=skiff.example/hello:1")
        try await cluster.check("wait", "--for=condition=Ready", "pod/fresh", "--timeout=30s")
        try await cluster.check("delete", "pods", "--all", "--grace-period=1", timeout: .seconds(60))
    }

    @Test func `a pod that is deleted meanwhile goes when it is back`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.pods)
        try await cluster.check("wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")
        #expect(kill(try containerd(of: cluster), SIGKILL) == 0)
        try await cluster.check("delete", "pods", "--all", "--grace-period=1", timeout: .seconds(60))
        try await eventually("no process of theirs is left") { try processes(named: "sleep", of: "424").isEmpty }
    }

    private func containerd(of cluster: SkiffInstance) throws -> pid_t {
        let run = try #require(
            try String(contentsOfFile: cluster.dataDirectory + "/containerd/config.toml", encoding: .utf8)
                .split(separator: "\n").first { $0.hasPrefix("address = ") }?.split(separator: "\"").dropFirst().first)
        let file = run.replacingOccurrences(of: "containerd.sock", with: "containerd.pid")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// Processes of the machine with that name and an argument that begins so.
    private func processes(named name: String, of argument: String) throws -> [pid_t] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { entry in
            guard let pid = pid_t(entry),
                let line = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)
            else { return nil }
            let words = line.split(separator: "\0")
            return words.first == Substring(name) && words.dropFirst().first?.hasPrefix(argument) == true ? pid : nil
        }
    }

    private static let pods = ["stays-0", "stays-1", "stays-2", "doomed"].map { name in
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sleep, "\(name == "doomed" ? 4242 : 4243)"]
        """
    }.joined(separator: "\n---\n")
}

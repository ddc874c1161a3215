internal import TestSupport
internal import Testing

/// The images that other tests stand on: each starts by its well-known name and does what it is for.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(8, images: [.registry, .busybox]), .timeLimit(.minutes(5)))
struct `Images of the tests` {
    @Test
    func `answer after a pull by the names that tutorials use`() async throws {
        let cluster = try cluster()
        let pods = [
            ("web", "nginx:1.14.2", "Welcome to nginx!", "wget -qO- http://127.0.0.1/"),
            ("cache", "redis", "PONG", "redis-cli ping"),
            ("node", "happynut/sample-node-app:0.0.1", "version 0.0.1", "wget -qO- http://127.0.0.1:3000/"),
            ("hello", "gcr.io/google-samples/node-hello:1.0", "version 1.0", "wget -qO- http://127.0.0.1:8080/"),
            ("health", "k8s.gcr.io/liveness", "ok", "wget -qO- http://127.0.0.1:8080/"),
            ("tool", "busybox:1.28", "BusyBox", "busybox | head -1"),
        ]
        for (name, image, _, _) in pods {
            var command = [
                "run", name, "--image=\(image)", "--overrides={\"spec\":{\"terminationGracePeriodSeconds\":0}}",
            ]
            if name == "tool" { command += ["--", "sleep", "3600"] }
            let run = try await cluster.kubectl(command)
            #expect(run.isSuccess, "\(run)")
        }
        try await cluster.check(
            "wait", "--for=condition=Ready", "pod", "--all", "--timeout=100s", timeout: .seconds(110))
        for (name, _, expected, command) in pods {
            try await eventually("\(name) answers \(expected)") {
                try await cluster.check("exec", name, "--", "sh", "-c", command).contains(expected)
            }
        }
        try await cluster.check("delete", "pod", "--all", "--grace-period=0", "--force")
    }
}

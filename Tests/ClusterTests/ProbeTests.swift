import Foundation
import TestSupport
import Testing

/// Probes of running containers.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(3),
    .timeLimit(.minutes(5)))
struct `Probes of running pods` {
    @Test func `liveness restarts, with the probe's own grace and then with back-off`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.failing)
        let count = "jsonpath={.status.containerStatuses[*].restartCount}"
        for pod in ["live-http", "live-exec", "live-tcp"] {
            try await eventually("\(pod) is restarted, although its process ignores SIGTERM", timeout: .seconds(40)) {
                Int(try await cluster.check("get", "pod", pod, "-o", count)) ?? 0 >= 1
            }
        }
        let exec = "live-exec"
        try await eventually("the second restart waits", timeout: .seconds(40)) {
            let state = try await cluster.check(
                "get", "pod", exec, "-o", "jsonpath={.status.containerStatuses[0].state}")
            return state.contains("CrashLoopBackOff")
                && state.contains("back-off 10s restarting failed container=c pod=")
        }
        let last = try await cluster.check(
            "get", "pod", exec, "-o", "jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}")
        #expect(last == "137")
        let events = try await events(of: exec)
        #expect(events.contains("Warning Unhealthy Liveness probe failed: broken"), "\(events)")
        #expect(events.contains("Normal Killing Container c failed liveness probe, will be restarted"), "\(events)")
        let http = try await self.events(of: "live-http")
        #expect(
            http.contains("Warning Unhealthy Liveness probe failed: HTTP probe failed with statuscode: 404"), "\(http)")
        let tcp = try await self.events(of: "live-tcp")
        #expect(tcp.contains { $0.hasPrefix("Warning Unhealthy Liveness probe failed: dial tcp ") }, "\(tcp)")
        #expect(tcp.contains { $0.hasSuffix(":9999: connect: connection refused") }, "\(tcp)")
        try await cluster.check("delete", "pods", "--all", "--grace-period=0", "--force")
    }

    @Test func `readiness comes and goes without a restart`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.ready)
        let ready = #"jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[0].started}"#
        try await eventually("it runs, not ready") {
            try await cluster.check("get", "pod", "ready", "-o", ready) == "False true"
        }
        let message = try await cluster.check(
            "get", "pod", "ready", "-o", #"jsonpath={.status.conditions[?(@.type=="Ready")].message}"#)
        #expect(message == "containers with unready status: [c]")
        try await cluster.check("exec", "ready", "--", "touch", "/tmp/www/ok")
        try await cluster.check("wait", "--for=condition=Ready", "pod/ready", "--timeout=10s")
        try await cluster.check("exec", "ready", "--", "rm", "/tmp/www/ok")
        try await cluster.check("wait", "--for=condition=Ready=false", "pod/ready", "--timeout=10s")
        let restarts = try await cluster.check(
            "get", "pod", "ready", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
        #expect(restarts == "0")
        try await cluster.check("delete", "pod", "ready", "--grace-period=0", "--force")
    }

    @Test func `startup holds the others back, and ends what never starts`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.starting)
        let state = "jsonpath={.status.containerStatuses[0].started} {.status.containerStatuses[0].ready}"
        try await eventually("it runs") {
            try await cluster.check("get", "pod", "slow", "-o", "jsonpath={.status.phase}") == "Running"
        }
        // Liveness would have ended it within a second, were it not held back.
        for _ in 0..<3 {
            #expect(try await cluster.check("get", "pod", "slow", "-o", state) == "false false")
            try await Task.sleep(for: .seconds(1))
        }
        try await cluster.check("exec", "slow", "--", "touch", "/tmp/started")
        try await cluster.check("wait", "--for=condition=Ready", "pod/slow", "--timeout=10s")
        #expect(try await cluster.check("get", "pod", "slow", "-o", state) == "true true")
        try await eventually("the other one is ended") {
            try await events(of: "never").contains("Normal Killing Container c failed startup probe, will be restarted")
        }
        try await cluster.check("delete", "pods", "--all", "--grace-period=0", "--force")
    }

    @Test func `a command that takes too long has failed`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.sluggish)
        try await eventually("the event says so") {
            try await events(of: "sluggish").contains { $0.contains("Readiness probe failed: command timed out") }
        }
        try await cluster.check("delete", "pod", "sluggish", "--grace-period=0", "--force")
    }

    /// `TYPE REASON MESSAGE` of each of the pod's events.
    private func events(of pod: String) async throws -> [String] {
        let text = try await cluster().check(
            "get", "events", "--field-selector=involvedObject.name=\(pod)", "-o",
            "jsonpath={range .items[*]}{.type} {.reason} {.message}{\"\\n\"}{end}")
        return text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// Their process ignores SIGTERM, and the pod's grace is long: only the probe's own is short.
    private static let failing = [
        ("live-http", "httpGet: {path: /absent, port: web}"),
        ("live-exec", "exec: {command: [sh, -c, 'echo broken; exit 1']}"), ("live-tcp", "tcpSocket: {port: 9999}"),
    ].map { name, probe in
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 300
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sh, -c, 'trap "" TERM; mkdir -p /tmp/www; httpd -p 8080 -h /tmp/www; while true; do sleep 1; done']
            ports: [{name: web, containerPort: 8080}]
            livenessProbe:
              \(probe)
              periodSeconds: 1
              failureThreshold: 2
              terminationGracePeriodSeconds: 1
        """
    }.joined(separator: "\n---\n")

    private static let ready = """
        apiVersion: v1
        kind: Pod
        metadata: {name: ready}
        spec:
          containers:
          - name: c
            image: skiff.example/hello:1
            readinessProbe:
              httpGet: {path: /ok, port: 8080, httpHeaders: [{name: Host, value: example.org}]}
              periodSeconds: 1
              failureThreshold: 1
        """

    private static let starting = ["slow", "never"].map { name in
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: skiff.example/hello:1
            startupProbe:
              exec: {command: [test, -e, /tmp/started]}
              periodSeconds: 1
              failureThreshold: \(name == "slow" ? 60 : 2)
            livenessProbe:
              exec: {command: [test, -e, /tmp/started]}
              periodSeconds: 1
              failureThreshold: 1
            readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        """
    }.joined(separator: "\n---\n")

    private static let sluggish = """
        apiVersion: v1
        kind: Pod
        metadata: {name: sluggish}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: skiff.example/hello:1
            readinessProbe: {exec: {command: [sleep, "30"]}, periodSeconds: 1, timeoutSeconds: 1}
        """
}

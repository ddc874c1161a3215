import Foundation
import TestSupport
import Testing

@testable import Kubelet

/// The machine's shutdown, announced by a stand-in for systemd-logind on a real bus; and `skiff down`.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable && Bus.isInstalled, "needs SKIFF_BINARY, root and dbus-daemon"),
    .runningCluster(
        10,
        flags: [
            "--kubelet-arg", "shutdown-grace-period=20s", "--kubelet-arg", "shutdown-grace-period-critical-pods=8s",
        ]), .timeLimit(.minutes(3)))
struct `A shutdown of the machine` {
    @Test func `waits for ordinary pods, then for critical ones, and keeps new ones away`() async throws {
        let cluster = try cluster()
        let bus = try await Bus()
        defer { bus.stop() }
        let login = try Login(path: bus.path)
        let serving = Task { await login.serve() }
        defer { login.stop() }
        try await restart(cluster, environment: ["DBUS_SYSTEM_BUS_ADDRESS": "unix:path=" + bus.path])
        try await eventually("Skiff holds up shutdowns") { login.holds == "shutdown skiff delay" }
        try await cluster.check("apply", "-f", "-", input: Self.pods)
        try await cluster.check("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")

        try login.announce(true)
        try await eventually("the node is not Ready") {
            try await cluster.check(
                "get", "node", "-o",
                #"jsonpath={.items[0].status.conditions[?(@.type=="Ready")].status}"#
                    + #"{.items[0].status.conditions[?(@.type=="Ready")].message}"#) == "Falsenode is shutting down"
        }
        try await eventually("the shutdown may go on") { login.isReleased }
        let told = "Failed Terminated Pod was terminated in response to imminent node shutdown."
        for name in ["ordinary", "critical"] { #expect(try await status(name) == told) }
        let ordinary = try await finished("ordinary")
        let critical = try await finished("critical")
        #expect(ordinary <= critical, "\(ordinary) and \(critical)")
        let name = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].metadata.name}")
        try await cluster.check(
            "run", "late", "--image=skiff.example/hello:1", #"--overrides={"spec":{"nodeName":"\#(name)"}}"#)
        try await eventually("a new pod is refused") {
            try await status("late") == "Failed NodeShutdown Pod was rejected as the node is shutting down."
        }
        try login.announce(false)
        try await cluster.check("wait", "--for=condition=Ready", "node", "--all", "--timeout=20s")
        try await eventually("the next shutdown is held up again") { !login.isReleased }
        try await cluster.check("delete", "pod", "--all", "--now")
        login.stop()
        await serving.value
    }

    @Test func `by skiff down ends critical pods last, and all come back`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.pods)
        try await cluster.check("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        let down = try await cluster.skiff(["down", "--data-dir", cluster.dataDirectory])
        #expect(down.isSuccess, "\(down)")
        let up = try await cluster.up()
        #expect(up.isSuccess, "\(up)")
        try await eventually("both run again", timeout: .seconds(60)) {
            try await cluster.check(
                "get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}") == "1 1"
        }
        func ended(_ pod: String) async throws -> String {
            try await cluster.check(
                "get", "pod", pod, "-o",
                "jsonpath={.status.containerStatuses[0].lastState.terminated.finishedAt}")
        }
        let (ordinary, critical) = (try await ended("ordinary"), try await ended("critical"))
        #expect(ordinary <= critical && !ordinary.isEmpty, "\(ordinary) and \(critical)")
        try await cluster.check("delete", "pod", "--all", "--now")
    }

    private func status(_ pod: String) async throws -> String {
        try await cluster().check(
            "get", "pod", pod, "-o", "jsonpath={.status.phase} {.status.reason} {.status.message}")
    }

    private func finished(_ pod: String) async throws -> String {
        try await cluster().check(
            "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].state.terminated.finishedAt}")
    }

    private func restart(_ cluster: SkiffInstance, environment: [String: String]) async throws {
        let pid = try #require(cluster.serverPID)
        kill(pid, SIGTERM)
        try await eventually("the server ends") { kill(pid, 0) != 0 }
        let flags = [
            "--kubelet-arg", "shutdown-grace-period=20s", "--kubelet-arg", "shutdown-grace-period-critical-pods=8s",
        ]
        try await Command.check(
            [cluster.binary, "up"] + cluster.flags + flags,
            environment: environment.merging(["KUBECONFIG": cluster.kubeconfig]) { $1 })
    }

    /// The ordinary one takes two seconds to end, so that the order shows.
    private static let pods = ["ordinary": "sleep 2; ", "critical": ""].map { name, pause in
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 10
          \(name == "critical" ? "priorityClassName: system-cluster-critical" : "")
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sh, -c, "trap '\(pause)exit 0' TERM; sleep 3600 & wait"]

        """
    }.joined(separator: "---\n")
}

/// A bus of its own.
private struct Bus {
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/dbus-daemon") }

    let path = NSTemporaryDirectory() + "skiff-bus-\(getpid())"
    private let process = Process()

    init() async throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/dbus-daemon")
        process.arguments = ["--session", "--nofork", "--nopidfile", "--address=unix:path=" + path]
        process.standardError = FileHandle.nullDevice
        try process.run()
        let path = path
        try await eventually("the bus answers") { UnixSocket.connects(path) }
    }

    func stop() {
        // SIGTERM may be blocked in what a test starts.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        unlink(path)
    }
}

/// What of systemd-logind matters here: it gives out locks and announces shutdowns.
private final class Login: @unchecked Sendable {
    private let connection: DBusConnection
    private let guardian = NSLock()
    private var lock: Int32 = -1
    private var words = ""

    init(path: String) throws {
        connection = try DBusConnection(path: path)
        try connection.send(DBusConnection.call("RequestName", [.string("org.freedesktop.login1"), .number(0)]))
    }

    /// Who holds up what.
    var holds: String { guardian.withLock { words } }

    /// Whether the last lock was given back: its other end is closed.
    var isReleased: Bool {
        guardian.withLock {
            var one = pollfd(fd: lock, events: 0, revents: 0)
            return lock >= 0 && poll(&one, 1, 0) == 1 && Int32(one.revents) & POLLHUP != 0
        }
    }

    func serve() async {
        for await next in connection.incoming where next.message.member == "Inhibit" {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { continue }
            var answer = DBusMessage(.answer)
            answer.destination = next.message.sender
            answer.answersTo = next.message.serial
            answer.arguments = [.descriptor]
            // The answer is written before our copy of the end is closed.
            _ = try? connection.send(answer, descriptor: ends[1])
            close(ends[1])
            let texts = next.message.arguments.compactMap { if case .string(let text) = $0 { text } else { nil } }
            guardian.withLock {
                if lock >= 0 { close(lock) }
                lock = ends[0]
                words = [0, 1, 3].compactMap { texts.indices.contains($0) ? texts[$0] : nil }.joined(separator: " ")
            }
        }
    }

    func announce(_ isShutdown: Bool) throws {
        var signal = DBusMessage(.signal)
        signal.path = "/org/freedesktop/login1"
        signal.interface = "org.freedesktop.login1.Manager"
        signal.member = "PrepareForShutdown"
        signal.arguments = [.bool(isShutdown)]
        try connection.send(signal)
    }

    func stop() {
        connection.shutDown()
        guardian.withLock { if lock >= 0 { close(lock) } }
    }
}

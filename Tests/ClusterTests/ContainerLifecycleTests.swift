import Foundation
import TestSupport
import Testing

/// How containers begin, end and begin again.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(14),
    .timeLimit(.minutes(5)))
struct `Lives of containers` {
    private static let ended = ".status.containerStatuses[0].state.terminated"
    private static let waiting = ".status.containerStatuses[0].state.waiting"
    private static let last = ".status.containerStatuses[0].lastState.terminated"

    @Test func `ends are told with code, reason and last words`() async throws {
        let cluster = try cluster()
        let log = #"terminationMessagePolicy: FallbackToLogsOnError"#
        try await cluster.apply(
            podManifest(
                "good", restartPolicy: "Never", "  containers:\n" + shell("c", "printf well > /dev/termination-log")),
            podManifest(
                "bad", restartPolicy: "Never", "  containers:\n" + shell("c", "echo from the log; exit 3", log)),
            podManifest(
                "long", restartPolicy: "Never",
                "  containers:\n"
                    + shell(
                        "c", "for i in $(seq 2000); do printf 12345; done > /words/last; printf end >> /words/last",
                        "terminationMessagePath: /words/last")),
            podManifest(
                "chatty", restartPolicy: "Never",
                "  containers:\n"
                    + shell("a", "for i in $(seq 200); do echo line $i; done; exit 1", log) + "\n"
                    + shell("b", "sleep 0.1")),
            podManifest("ok", restartPolicy: "OnFailure", "  containers:\n" + shell("c", "exit 0")))
        try await cluster.field("good", ".status.phase", becomes: "Succeeded")
        try await cluster.field("bad", ".status.phase", becomes: "Failed")
        try await cluster.field("long", ".status.phase", becomes: "Succeeded")
        try await cluster.field("chatty", ".status.phase", becomes: "Failed")
        try await cluster.field("ok", ".status.phase", becomes: "Succeeded")
        #expect(try await cluster.field("good", Self.ended + ".message") == "well")
        #expect(try await cluster.field("good", Self.ended + ".reason") == "Completed")
        #expect(try await cluster.field("bad", Self.ended + ".message") == "from the log\n")
        #expect(try await cluster.field("bad", Self.ended + ".exitCode") == "3")
        #expect(try await cluster.field("bad", Self.ended + ".reason") == "Error")
        let long = try await cluster.field("long", Self.ended + ".message")
        #expect(long.utf8.count == 4096, "\(long.utf8.count)")
        #expect(long.hasSuffix("12345end"), "the end of it counts")
        let lines = try await cluster.field("chatty", Self.ended + ".message")
        #expect(lines.hasPrefix("line 121\n") && lines.hasSuffix("line 200\n"), "\(lines)")
        let conditions = #".status.conditions[?(@.type=="Ready")].reason"#
        #expect(try await cluster.field("good", conditions) == "PodCompleted")
        #expect(try await cluster.field("bad", conditions) == "PodFailed")
        try await cluster.deleteNow("good", "bad", "long", "chatty", "ok")
    }

    @Test func `a crash is followed by a restart at once, then by the back-off`() async throws {
        let cluster = try cluster()
        try await cluster.apply(podManifest("crash", "  containers:\n" + shell("c", "sleep 0.1; exit 7")))
        try await cluster.field("crash", Self.waiting + ".reason", becomes: "CrashLoopBackOff")
        let uid = try await cluster.field("crash", ".metadata.uid")
        #expect(
            try await cluster.field("crash", Self.waiting + ".message")
                == "back-off 10s restarting failed container=c pod=crash_default(\(uid))")
        #expect(try await cluster.field("crash", ".status.containerStatuses[0].restartCount") == "1")
        #expect(try await cluster.field("crash", Self.last + ".exitCode") == "7")
        #expect(try await cluster.field("crash", ".status.phase") == "Running")
        try await eventually("the back-off is told") {
            try await cluster.events(of: "crash").contains(
                "Warning BackOff Back-off restarting failed container c in pod crash_default(\(uid))")
        }
        try await eventually("the next back-off is twice as long", timeout: .seconds(30)) {
            try await cluster.field("crash", Self.waiting + ".message").hasPrefix("back-off 20s")
        }
        #expect(try await cluster.field("crash", ".status.containerStatuses[0].restartCount") == "2")
        try await cluster.deleteNow("crash")
    }

    @Test func `a bad command and a bad configuration say so, and the pod heals when the cause goes`() async throws {
        let cluster = try cluster()
        try await cluster.apply(
            podManifest(
                "nocommand", "  containers:\n  - {name: c, image: \"skiff.example/hello:1\", command: [/no/such]}"),
            podManifest(
                "heals",
                "  containers:\n"
                    + shell(
                        "c", "sleep 3600", "env: [{name: A, valueFrom: {configMapKeyRef: {name: lacking, key: a}}}]")))
        try await eventually("the failed start is told") {
            let reason = try await cluster.field("nocommand", Self.waiting + ".reason")
            return reason == "RunContainerError" || reason == "CrashLoopBackOff"
        }
        try await cluster.field("nocommand", Self.waiting + ".reason", becomes: "CrashLoopBackOff")
        #expect(try await cluster.field("nocommand", Self.last + ".reason") == "StartError")
        #expect(try await cluster.field("nocommand", Self.last + ".exitCode") == "128")
        let events = try await cluster.events(of: "nocommand")
        #expect(events.contains("Warning Failed Error: failed to create containerd task: "), "\(events)")
        #expect(events.contains("no such file or directory"), "\(events)")

        try await cluster.field("heals", Self.waiting + ".message", becomes: "configmap \"lacking\" not found")
        try await cluster.check("create", "configmap", "lacking", "--from-literal=b=1")
        try await cluster.field(
            "heals", Self.waiting + ".message", becomes: "couldn't find key a in ConfigMap default/lacking")
        #expect(try await cluster.field("heals", Self.waiting + ".reason") == "CreateContainerConfigError")
        try await cluster.check("patch", "configmap", "lacking", "-p", #"{"data":{"a":"1"}}"#)
        try await cluster.check("wait", "--for=condition=Ready", "pod/heals", "--timeout=8s")
        let told = try await cluster.events(of: "heals")
        #expect(told.contains("Warning Failed Error: couldn't find key a in ConfigMap default/lacking"), "\(told)")
        try await cluster.deleteNow("nocommand", "heals")
    }

    @Test func `rules of exit codes and policies of single containers decide on restarts`() async throws {
        let cluster = try cluster()
        let rule =
            "restartPolicy: Never, restartPolicyRules: "
            + "[{action: Restart, exitCodes: {operator: In, values: [42]}}]"
        // The first life ends with 42, the second with 1.
        let twice = "if [ -e /v/x ]; then exit 1; fi; touch /v/x; exit 42"
        let volume = "volumeMounts: [{name: v, mountPath: /v}]"
        try await cluster.apply(
            podManifest(
                "rules", restartPolicy: "Never",
                "  volumes: [{name: v, emptyDir: {}}]\n  containers:\n" + shell("c", twice, "\(rule), \(volume)")),
            podManifest(
                "own", restartPolicy: "Always",
                "  containers:\n" + shell("a", "exit 4", "restartPolicy: Never") + "\n" + shell("b", "sleep 3600")),
            podManifest(
                "over", restartPolicy: "Never",
                "  volumes: [{name: v, emptyDir: {}}]\n  initContainers:\n"
                    + shell("i", "echo x >> /v/inits", volume) + "\n  containers:\n"
                    + shell(
                        "a", "if [ -e /v/y ]; then sleep 3600; fi; touch /v/y; exit 9",
                        "\(volume), restartPolicy: Never, restartPolicyRules: [{action: RestartAllContainers, "
                            + "exitCodes: {operator: In, values: [9]}}]") + "\n"
                    + shell("b", "sleep 3600", volume)))
        try await cluster.field("rules", ".status.phase", becomes: "Failed")
        #expect(try await cluster.field("rules", ".status.containerStatuses[0].restartCount") == "1")
        #expect(try await cluster.field("rules", Self.ended + ".exitCode") == "1")
        #expect(try await cluster.field("rules", Self.last + ".exitCode") == "42")
        try await cluster.field("own", Self.ended + ".exitCode", becomes: "4")
        try await cluster.field("own", ".status.containerStatuses[1].ready", becomes: "true")
        #expect(try await cluster.field("own", ".status.containerStatuses[0].restartCount") == "0")
        #expect(try await cluster.field("own", ".status.phase") == "Running")
        try await cluster.field("over", ".status.containerStatuses[*].restartCount", becomes: "1 1")
        try await cluster.field("over", #".status.conditions[?(@.type=="Ready")].status"#, becomes: "True")
        #expect(try await cluster.check("exec", "over", "-c", "b", "--", "cat", "/v/inits") == "x\nx\n")
        #expect(
            try await cluster.field("over", #".status.conditions[?(@.type=="AllContainersRestarting")].status"#)
                == "False")
        try await cluster.deleteNow("rules", "own", "over")
    }

    @Test func `hooks run, and a failing one is told`() async throws {
        let cluster = try cluster()
        let volume = "volumeMounts: [{name: v, mountPath: /v}]"
        let host = "  volumes: [{name: v, hostPath: {path: \(cluster.directory)/hooks, type: DirectoryOrCreate}}]\n"
        let good =
            #"lifecycle: {postStart: {exec: {command: [sh, -c, "touch /v/started"]}}, "#
            + #"preStop: {exec: {command: [sh, -c, "touch /v/stopped"]}}}"#
        let bad = #"lifecycle: {postStart: {exec: {command: [sh, -c, "echo why; exit 1"]}}}"#
        let http = "lifecycle: {postStart: {httpGet: {port: 9, path: /x}}}"
        let sleepy =
            "lifecycle: {postStart: {sleep: {seconds: 1}}, "
            + "preStop: {exec: {command: [sh, -c, exit 5]}}}"
        try await cluster.apply(
            podManifest("good", host + "  containers:\n" + shell("c", "sleep 3600", "\(good), \(volume)")),
            podManifest("bad", "  containers:\n" + shell("c", "sleep 3600", bad)),
            podManifest("http", "  containers:\n" + shell("c", "sleep 3600", http)),
            podManifest("sleepy", "  containers:\n" + shell("c", "sleep 3600", sleepy)))
        try await cluster.field("bad", Self.waiting + ".reason", becomes: "CrashLoopBackOff")
        try await eventually("the event is there") {
            let events = try await cluster.events(of: "bad")
            return events.contains("Warning FailedPostStartHook PostStartHook failed")
                && events.contains("Normal Killing FailedPostStartHook")
        }
        try await eventually("the http hook fails") {
            try await cluster.events(of: "http").contains("Warning FailedPostStartHook PostStartHook failed")
        }
        #expect(Int(try await cluster.field("bad", ".status.containerStatuses[0].restartCount")) ?? 0 > 0)
        try await cluster.check("wait", "--for=condition=Ready", "pod/good", "pod/sleepy", "--timeout=40s")
        #expect(FileManager.default.fileExists(atPath: cluster.directory + "/hooks/started"))
        try await cluster.check("delete", "pod", "good", "sleepy", "--timeout=20s")
        #expect(FileManager.default.fileExists(atPath: cluster.directory + "/hooks/stopped"))
        try await eventually("the failed preStop is told") {
            try await cluster.events(of: "sleepy").contains("Warning FailedPreStopHook PreStopHook failed")
        }
        try await cluster.deleteNow("bad", "http")
    }

    @Test func `the grace period is kept, shortened by a second delete, and the stop signal is the pod's`() async throws
    {
        let cluster = try cluster()
        func stubborn(_ name: String, _ more: String = "") -> String {
            podManifest(
                name,
                "  containers:\n" + shell("c", "trap '' TERM; touch /tmp/up; while true; do sleep 0.1; done", more)
            ).replacingOccurrences(of: "terminationGracePeriodSeconds: 1", with: "terminationGracePeriodSeconds: 600")
        }
        let signal = "lifecycle: {stopSignal: SIGUSR1}"
        let host =
            "  os: {name: linux}\n  volumes: [{name: v, hostPath: {path: \(cluster.directory)/sig, type: DirectoryOrCreate}}]\n"
        try await cluster.apply(
            stubborn("stubborn"),
            podManifest(
                "signalled",
                host + "  containers:\n"
                    + shell(
                        "c", "trap 'echo usr1 > /v/got; exit 0' USR1; trap '' TERM; while true; do sleep 0.1; done",
                        "\(signal), volumeMounts: [{name: v, mountPath: /v}]")
            ).replacingOccurrences(of: "terminationGracePeriodSeconds: 1", with: "terminationGracePeriodSeconds: 60"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/stubborn", "pod/signalled", "--timeout=40s")
        #expect(try await cluster.field("signalled", ".status.containerStatuses[0].stopSignal") == "SIGUSR1")
        try await Task.sleep(for: .milliseconds(500))
        try await cluster.check("delete", "pod", "stubborn", "--wait=false")
        let began = ContinuousClock.now
        try await cluster.check("delete", "pod", "signalled", "--timeout=30s")
        #expect(ContinuousClock.now - began < .seconds(20), "the signal ended it")
        #expect(try String(contentsOfFile: cluster.directory + "/sig/got", encoding: .utf8) == "usr1\n")
        #expect(try await cluster.field("stubborn", ".metadata.deletionGracePeriodSeconds") == "600")
        let second = ContinuousClock.now
        try await cluster.check("delete", "pod", "stubborn", "--grace-period=1", "--timeout=30s")
        #expect(ContinuousClock.now - second < .seconds(20))
    }

    @Test func `a pod beyond its deadline fails, with its containers ended`() async throws {
        let cluster = try cluster()
        try await cluster.apply(
            podManifest("late", "  activeDeadlineSeconds: 2\n  containers:\n" + shell("c", "sleep 3600")))
        try await cluster.field("late", ".status.phase", becomes: "Failed")
        #expect(try await cluster.field("late", ".status.reason") == "DeadlineExceeded")
        #expect(
            try await cluster.field("late", ".status.message")
                == "Pod was active on the node longer than the specified deadline")
        #expect(try await cluster.field("late", Self.ended + ".exitCode") == "137")
        try await cluster.deleteNow("late")
    }
}

import Foundation
import TestSupport
import Testing

/// What containers wrote, however it is asked for.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(16),
    .timeLimit(.minutes(5)))
struct `Logs` {
    @Test
    func `every option of kubectl logs does what it says`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.talkers)
        try await cluster.check("wait", "--for=condition=Ready", "pod/pair", "--timeout=60s")
        try await eventually("both have written") {
            try await cluster.check("logs", "pair", "--all-containers").split(separator: "\n").count == 6
        }
        @Sendable func logs(_ arguments: String...) async throws -> String {
            let result = try await cluster.kubectl(["logs"] + arguments)
            return result.output + result.errors
        }
        // The annotation names the container.
        #expect(try await logs("pair") == "b1\nb2\nb3\n")
        #expect(try await logs("pair", "-c", "a") == "a1\na2\na3\n")
        #expect(try await logs("pair", "--all-containers") == "a1\na2\na3\nb1\nb2\nb3\n")
        #expect(try await logs("pair", "-c", "a", "--tail=1") == "a3\n")
        #expect(try await logs("pair", "-c", "a", "--tail=0") == "")
        #expect(try await logs("pair", "-c", "a", "--limit-bytes=4") == "a1\na")
        #expect(try await logs("-l", "app=pair", "-c", "a", "--prefix", "--tail=1") == "[pod/pair/a] a3\n")
        let stamped = try await logs("pair", "-c", "a", "--timestamps", "--tail=1")
        let time = try #require(stamped.split(separator: " ").first)
        #expect(stamped.hasSuffix(" a3\n") && time.contains("T"), "\(stamped)")
        // kubectl sends whole seconds; the others were written more than one before.
        #expect(try await logs("pair", "-c", "a", "--since-time=\(time)") == "a3\n")
        #expect(try await logs("pair", "-c", "a", "--since=1h") == "a1\na2\na3\n")
        #expect(try await logs("pair", "-c", "a", "--since-time=2100-01-01T00:00:00Z") == "")
        #expect(
            try await logs("pair", "-c", "a", "--previous").contains(
                #"previous terminated container "a" in pod "pair" not found"#))
        #expect(
            try await logs("waits").contains(
                #"container "main" in pod "waits" is waiting to start"#))
        #expect(try await logs("pair", "-c", "none").contains("container none is not valid for pod pair"))

        // The one that ended and was started again has a life before this one.
        try await eventually("the second life", timeout: .seconds(60)) {
            try await logs("again") == "life 2\n"
        }
        #expect(try await logs("again", "--previous") == "life 1\n")
        try await cluster.check("delete", "pod", "pair", "waits", "again", "--now", "--wait=false")
    }

    @Test
    func `bytes come as they were written`() async throws {
        let cluster = try cluster()
        // No newline at the end; bytes that are no text; one line of a megabyte.
        try await Self.run(
            "bytes", #"printf 'a\000\377\r.\nb'; head -c 1000000 /dev/zero | tr '\0' x; printf '\nend'"#, in: cluster)
        try await eventually("it has ended") {
            try await cluster.check("get", "pod", "bytes", "-o", "jsonpath={.status.phase}") == "Succeeded"
        }
        let file = cluster.directory + "/bytes"
        try await Command.check(
            ["sh", "-c", "kubectl logs bytes > \(file)"], environment: ["KUBECONFIG": cluster.kubeconfig])
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        var expected = Data([0x61, 0, 0xff, 0x0d, 0x2e, 0x0a, 0x62]) + Data(repeating: 0x78, count: 1_000_000)
        expected += Data("\nend".utf8)
        // containerd notes a line without an end as one part of a line.
        #expect(data == expected || data == expected + Data("\n".utf8), "\(data.count) bytes")
        try await cluster.check("delete", "pod", "bytes", "--now", "--wait=false")
    }

    @Test
    func `a follower reads every line once over rotations, until the pod is deleted`() async throws {
        let cluster = try cluster()
        // 33 MB in containerd's format: three rotations.
        try await Self.run(
            "rotates", "until [ -f /go ]; do sleep 0.1; done; seq 1 700000; exec sleep 1000", in: cluster)
        try await cluster.check("wait", "--for=condition=Ready", "pod/rotates", "--timeout=60s")
        let file = cluster.directory + "/followed"
        async let followed = Command.run(
            ["sh", "-c", "exec kubectl logs -f rotates > \(file)"], environment: ["KUBECONFIG": cluster.kubeconfig],
            timeout: .seconds(100))
        try await cluster.check("exec", "rotates", "--", "touch", "/go")
        let directory = cluster.dataDirectory + "/pod-logs"
        try await eventually("the log was put aside, and its last line is there", timeout: .seconds(60)) {
            let rotated = try await Command.run(
                [
                    "sh", "-c",
                    "cd \(directory)/default_rotates*/rotates && ls 0.log.1 && tail -n1 0.log",
                ])
            return rotated.output.hasSuffix("stdout F 700000\n")
        }
        let whole = try await cluster.check("logs", "rotates", "--tail=5")
        #expect(whole == "699996\n699997\n699998\n699999\n700000\n")
        // A deleted pod's files are gone: what was not read by then never will be.
        try await eventually("the follower has caught up", timeout: .seconds(60)) {
            try await Command.run(["tail", "-n1", file]).output == "700000\n"
        }
        try await cluster.check("delete", "pod", "rotates", "--now")
        let result = try await followed
        #expect(result.isSuccess, "\(result.errors)")
        var next = 1
        for line in try String(contentsOfFile: file, encoding: .utf8).utf8.split(separator: UInt8(ascii: "\n")) {
            guard Int(Substring(line)) == next else { break }
            next += 1
        }
        #expect(next == 700_001, "line \(next) is not where it should be")
    }

    @Test
    func `two hundred followers at once get every line, and leave nothing behind`() async throws {
        let cluster = try cluster()
        try await Self.run("crowd", "until [ -f /go ]; do sleep 0.1; done; seq 1 2000", in: cluster)
        try await cluster.check("wait", "--for=condition=Ready", "pod/crowd", "--timeout=60s")
        let server = try #require(cluster.serverPID)
        let before = try Process(server)
        let directory = cluster.directory + "/crowd"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let tls = cluster.dataDirectory + "/tls"
        let arguments = [
            "curl", "--silent", "--http1.1", "--parallel", "--parallel-immediate", "--parallel-max", "200",
            "--max-time",
            "90", "--cacert", tls + "/ca.crt", "--cert", tls + "/admin.crt", "--key", tls + "/admin.key",
            "https://127.0.0.1:\(cluster.port)/api/v1/namespaces/default/pods/crowd/log?follow=true&n=[1-200]",
            "--output", directory + "/#1",
        ]
        async let followers = Command.run(arguments, timeout: .seconds(100))
        try await eventually("all are there") { try Process(server).descriptors >= before.descriptors + 200 }
        let during = try Process(server)
        #expect(during.descriptors - before.descriptors < 450, "\(during) after \(before)")
        #expect(during.memory - before.memory < 64 << 20, "\(during) after \(before)")
        try await cluster.check("exec", "crowd", "--", "touch", "/go")
        let result = try await followers
        #expect(result.isSuccess, "\(result)")
        let expected = Data((1...2000).map { "\($0)\n" }.joined().utf8)
        for number in 1...200 {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(number)"))
            #expect(data == expected, "follower \(number): \(data.count) bytes")
        }
        try await eventually("their descriptors are closed") {
            try Process(server).descriptors <= before.descriptors + 20
        }
        try await cluster.check("delete", "pod", "crowd", "--now", "--wait=false")
    }

    @Test
    func `a slow reader of a fast log costs neither memory nor disk`() async throws {
        let cluster = try cluster()
        try await Self.run(
            "fast",
            "until [ -f /go ]; do sleep 0.1; done; yes 012345678901234567890123456789 | head -c 124000000; "
                + "exec sleep 1000",
            in: cluster)
        try await cluster.check("wait", "--for=condition=Ready", "pod/fast", "--timeout=60s")
        let server = try #require(cluster.serverPID)
        let before = try Process(server)
        let tls = cluster.dataDirectory + "/tls"
        let arguments = [
            "curl", "--silent", "--limit-rate", "20k", "--max-time", "10", "--cacert", tls + "/ca.crt", "--cert",
            tls + "/admin.crt", "--key", tls + "/admin.key", "--output", "/dev/null",
            "https://127.0.0.1:\(cluster.port)/api/v1/namespaces/default/pods/fast/log?follow=true",
        ]
        async let reader = Command.run(arguments, timeout: .seconds(60))
        try await cluster.check("exec", "fast", "--", "touch", "/go")
        var (memory, disk) = (0, 0)
        for _ in 0..<8 {
            try await Task.sleep(for: .seconds(1))
            memory = max(memory, try Process(server).memory - before.memory)
            let used = try await Command.run(
                ["sh", "-c", "du -sm \(cluster.dataDirectory)/pod-logs/default_fast* | cut -f1"])
            disk = max(disk, Int(used.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0)
        }
        #expect(memory < 64 << 20, "\(memory >> 20) MiB")
        #expect(disk > 0 && disk < 150, "\(disk) MB")
        // Others are served meanwhile and after.
        try await eventually("the last line, of a file that may just have been begun") {
            try await cluster.check("logs", "fast", "--tail=1") == "012345678901234567890123456789\n"
        }
        _ = try await reader
        try await cluster.check("delete", "pod", "fast", "--now", "--wait=false")
    }

    /// A pod that runs `script` once.
    private static func run(_ name: String, _ script: String, in cluster: SkiffInstance) async throws {
        try await cluster.check(
            "run", name, "--image=skiff.example/hello:1", "--restart=Never", "--command", "--", "sh", "-c", script)
    }

    /// What the server takes of the machine.
    private struct Process: CustomStringConvertible {
        let memory: Int
        let descriptors: Int

        init(_ pid: Int32) throws {
            let pages = try String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8).split(separator: " ")
            memory = (Int(pages[1]) ?? 0) * 4096
            descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
        }

        var description: String { "\(memory >> 20) MiB, \(descriptors) descriptors" }
    }

    private static let talkers = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: pair
          labels: {app: pair}
          annotations: {kubectl.kubernetes.io/default-container: b}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - {name: a, image: "skiff.example/hello:1", command: [sh, -c, "echo a1; echo a2; sleep 1.1; echo a3; exec sleep 1000"]}
          - {name: b, image: "skiff.example/hello:1", command: [sh, -c, "echo b1; echo b2; echo b3; exec sleep 1000"]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: waits}
        spec:
          containers:
          - name: main
            image: skiff.example/hello:1
            command: [sleep, "1000"]
            env: [{name: A, valueFrom: {configMapKeyRef: {name: missing, key: a}}}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: again}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: main
            image: skiff.example/hello:1
            command: [sh, -c, "if [ -f /data/2 ]; then echo life 2; exec sleep 1000; fi; touch /data/2; echo life 1"]
            volumeMounts: [{name: data, mountPath: /data}]
          volumes: [{name: data, emptyDir: {}}]
        """
}

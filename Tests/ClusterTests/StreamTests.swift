import Foundation
import TestSupport
import Testing

/// exec, attach, cp and port-forward, over WebSocket and over SPDY.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(17),
    .timeLimit(.minutes(5)))
struct `Streams` {
    enum Way: String, CaseIterable {
        case websocket = "true"
        case spdy = "false"
    }

    @Test(arguments: Way.allCases)
    func `exec ends with the command's own code, and input ends the command`(way: Way) async throws {
        let streams = try await StreamPod(way)
        for code in [0, 1, 42] {
            #expect(try await streams.sh("kubectl exec box -- sh -c 'exit \(code)'").status == code, "exit \(code)")
        }
        #expect(try await streams.sh("kubectl exec box -- sh -c 'kill -9 $$'").status == 137)
        let parts = try await streams.sh("kubectl exec box -- sh -c 'echo out; echo err >&2'")
        #expect(parts.output == "out\n" && parts.errors.contains("err\n"))
        #expect(try await streams.sh("echo x | kubectl exec -i box -- cat").output == "x\n")
        #expect(try await streams.sh("printf abc | kubectl exec -i box -- wc -c").output == "3\n")
        let sums = try await streams.sh(
            "head -c 20000000 /dev/urandom | tee /tmp/$$ | kubectl exec -i box -- sha256sum; sha256sum < /tmp/$$; rm /tmp/$$"
        )
        let lines = sums.output.split(separator: "\n")
        #expect(lines.count == 2 && lines.first == lines.last, "\(sums)")

        let missing = try await streams.sh("kubectl exec box -- nothing-here")
        #expect(
            missing.status != 0 && missing.errors.contains(#"exec: "nothing-here": executable file not found in $PATH"#)
        )
        let ended = try await streams.sh("kubectl exec done -- true")
        #expect(
            ended.status == 1
                && ended.errors.contains("cannot exec into a container in a completed pod; current phase is Succeeded"))
        let stopped = try await streams.sh("kubectl exec half -c over -- true")
        #expect(stopped.status == 1 && stopped.errors.contains(#"container not found ("over")"#), "\(stopped)")
    }

    @Test(arguments: Way.allCases)
    func `a file of 50 MB comes and goes as it is`(way: Way) async throws {
        let streams = try await StreamPod(way)
        let file = streams.cluster.directory + "/large"
        let result = try await streams.sh(
            """
            head -c 50000000 /dev/urandom > \(file) && sha256sum < \(file) &&
            kubectl cp \(file) box:/tmp/large-\(way) && kubectl exec box -- sha256sum /tmp/large-\(way) &&
            kubectl cp box:/tmp/large-\(way) \(file).back >&2 && sha256sum < \(file).back &&
            kubectl exec box -- rm /tmp/large-\(way); rm -f \(file) \(file).back
            """)
        let sums = Set(result.output.split(separator: "\n").compactMap { $0.split(separator: " ").first })
        #expect(result.isSuccess && sums.count == 1 && result.output.split(separator: "\n").count == 3, "\(result)")
    }

    @Test(arguments: Way.allCases)
    func `run, attach and terminals`(way: Way) async throws {
        let streams = try await StreamPod(way)
        let ran = try await streams.sh(
            "echo typed | kubectl run ran-\(way) --rm -i --restart=Never --image=skiff.example/hello:1 --command -- cat"
        )
        #expect(ran.output.contains("typed\n") && ran.output.contains("deleted"), "\(ran)")
        // `script` is a terminal of 33 by 111.
        let size = try await streams.terminal(
            "kubectl exec -it box -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do stty size; sleep 0.1; done'")
        #expect(size.output.contains("33 111"), "\(size)")
        let code = try await streams.terminal("kubectl exec -it box -- sh -c 'exit 7'")
        #expect(code.status == 7, "\(code)")
        let typed = try await streams.terminal(
            "(sleep 1; echo 'echo $((6*7))'; echo 'exit 3') | kubectl exec -i box -- sh")
        #expect(typed.output.contains("42") && typed.status == 3, "\(typed)")
        let attached = try await streams.sh("echo over | timeout 5 kubectl attach -i reader-\(way)")
        #expect(attached.output.contains("read over"), "\(attached)")
    }

    @Test(arguments: Way.allCases)
    func `port-forward carries many connections, ends of either side, and says what refuses`(way: Way) async throws {
        let streams = try await StreamPod(way)
        let forward = try await Forward(streams, ports: [8080, 9000, 9001, 9999])
        do {
            let many = try await streams.sh(
                "curl -s -Z --parallel-immediate --parallel-max 50 'http://127.0.0.1:\(forward.local[0])/?[1-100]' | grep -c Hello"
            )
            #expect(many.output == "100\n", "\(many)")
            // It answers once it has read to the end, and the client has ended its side alone.
            let counted = try await forward.exchange(forward.local[1], send: Data(repeating: 1, count: 300_000))
            #expect(counted == "300000\n")
            // It says all and ends.
            let told = try await forward.exchange(forward.local[2], send: Data())
            #expect(told == "told\n")
            _ = try await forward.exchange(forward.local[3], send: Data("x".utf8))
            try await eventually("the refusal is told") {
                let text = try forward.errors()
                return text.contains("an error occurred forwarding") && text.contains("refused")
            }
        } catch {
            Issue.record("\(error) \((try? forward.errors()) ?? "")")
        }
        forward.end()
    }

    @Test
    func `clients that are killed leave nothing behind, and slow ones cost nothing`() async throws {
        let streams = try await StreamPod(.websocket)
        let server = try #require(streams.cluster.serverPID)
        @Sendable func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server)/fd").count
        }
        func memory() throws -> Int {
            let pages = try String(contentsOfFile: "/proc/\(server)/statm", encoding: .utf8).split(separator: " ")
            return (Int(pages[1]) ?? 0) * 4096
        }
        let (before, memoryBefore) = (try descriptors(), try memory())
        for way in Way.allCases {
            let environment = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=\(way.rawValue)"
            // Killed with their input still open; one more reads next to nothing of much output.
            _ = try await streams.sh(
                """
                for i in 1 2 3 4 5; do
                  sleep 5 | \(environment) timeout -s KILL 3 kubectl exec -i box -- cat /dev/stdin &
                done
                \(environment) timeout -s KILL 3 kubectl exec box -- head -c 200000000 /dev/zero | sleep 4 &
                wait
                """)
        }
        let more = try memory() - memoryBefore
        #expect(more < 64 << 20, "\(more >> 20) MiB more")
        try await eventually("what they ran has ended") {
            let left = try await streams.sh("kubectl exec box -- ps")
            return !left.output.contains("cat /dev/stdin")
        }
        try await eventually("their descriptors are closed") { try descriptors() <= before + 20 }
    }
}

/// The pods that the tests talk to, over one way.
struct StreamPod {
    let cluster: SkiffInstance
    let way: `Streams`.Way

    init(_ way: `Streams`.Way) async throws {
        cluster = try ClusterTests.cluster()
        self.way = way
        try await cluster.check("apply", "-f", "-", input: Self.pods)
        try await cluster.check(
            "wait", "--for=condition=Ready", "pod/box", "pod/reader-websocket", "pod/reader-spdy", "--timeout=30s")
        try await cluster.check("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/done", "--timeout=30s")
        try await cluster.check(
            "wait", "--for=jsonpath={.status.containerStatuses[?(@.name==\"over\")].state.terminated.exitCode}=0",
            "pod/half", "--timeout=30s")
    }

    /// Runs a line of shell in which `kubectl` reaches the cluster this way.
    func sh(_ script: String) async throws -> CommandResult {
        try await Command.run(
            ["bash", "-c", script],
            environment: [
                "KUBECONFIG": cluster.kubeconfig, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": way.rawValue,
                "KUBECTL_PORT_FORWARD_WEBSOCKETS": way.rawValue,
            ], timeout: .seconds(90))
    }

    /// The same on a terminal.
    func terminal(_ script: String) async throws -> CommandResult {
        let file = cluster.directory + "/script-\(UUID().uuidString)"
        try Data("stty rows 33 cols 111\n\(script)\n".utf8).write(to: URL(fileURLWithPath: file))
        return try await sh("script -qec 'bash \(file)' /dev/null")
    }

    private static let pods = """
        apiVersion: v1
        kind: Pod
        metadata: {name: box}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - {name: main, image: "skiff.example/hello:1"}
          - name: counts
            image: skiff.example/hello:1
            command: [nc, -ll, -p, "9000", -e, sh, -c, "count=$(wc -c); sleep 1; echo $count"]
          - {name: tells, image: "skiff.example/hello:1", command: [nc, -ll, -p, "9001", -e, echo, told]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: done}
        spec:
          restartPolicy: Never
          containers: [{name: main, image: "skiff.example/hello:1", command: ["true"]}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: half}
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 0
          containers:
          - {name: over, image: "skiff.example/hello:1", command: ["true"]}
          - {name: main, image: "skiff.example/hello:1", command: [sleep, "1000"]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: reader-websocket}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - {name: main, image: "skiff.example/hello:1", stdin: true, command: [sh, -c, "while read a; do echo read $a; done; exec sleep 1000"], stdinOnce: true}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: reader-spdy}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - {name: main, image: "skiff.example/hello:1", stdin: true, command: [sh, -c, "while read a; do echo read $a; done; exec sleep 1000"], stdinOnce: true}
        """
}

/// A `kubectl port-forward` that runs.
struct Forward {
    let local: [Int]
    private let process: Process
    private let log: String

    init(_ streams: StreamPod, ports: [Int]) async throws {
        log = streams.cluster.directory + "/forward-\(UUID().uuidString)"
        try Data().write(to: URL(fileURLWithPath: log))
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["kubectl", "port-forward", "pod/box"] + ports.map { ":\($0)" }
        process.environment = ProcessInfo.processInfo.environment.merging([
            "KUBECONFIG": streams.cluster.kubeconfig, "KUBECTL_PORT_FORWARD_WEBSOCKETS": streams.way.rawValue,
        ]) { $1 }
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let log = log
        @Sendable func found() throws -> [Int: Int] {
            var found: [Int: Int] = [:]
            for line in try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n") {
                // Forwarding from 127.0.0.1:34567 -> 8080
                let parts = line.split(separator: " ")
                guard parts.count == 5, parts[2].hasPrefix("127.0.0.1:"), let remote = Int(parts[4]) else { continue }
                found[remote] = Int(parts[2].dropFirst("127.0.0.1:".count))
            }
            return found
        }
        try await eventually("port-forward listens") { try found().count == ports.count }
        let listening = try found()
        local = ports.compactMap { listening[$0] }
    }

    func errors() throws -> String { try String(contentsOfFile: log, encoding: .utf8) }

    func end() { process.terminate() }

    /// Sends `data`, ends that side alone, and returns what comes until the other ends too.
    @concurrent
    func exchange(_ port: Int, send data: Data) async throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw POSIXError(.ECONNREFUSED) }
        var rest = [UInt8](data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        shutdown(descriptor, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}

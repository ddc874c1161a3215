internal import APIMachinery
internal import Glibc
internal import PKI
internal import TestSupport
internal import Testing
internal import Transport

/// Everything that can be wrong before a cluster starts: one clear message, exit code 1, nothing left behind.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .timeLimit(.minutes(5)))
struct `Start-up faults` {
    private let directory: TemporaryDirectory
    private var data: String { directory.path + "/data" }

    init() throws {
        directory = try TemporaryDirectory()
    }

    /// `skiff up` for the data directory, preceded by `wrapper` (a program that runs another).
    private func up(_ wrapper: [String] = [], port: Int, binary: String? = nil) async throws -> CommandResult {
        try await Command.run(
            wrapper + [
                binary ?? SkiffInstance.binary ?? "skiff", "up", "--data-dir", data, "--https-listen-port", "\(port)",
                "--cluster-cidr", "10.199.0.0/16", "--service-cidr", "10.219.0.0/16",
            ], environment: ["KUBECONFIG": directory.path + "/kubeconfig"])
    }

    private func expectRefusal(_ result: CommandResult, says text: String) {
        #expect(result.status == 1, "\(result)")
        #expect(result.errors.split(separator: "\n").count == 1, "one message: \(result)")
        #expect(result.errors.hasPrefix("skiff: "), "\(result)")
        #expect(result.errors.contains(text), "\(result)")
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test func `the port is in use`() async throws {
        let before = try await MachineState.read()
        let listener = try FreePort.Listener()
        let result = try await up(port: listener.port)
        expectRefusal(result, says: ":\(listener.port): another process uses the port")
        #expect(!exists(data))
        #expect(try await MachineState.read().minus(before) == [])
    }

    @Test func `the user is not root`() async throws {
        let binary = directory.path + "/skiff"
        try await Command.check(["cp", SkiffInstance.binary ?? "skiff", binary])
        try await Command.check(["chmod", "755", directory.path, binary])
        let result = try await up(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"], port: try FreePort.find(),
            binary: binary)
        expectRefusal(result, says: "must run as root")
        #expect(!exists(data))
    }

    @Test(arguments: [
        ("mount --bind /dev/null /usr/bin/containerd", "not installed: containerd"),
        ("mount -t tmpfs none /usr/lib/cni", "apt-get install containernetworking-plugins"),
    ])
    func `a program is missing`(hide: String, says: String) async throws {
        // A mount namespace of its own hides the program from this one command.
        let result = try await up(
            ["unshare", "--mount", "sh", "-c", hide + #" && exec "$@""#, "sh"], port: try FreePort.find())
        expectRefusal(result, says: says)
        #expect(!exists(data))
    }

    @Test func `the disk is full`() async throws {
        try await withTmpfs(mebibytes: 8) { path in
            let result = try await Command.run([
                SkiffInstance.binary ?? "skiff", "up", "--data-dir", path + "/data", "--https-listen-port",
                "\(try FreePort.find())",
            ])
            expectRefusal(result, says: "MiB are free on the file system")
            #expect(!exists(path + "/data"))
        }
    }

    @Test func `the disk fills up under a running server, which recovers when there is room`() async throws {
        try await withTmpfs(mebibytes: 160) { path in
            let server = try ServerProcess(dataDirectory: path + "/data")
            try await server.start()
            let http = try server.makeClient()
            defer { http.shutdown() }
            try await Self.create("before", http, expecting: 201)
            let ballast = path + "/ballast"
            _ = try await Command.run(["dd", "if=/dev/zero", "of=" + ballast, "bs=64k", "status=none"])
            let refused = try await Self.createUntilRefused(http)
            #expect(refused >= 500, "a write without room is refused, not acknowledged")
            let read = try await http.send(
                HTTPClientRequest(target: "/api/v1/namespaces/default/configmaps/before"))
            #expect(read.status == 200, "reads go on")
            unlink(ballast)
            try await eventually("writes work again") {
                try await Self.post("after", http).status == 201
            }
            #expect(server.isAlive, "\(server.log)")
            try await server.stop()
            try await server.start()
            let again = try server.makeClient()
            defer { again.shutdown() }
            for name in ["before", "after"] {
                let reply = try await again.send(
                    HTTPClientRequest(target: "/api/v1/namespaces/default/configmaps/\(name)"))
                #expect(reply.status == 200, "\(name) is there after a restart")
            }
            try await server.stop()
        }
    }

    @Test(arguments: ["head", "middle", "empty directory entry"])
    func `the database is corrupt`(place: String) async throws {
        let server = try ServerProcess(dataDirectory: data)
        try await server.start()
        let http = try server.makeClient()
        for number in 0..<50 { try await Self.create("m\(number)", http, expecting: 201) }
        http.shutdown()
        try await server.stop()
        let database = data + "/state/state.db"
        let damage =
            switch place {
            case "head": "dd if=/dev/urandom of=\(database) bs=4096 count=1 conv=notrunc status=none"
            case "middle": "dd if=/dev/urandom of=\(database) bs=4096 seek=1 count=6 conv=notrunc status=none"
            default: "rm \(database)* && mkdir \(database)"
            }
        try await Command.check(["sh", "-c", damage])
        // The first page holds counters that change when the file is opened.
        let sum = "tail -c +4097 \(database) 2>&1 | sha256sum"
        let before = try await Command.run(["sh", "-c", sum]).output
        let result = try await Command.run(server.arguments, timeout: .seconds(20))
        #expect(result.status == 1, "\(result)")
        let failure = result.errors.split(separator: "\n").filter { $0.hasPrefix("skiff: ") }
        #expect(failure.count == 1, "\(result)")
        #expect(failure.first?.contains("state.db") == true, "names the file: \(result)")
        #expect(try await Command.run(["sh", "-c", sum]).output == before, "the file is left for its owner to look at")
    }

    @Test func `a second Skiff on the same data`() async throws {
        let server = try ServerProcess(dataDirectory: data)
        try await server.start()
        let pid = try #require(server.pid)
        expectRefusal(try await up(port: server.port), says: "Skiff is already running on \(data) (pid \(pid))")
        expectRefusal(try await up(port: try FreePort.find()), says: "already running")
        let second = try await Command.run(server.arguments, timeout: .seconds(20))
        #expect(second.status == 1, "\(second)")
        #expect(second.errors.contains("already running"), "\(second)")
        let http = try server.makeClient()
        defer { http.shutdown() }
        try await Self.create("still", http, expecting: 201)
        #expect(server.isAlive)
        try await server.stop()
    }

    @Test(arguments: [["--https-listen-port", "99999"], ["--no-such-flag"], ["--cluster-cidr", "10.0.0.0"]])
    func `a flag makes no sense`(flags: [String]) async throws {
        let result = try await Command.run([SkiffInstance.binary ?? "skiff", "up", "--data-dir", data] + flags)
        #expect(result.status == 2, "\(result)")
        #expect(!result.errors.isEmpty, "\(result)")
        #expect(!exists(data))
    }

    // MARK: Pieces

    private func withTmpfs(mebibytes: Int, _ body: (String) async throws -> Void) async throws {
        let path = directory.path + "/disk"
        mkdir(path, 0o755)
        try await Command.check(["mount", "-t", "tmpfs", "-o", "size=\(mebibytes)m", "skiff-test", path])
        do {
            try await body(path)
        } catch {
            _ = try await Command.run(["umount", "--lazy", path])
            throw error
        }
        _ = try await Command.run(["umount", "--lazy", path])
    }

    private static func post(_ name: String, bytes: Int = 10, _ http: HTTPClient) async throws -> HTTPReply {
        let text = String(repeating: "x", count: bytes)
        let body = #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"\#(name)"},"data":{"a":"\#(text)"}}"#
        return try await http.send(
            HTTPClientRequest(
                method: "POST", target: "/api/v1/namespaces/default/configmaps",
                headers: ["Content-Type": "application/json"], body: Array(body.utf8)))
    }

    private static func create(_ name: String, _ http: HTTPClient, expecting status: Int) async throws {
        let reply = try await post(name, http)
        #expect(reply.status == status, "\(String(decoding: reply.body.prefix(500), as: UTF8.self))")
    }

    /// The write-ahead log may have room left in blocks it already has.
    private static func createUntilRefused(_ http: HTTPClient) async throws -> Int {
        for number in 0..<200 {
            let reply = try await post("filler-\(number)", bytes: 500_000, http)
            guard reply.status != 201 else { continue }
            let status = try Value(json: reply.body)
            #expect(status["kind"]?.string == "Status", "\(status.jsonText)")
            return reply.status
        }
        return 201
    }
}

internal import APIMachinery
internal import Glibc
internal import KubeClient
internal import PKI
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Transport

@testable internal import Cluster

/// `skiff server --disable-agent` on a data directory of its own: the API with the controllers, without containers.
final class ServerProcess: Sendable {
    let dataDirectory: String
    let port: Int
    private let directory: TemporaryDirectory
    private let child = Mutex<pid_t?>(nil)

    /// `dataDirectory`: for a test that brings its own.
    init(dataDirectory: String? = nil) throws {
        directory = try TemporaryDirectory()
        self.dataDirectory = dataDirectory ?? directory.path + "/data"
        port = try FreePort.find()
    }

    deinit {
        kill()
        // The data goes away with the directory, so that there is nothing for `skiff delete` to go by.
        try? Directories.remove(Paths(dataDirectory: dataDirectory).runDirectory)
    }

    var logFile: String { directory.path + "/server.log" }
    var log: String { (try? PrivateFile.read(logFile)).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    var arguments: [String] {
        [
            SkiffInstance.binary ?? "skiff", "server", "--disable-agent", "--data-dir", dataDirectory,
            "--https-listen-port", "\(port)", "--bind-address", "127.0.0.1",
        ]
    }

    /// Starts the process and waits until it answers `/readyz`.
    func start() async throws {
        try spawn()
        try await eventually("the server is ready; its log: \(log)", timeout: .seconds(60)) {
            guard self.isAlive else { return true }
            return try await self.isReady()
        }
        try #require(isAlive, "the server ended: \(log)")
    }

    private func isReady() async throws -> Bool {
        let http = try makeClient()
        defer { http.shutdown() }
        return try await http.send(HTTPClientRequest(target: "/readyz")).status == 200
    }

    private func spawn() throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, logFile, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, arguments[0], &actions, nil, &argv, environ)
        try #require(code == 0, "start \(arguments[0]): \(String(cString: strerror(code)))")
        child.withLock { $0 = pid }
    }

    var pid: pid_t? { child.withLock { $0 } }

    /// Whether the process that `start` made still runs: the same one, never restarted.
    var isAlive: Bool {
        child.withLock { child in
            guard let pid = child else { return false }
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == 0 { return true }
            child = nil
            return false
        }
    }

    /// Ends the process as a power cut would.
    func kill() {
        child.withLock { child in
            guard let pid = child else { return }
            Glibc.kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            child = nil
        }
    }

    /// Asks the process to end and waits until it has.
    func stop() async throws {
        guard let pid else { return }
        Glibc.kill(pid, SIGTERM)
        try await eventually("the server stops after SIGTERM", timeout: .seconds(15)) { !self.isAlive }
    }

    var residentMiB: Int {
        guard let pid, let file = fopen("/proc/\(pid)/statm", "r") else { return 0 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        guard fgets(&text, Int32(text.count), file) != nil else { return 0 }
        let words = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.split(separator: UInt8(ascii: " "))
        let pages = words.dropFirst().first.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        return (pages * Int(sysconf(Int32(_SC_PAGESIZE)))) >> 20
    }

    /// A client with the administrator's certificate, or with none.
    func makeClient(
        isAdmin: Bool = true, connections: Int = 8, responseTimeout: Duration = .seconds(30)
    ) throws -> HTTPClient {
        func read(_ name: String) throws -> [UInt8] {
            let path = dataDirectory + "/tls/" + name
            guard let bytes = try PrivateFile.read(path) else {
                throw MissingFile(path: path)
            }
            return bytes
        }
        let tls = try TLSClientContext(
            serverCAsPEM: try read("ca.crt"), certificateChainPEM: isAdmin ? try read("admin.crt") : nil,
            privateKeyPEM: isAdmin ? try read("admin.key") : nil
        )
        var configuration = HTTPClient.Configuration(address: .tcp(host: "127.0.0.1", port: port), tls: tls)
        configuration.idleConnectionsMax = connections
        configuration.responseTimeout = responseTimeout
        return HTTPClient(configuration)
    }
}

struct MissingFile: Error {
    let path: String
}

/// Starts a server, hands it to `body` and ends it.
func withServer(_ body: (ServerProcess) async throws -> Void) async throws {
    let server = try ServerProcess()
    try await server.start()
    try await body(server)
    #expect(server.isAlive, "the server ended: \(server.log)")
    try await server.stop()
}

enum FreePort {
    /// A port that nothing uses at the moment.
    static func find() throws -> Int {
        let listener = try Listener()
        return listener.port
    }

    /// A socket that listens on a port of the kernel's choice for as long as the object lives.
    final class Listener: Sendable {
        let port: Int
        private let descriptor: Int32

        init() throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let descriptor = descriptor
            let isListening = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && listen(descriptor, 1) == 0
                        && getsockname(descriptor, $0, &length) == 0
                }
            }
            port = Int(UInt16(bigEndian: address.sin_port))
            try #require(isListening)
        }

        deinit {
            close(descriptor)
        }
    }
}

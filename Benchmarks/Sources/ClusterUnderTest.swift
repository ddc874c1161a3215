internal import APIMachinery
internal import Glibc
internal import Transport

/// The Skiff that is measured, driven by its command line.
struct ClusterUnderTest: Sendable {
    let skiff: String
    let dataDirectory: String
    let port: Int
    let kubeconfig: String
    let serviceCIDR = "10.231.0.0/16"
    let dnsAddress = "10.231.0.10"

    private var environment: [String: String] { ["KUBECONFIG": kubeconfig] }

    private var flags: [String] {
        [
            "--data-dir", dataDirectory, "--https-listen-port", "\(port)", "--cluster-cidr", "10.211.0.0/16",
            "--service-cidr", serviceCIDR,
        ]
    }

    func version() async throws -> String {
        try await Program.run([skiff, "version"]).split(separator: "\n").first.map(String.init) ?? ""
    }

    func up() async throws {
        try await Program.run([skiff, "up"] + flags, environment: environment)
    }

    func down() async throws {
        try await Program.run([skiff, "down", "--data-dir", dataDirectory], environment: environment)
    }

    /// Removes everything, or what a server on another data directory has made.
    func delete(dataDirectory other: String? = nil) async throws {
        try await Program.run([skiff, "delete", "--data-dir", other ?? dataDirectory], environment: environment)
    }

    /// Starts the API without containers in the foreground. Its data directory is apart from the cluster's.
    func startServer(dataDirectory: String) throws -> pid_t {
        try Program.spawn([
            skiff, "server", "--disable-agent", "--data-dir", dataDirectory, "--https-listen-port", "\(port)",
            "--bind-address", "127.0.0.1",
        ])
    }

    /// An image that every node has: the one that holds a pod's namespaces.
    func pauseImage() async throws -> String {
        let lines = try await Program.run([skiff, "image", "ls", "--data-dir", dataDirectory]).split(separator: "\n")
        let names = lines.compactMap { $0.split(separator: " ").first.map(String.init) }
        guard let name = names.first(where: { $0.contains("/pause:") }) else {
            throw BenchmarkError(description: "no pause image among \(names)")
        }
        return name
    }

    /// Process id of the running server, from its pid file.
    func serverPID() throws -> pid_t {
        let path = dataDirectory + "/skiff.pid"
        let text = try SmallFile.read(path).split(separator: "\n").first
        guard let pid = text.flatMap({ pid_t($0) }) else { throw BenchmarkError(description: "no process in \(path)") }
        return pid
    }

    /// Processes that containerd keeps beside the containers of each pod.
    func shims() throws -> [pid_t] {
        let configuration = try SmallFile.read(dataDirectory + "/containerd/config.toml").split(separator: "\n")
        let line = configuration.first { $0.hasPrefix("address = ") }
        guard let socket = line?.split(separator: "\"").dropFirst().first.map(String.init) else {
            throw BenchmarkError(description: "no address in containerd's configuration")
        }
        return try ProcessFacts.processes(mentioning: socket).filter { $0.name.contains("shim") }.map(\.pid)
    }

    func meter() throws -> Meter {
        try Meter(pid: serverPID())
    }
}

struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
}

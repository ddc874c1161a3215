import Foundation

/// A whole Skiff of a test's own: data directory, ports and address ranges apart from any other on the machine.
package struct SkiffInstance: Sendable {
    /// The binary under test: `$SKIFF_BINARY`, which `scripts/test.sh` sets to the release build.
    package static var binary: String? { ProcessInfo.processInfo.environment["SKIFF_BINARY"] }

    /// Tests that need the binary, root and containerd say so when these are missing.
    package static var isRunnable: Bool {
        binary != nil && getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/containerd")
    }

    package let binary: String
    package let directory: String
    package let port: Int
    package let index: Int

    package init(index: Int) throws {
        guard let binary = Self.binary else { throw ConditionTimeout(description: "SKIFF_BINARY is not set") }
        self.binary = binary
        self.index = index
        port = 16443 + index
        directory = FileManager.default.temporaryDirectory
            .appending(path: "skiff-cluster-\(getpid())-\(index)").path(percentEncoded: false)
    }

    package var kubeconfig: String { directory + "/kubeconfig" }
    package var dataDirectory: String { directory + "/data" }

    /// Flags that keep this instance apart from others.
    package var flags: [String] {
        [
            "--data-dir", dataDirectory, "--https-listen-port", "\(port)", "--cluster-cidr", "10.\(200 + index).0.0/16",
            "--service-cidr", "10.\(220 + index).0.0/16",
        ]
    }

    package func skiff(_ arguments: [String], input: String? = nil, timeout: Duration = .seconds(60)) async throws
        -> CommandResult
    {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return try await Command.run(
            [binary] + arguments, input: input, environment: ["KUBECONFIG": kubeconfig], timeout: timeout)
    }

    package func up(_ extra: [String] = []) async throws -> CommandResult {
        try await skiff(["up"] + flags + extra)
    }

    /// Stops everything and removes the test's directory.
    package func delete() async throws -> CommandResult {
        let result = try await skiff(["delete", "--data-dir", dataDirectory])
        try? FileManager.default.removeItem(atPath: directory)
        return result
    }

    /// Process id of the running server, from its pid file.
    package var serverPID: Int32? {
        (try? String(contentsOfFile: dataDirectory + "/skiff.pid", encoding: .utf8))
            .flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// Runs the machine's kubectl, or the one at `program`, against this instance.
    package func kubectl(
        _ arguments: [String], program: String = "kubectl", input: String? = nil, timeout: Duration = .seconds(60)
    ) async throws -> CommandResult {
        try await Command.run(
            [program] + arguments, input: input,
            environment: ["KUBECONFIG": kubeconfig, "KUBECACHEDIR": directory + "/cache"], timeout: timeout)
    }

    /// As `kubectl`, throwing unless it succeeds. Returns standard output.
    @discardableResult
    package func check(
        _ arguments: String..., program: String = "kubectl", input: String? = nil, timeout: Duration = .seconds(60)
    ) async throws -> String {
        let result = try await kubectl(arguments, program: program, input: input, timeout: timeout)
        guard result.isSuccess else { throw CommandFailure(result: result) }
        return result.output
    }
}

/// The kubectl programs to test with: those `$SKIFF_TEST_KUBECTLS` names (colon between), else the oldest and newest
/// `kubectl.1.N` beside the one in PATH, else the one in PATH.
package enum Kubectl {
    package static let programs: [String] = {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["SKIFF_TEST_KUBECTLS"], !named.isEmpty {
            return named.split(separator: ":").map(String.init)
        }
        let found = (environment["PATH"] ?? "").split(separator: ":").map { $0 + "/kubectl" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else { return ["kubectl"] }
        let directory = URL(fileURLWithPath: found).resolvingSymlinksInPath().deletingLastPathComponent()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false))) ?? []
        let versioned = names.filter { $0.hasPrefix("kubectl.1.") }.sorted()
        guard let oldest = versioned.first, let newest = versioned.last else { return ["kubectl"] }
        return Array(Set([oldest, newest])).sorted().map { directory.appending(path: $0).path(percentEncoded: false) }
    }()
}

internal import Glibc

/// Runs other programs.
enum Program {
    /// Runs a program to its end. Returns what it wrote; throws with that unless it exits with 0.
    @discardableResult
    static func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        var template = Array("/tmp/skiff-benchmark-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw BenchmarkError(description: "cannot make a temporary file") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        close(descriptor)
        defer { unlink(path) }
        let pid = try spawn(arguments, environment: environment, output: path)
        let status = try await end(of: pid)
        let text = try SmallFile.read(path)
        guard status == 0 else {
            throw BenchmarkError(description: "\(arguments.joined(separator: " ")): exit \(status >> 8)\n\(text)")
        }
        return text
    }

    /// Starts a program that goes on by itself.
    static func spawn(
        _ arguments: [String], environment: [String: String] = [:], output: String = "/dev/null"
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        for (name, value) in environment { setenv(name, value, 1) }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, arguments[0], &actions, nil, &argv, environ)
        guard code == 0 else {
            throw BenchmarkError(description: "start \(arguments[0]): \(String(cString: strerror(code)))")
        }
        return pid
    }

    /// Waits for the end of a child. Returns its wait status.
    @discardableResult
    static func end(of pid: pid_t) async throws -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) == 0 { try await Task.sleep(for: .milliseconds(1)) }
        return status
    }
}

enum SmallFile {
    /// The whole of a text file; files of the kernel's have no size to go by.
    static func read(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw BenchmarkError(description: "read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count <= 0 { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw BenchmarkError(description: "write \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw BenchmarkError(description: "write \(path): \(String(cString: strerror(errno)))")
        }
    }
}

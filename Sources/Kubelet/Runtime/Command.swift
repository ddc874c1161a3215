internal import CLinux
internal import Glibc
internal import NIOPosix

/// Runs blocking work (files, child processes) away from the threads that run tasks.
enum BlockingWork {
    static func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await NIOThreadPool.singleton.runIfActive(body)
    }
}

/// A program that was started and has not been waited for.
struct ChildProcess: Sendable {
    let pid: pid_t

    /// What a child's standard output and error become.
    enum Output: Sendable {
        case descriptor(Int32)
        /// Appended to, created with mode 0600.
        case file(String)
    }

    /// Starts `path`. The child gets no descriptors but the standard three, default signal handling and no blocked
    /// signals: Skiff itself ignores some, and that would be inherited.
    /// `detached`: in a session of its own, so that it outlives Skiff and its terminal.
    static func spawn(
        _ path: String, _ arguments: [String], input: Int32? = nil, output: Output, detached: Bool = false
    ) throws(SystemError) -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        switch output {
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
        case .file(let file):
            posix_spawn_file_actions_addopen(&actions, 1, file, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        clinux_spawn_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let newSession: Int32 = detached ? 0x80 : 0  // POSIX_SPAWN_SETSID of <spawn.h>.
        posix_spawnattr_setflags(
            &attributes, Int16(Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | newSession)
        )

        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, path, &actions, &attributes, argv, clinux_environ())
        guard result == 0 else { throw SystemError("start \(path)", errno: result) }
        return ChildProcess(pid: pid)
    }

    /// Blocks until the child has ended.
    /// - Returns: its exit code, or 128 plus the signal that ended it.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }
}

/// A short-lived program and what it said.
enum Command {
    static let outputBytesMax = 1 << 20

    /// Runs a program to its end.
    /// - Throws: `SystemError` if it cannot be started; `CommandError` if it ends with anything but 0.
    @discardableResult
    static func run(_ path: String, _ arguments: [String], input: [UInt8] = []) async throws -> [UInt8] {
        try await BlockingWork.run { try runBlocking(path, arguments, input: input) }
    }

    static func runBlocking(_ path: String, _ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
        var output: [Int32] = [0, 0]
        guard clinux_pipe(&output) == 0 else { throw SystemError("create a pipe for \(path)") }
        var standardInput: Int32?
        if !input.isEmpty { standardInput = try FileSystem.anonymousFile(holding: input) }
        let child: ChildProcess
        do {
            defer {
                close(output[1])
                if let standardInput { close(standardInput) }
            }
            child = try ChildProcess.spawn(path, arguments, input: standardInput, output: .descriptor(output[1]))
        } catch {
            close(output[0])
            throw error
        }
        defer { close(output[0]) }
        let said = FileSystem.readAll(descriptor: output[0], bytesMax: outputBytesMax)
        let code = child.wait()
        guard code == 0 else {
            throw CommandError(program: path, arguments: arguments, exitCode: code, output: said)
        }
        return said
    }

    /// The first of `names` found on the usual paths; absolute names are taken as they are.
    static func find(_ names: String...) -> String? {
        for name in names {
            let candidates =
                name.hasPrefix("/")
                ? [name]
                : ["/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"].map {
                    $0 + name
                }
            for candidate in candidates where access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}

/// A program ended badly.
package struct CommandError: Error, CustomStringConvertible {
    package let program: String
    package let arguments: [String]
    package let exitCode: Int32
    /// Standard output and error together.
    package let output: [UInt8]

    package var description: String {
        let text = String(decoding: output.suffix(2000), as: UTF8.self)
        return "\(program) \(arguments.joined(separator: " ")) ended with code \(exitCode): \(text)"
    }
}

/// A system call failed.
package struct SystemError: Error, CustomStringConvertible, Sendable {
    /// What was tried: `open /var/lib/skiff/x`.
    package let operation: String
    package let code: Int32

    init(_ operation: String, errno code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }

    package var description: String { "\(operation): \(String(cString: strerror(code)))" }
}

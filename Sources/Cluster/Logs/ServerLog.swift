internal import APIMachinery
internal import Glibc
internal import Logging
internal import Synchronization

/// Where the server's log lines go: standard error, or a file that never grows past a bound.
final class ServerLog: Sendable {
    /// A file that reaches this becomes `FILE.1`, and a new one is begun: so at most twice this is on disk.
    static let fileBytesMax = 8 << 20

    private struct State {
        var descriptor: Int32
        var size: Int
    }

    private let path: String?
    private let state: Mutex<State>

    /// - Throws: if the file cannot be opened. Standard output and error then go to it as well, so that what the
    ///   runtime says in a crash is kept.
    init(path: String?) throws(ClusterError) {
        self.path = path
        state = Mutex(State(descriptor: STDERR_FILENO, size: 0))
        if let path { try state.withLock { state throws(ClusterError) in state = try Self.open(path) } }
    }

    private static func open(_ path: String) throws(ClusterError) -> State {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Directories.failure("write", path) }
        dup2(descriptor, STDOUT_FILENO)
        dup2(descriptor, STDERR_FILENO)
        var info = stat()
        return State(descriptor: descriptor, size: fstat(descriptor, &info) == 0 ? Int(info.st_size) : 0)
    }

    func write(_ line: String) {
        let bytes = Array(line.utf8)
        state.withLock { state in
            // A log line that cannot be written has nowhere to be reported.
            _ = Glibc.write(state.descriptor, bytes, bytes.count)
            state.size += bytes.count
            guard let path, state.size > Self.fileBytesMax else { return }
            guard rename(path, path + ".1") == 0, let fresh = try? Self.open(path) else { return }
            close(state.descriptor)
            state = fresh
        }
    }

    /// Makes this the destination of every logger of the process. Once, before the first logger is made.
    func bootstrap(level: String) {
        let level = Logger.Level(rawValue: level) ?? .info
        LoggingSystem.bootstrap { _ in LineHandler(log: self, logLevel: level) }
    }
}

/// One line an entry: `2026-11-22T21:08:00.123456Z info message key=value`.
private struct LineHandler: LogHandler {
    let log: ServerLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "\(MicroTime.now()) \(event.level) \(event.message)"
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        log.write(line + "\n")
    }
}

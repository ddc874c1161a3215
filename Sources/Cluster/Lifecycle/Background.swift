internal import CLinux
internal import Glibc

/// Starts `skiff server` as a process of its own and follows it until the node is Ready.
package enum Background {
    /// The server goes on trying after this; `up` only stops waiting.
    static let readySecondsMax = 180

    /// What the caller may print.
    package enum Event: Sendable {
        /// A stage was reached, so long after the start.
        case stage(String, after: Duration)
    }

    /// What `up` achieved.
    package struct Started: Sendable {
        package let duration: Duration
        package let serverURL: String
        /// The user's kubeconfig into which the cluster was merged, and the context's name.
        package let kubeconfig: String
        package let context: String
        /// Why the user's kubeconfig could not be changed; the cluster's own is there all the same.
        package let kubeconfigError: ClusterError?
    }

    /// Returns once the node is Ready. Blocks.
    package static func start(
        _ settings: Configuration, _ report: (Event) -> Void
    ) throws -> Started {
        let begin = ContinuousClock.now
        let configuration = try ResolvedConfiguration(settings)
        try Preflight.requireRoot(for: "up")
        try Preflight.check(configuration)
        let didExist = Directories.exist(configuration.paths.dataDirectory)
        try Directories.create(configuration.paths.dataDirectory, mode: 0o711)
        let log = configuration.paths.log
        let input = try spawn(configuration)
        defer { close(input) }
        do throws(ClusterError) {
            try follow(input, begin, log, report)
        } catch {
            throw didExist ? error : afterFirstFailure(error, configuration.paths)
        }
        let duration = ContinuousClock.now - begin
        var kubeconfig = configuration.ownKubeconfig
        var failure: ClusterError?
        do throws(ClusterError) {
            kubeconfig = try mergeKubeconfig(configuration)
        } catch {
            failure = error
        }
        return Started(
            duration: duration, serverURL: configuration.serverURL, kubeconfig: kubeconfig,
            context: configuration.paths.contextName, kubeconfigError: failure
        )
    }

    /// A first start that failed early leaves nothing behind, not even a log. Later there may be containers, and only
    /// `skiff delete` knows how to end them.
    private static func afterFirstFailure(_ error: ClusterError, _ paths: Paths) -> ClusterError {
        guard case .startFailed(let reason, _) = error, RunningInstance(paths: paths) == nil,
            !Directories.exist(paths.dataDirectory + "/containerd")
        else { return error }
        Directories.removeIfUnused(paths)
        return .startFailed(reason: reason, log: nil)
    }

    private static func mergeKubeconfig(_ configuration: ResolvedConfiguration) throws(ClusterError) -> String {
        let credentials: Credentials
        do {
            credentials = try Credentials(configuration)
        } catch {
            throw .kubeconfig(path: configuration.ownKubeconfig, reason: "\(error)")
        }
        return try KubeconfigFiles(configuration).merge(credentials)
    }

    /// The reading end of the child's progress pipe. The child has a session of its own, so that neither this
    /// terminal's end nor its Ctrl-C reaches it.
    private static func spawn(_ configuration: ResolvedConfiguration) throws(ClusterError) -> Int32 {
        let program = "/proc/self/exe"
        var ends: [Int32] = [0, 0]
        guard clinux_pipe(&ends) == 0 else { throw Directories.failure("start", program) }
        let path = realpath(program, nil)
        defer { free(path) }
        guard let path else { throw Directories.failure("start", program) }
        let arguments =
            [String(cString: path), "server", "--progress-descriptor", "3", "--log-to-file"]
            + configuration.settings.flags

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, 1, configuration.paths.log, O_WRONLY | O_CREAT | O_APPEND, 0o600
        )
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
        clinux_spawn_close_from(&actions, 4)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, 0x80)  // POSIX_SPAWN_SETSID of <spawn.h>.

        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, path, &actions, &attributes, argv, clinux_environ())
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw .file(operation: "start", path: String(cString: path), reason: String(cString: strerror(code)))
        }
        return ends[0]
    }

    private static func follow(
        _ input: Int32, _ begin: ContinuousClock.Instant, _ log: String, _ report: (Event) -> Void
    ) throws(ClusterError) {
        var reader = LineReader(descriptor: input)
        let deadline = begin + .seconds(readySecondsMax)
        while true {
            let left = ContinuousClock.now.duration(to: deadline).components.seconds
            switch reader.next(waitingSeconds: Int(max(0, left))) {
            case .line(let line):
                let words = line.split(separator: " ", maxSplits: 1).map(String.init)
                let text = words.count > 1 ? words[1] : ""
                switch words.first.flatMap(Progress.Word.init(rawValue:)) {
                case .stage?: report(.stage(text, after: ContinuousClock.now - begin))
                case .ready?: return
                case .failed?: throw .startFailed(reason: text, log: log)
                case nil: continue
                }
            case .end: throw .startFailed(reason: "the process ended without a word", log: log)
            case .timeout: throw .notReady(seconds: readySecondsMax, log: log)
            }
        }
    }
}

/// Lines from a pipe, with a limit on the wait.
private struct LineReader {
    enum Outcome {
        case line(String)
        case end
        case timeout
    }

    let descriptor: Int32
    private var buffer: [UInt8] = []

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    mutating func next(waitingSeconds: Int) -> Outcome {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return .line(line)
            }
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&polled, 1, Int32(waitingSeconds * 1000))
            if ready < 0 && errno == EINTR { continue }
            if ready <= 0 { return .timeout }
            var piece = [UInt8](repeating: 0, count: 4096)
            let count = read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return .end }
            buffer += piece[..<count]
        }
    }
}

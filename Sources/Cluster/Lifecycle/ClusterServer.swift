internal import Glibc
internal import Logging
internal import PKI

/// `skiff server`: one cluster in this process, in the foreground.
package enum ClusterServer {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// Tells its progress to whoever reads the other end of `progressDescriptor`. With a log file, logs go into the data
    /// directory instead of to standard error.
    package static func run(_ settings: Configuration, progressDescriptor: Int32? = nil, hasLogFile: Bool = false)
        async throws
    {
        MemoryReturn.configure()
        let progress = Progress(descriptor: progressDescriptor)
        do {
            try await start(settings, progress, hasLogFile: hasLogFile)
        } catch {
            progress.report(.failed, "\(error)")
            throw error
        }
    }

    private static func start(_ settings: Configuration, _ progress: Progress, hasLogFile: Bool) async throws {
        let configuration = try ResolvedConfiguration(settings)
        if !settings.disableAgent { try Preflight.requireRoot(for: "server") }
        try Preflight.check(configuration)
        // Files made by any part are their owner's alone unless it says otherwise.
        umask(0o022)
        try makeDirectories(configuration)
        // Stays while containerd has its socket there; goes if this start came to nothing.
        defer { rmdir(configuration.paths.runDirectory) }
        _ = chdir("/")
        let log = try ServerLog(path: hasLogFile ? configuration.paths.log : nil)
        log.bootstrap(level: settings.logLevel)
        let logger = Logger(label: "skiff")
        logger.notice(
            "starting \(Product.version)", metadata: ["data-dir": "\(settings.dataDirectory)", "pid": "\(getpid())"])

        let credentials = try Credentials(configuration)
        try KubeconfigFiles(configuration).writeOwn(credentials)
        try PrivateFile.write(Array(settings.yaml.utf8), to: configuration.paths.usedConfiguration)
        progress.report(.stage, "certificates are in place")
        let cluster = Cluster(
            configuration: configuration, credentials: credentials, progress: progress, logger: logger)
        try await cluster.run()
        logger.notice("stopped")
    }

    private static func makeDirectories(_ configuration: ResolvedConfiguration) throws(ClusterError) {
        let paths = configuration.paths
        // Pods' processes reach their volumes through it, so others may pass, but not look.
        try Directories.create(paths.dataDirectory, mode: 0o711)
        for directory in [paths.stateDirectory, paths.tlsDirectory] { try Directories.create(directory, mode: 0o700) }
        if !configuration.settings.disableAgent { try Directories.create(paths.runDirectory, mode: 0o711) }
    }
}

package import CRI
internal import Glibc
package import Logging
internal import Synchronization

/// Skiff's own containerd, or the one that the user named.
///
/// Its own runs in a session of its own and outlives Skiff, with all containers; the next Skiff adopts it by its
/// socket. `start` brings it up, `run` keeps it up.
package final class ContainerRuntime: Sendable {
    package let configuration: RuntimeConfiguration
    package let client: CRIClient
    private let logger: Logger
    private let process = Mutex<ContainerdProcess?>(nil)

    /// How long containerd may take to answer.
    private static let startTimeout = Duration.seconds(30)

    package init(configuration: RuntimeConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        client = try CRIClient(socketPath: configuration.socketPath)
    }

    /// Whether something accepts connections on the runtime's socket right now.
    package var isAnswering: Bool { UnixSocket.connects(configuration.socketPath) }

    /// Starts or adopts containerd and returns once it answers. The caller must be running `run` already.
    package func start() async throws {
        if configuration.externalEndpoint != nil {
            guard await UnixSocket.answers(configuration.socketPath, within: .seconds(5)) else {
                throw RuntimeError.endpointSilent(configuration.socketPath)
            }
            return try await waitUntilReady()
        }
        let pause = try await BlockingWork.run { [configuration] in
            let pause = try PauseImage.build()
            try PodNetwork(configuration: configuration).writeConfiguration()
            return pause
        }
        try await startProcess(pauseImage: pause.reference)
        try await waitUntilReady()
        try await importPauseImage(pause)
    }

    /// Holds the connection, and starts containerd again whenever it dies.
    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.client.run() }
            group.addTask { try await self.superviseProcess() }
        }
    }

    private func superviseProcess() async throws {
        guard configuration.externalEndpoint == nil else { return }
        while !Task.isCancelled {
            guard let current = process.withLock({ $0 }) else {
                // `start` has not come that far.
                try await Task.sleep(for: .milliseconds(200))
                continue
            }
            await current.waitForExit()
            guard !Task.isCancelled, process.withLock({ $0?.pid == current.pid }) else { continue }
            logger.error("containerd (pid \(current.pid)) died; starting it again")
            do {
                let pause = try await BlockingWork.run { try PauseImage.build() }
                try await startProcess(pauseImage: pause.reference)
            } catch {
                logger.error("\(error)")
                try await Task.sleep(for: .seconds(2))
            }
        }
    }

    private func startProcess(pauseImage: String) async throws {
        let configuration = configuration
        let found = try await BlockingWork.run {
            try ContainerdProcess.adoptOrStart(configuration, pauseImage: pauseImage)
        }
        process.withLock { $0 = found }
        logger.info("containerd \(found.wasAdopted ? "adopted" : "started")", metadata: ["pid": "\(found.pid)"])
        let deadline = ContinuousClock.now + Self.startTimeout
        while await !UnixSocket.answers(configuration.socketPath, within: .milliseconds(50)) {
            guard found.isAlive else { throw notStarted("it ended at once: \(lastLogLine())") }
            guard ContinuousClock.now < deadline else { throw notStarted("no answer within \(Self.startTimeout)") }
        }
    }

    /// containerd accepts connections a moment before its CRI part and its network are ready.
    private func waitUntilReady() async throws {
        let deadline = ContinuousClock.now + Self.startTimeout
        var last = ""
        repeat {
            do {
                let conditions = try await client.status()
                guard let unmet = conditions.first(where: { !$0.status }) else { return }
                last = "\(unmet.type): \(unmet.message)"
            } catch {
                last = error.description
            }
            try await Task.sleep(for: .milliseconds(10))
        } while ContinuousClock.now < deadline
        throw notStarted(last)
    }

    private func importPauseImage(_ pause: PauseImage) async throws {
        if try await client.imageStatus(pause.reference) != nil { return }
        let file = configuration.rootDirectory + "/pause.tar"
        try await BlockingWork.run { try FileSystem.write(file, pause.archive) }
        defer { unlink(file) }
        try await Images(runtime: self).load(file)
    }

    private func notStarted(_ reason: String) -> RuntimeError {
        .notStarted(reason: reason, log: configuration.logFile)
    }

    private func lastLogLine() -> String {
        let log = FileSystem.text(configuration.logFile) ?? ""
        return log.split(separator: "\n").last.map(String.init) ?? "it said nothing"
    }
}

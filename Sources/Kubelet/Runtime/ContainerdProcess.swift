internal import CLinux
internal import Glibc

/// The containerd process, ours by birth or by adoption.
struct ContainerdProcess: Sendable {
    let pid: pid_t
    let wasAdopted: Bool

    /// Takes over the running containerd if its configuration is the wanted one; else starts one. Blocks.
    static func adoptOrStart(_ configuration: RuntimeConfiguration, pauseImage: String) throws -> ContainerdProcess {
        let registries = try PrivateRegistries(path: configuration.registriesFile)
        try registries.write(to: configuration.registryDirectory)
        let text = ContainerdConfiguration.text(
            configuration, host: .detect(), pauseImage: pauseImage, registries: registries)
        let isCurrent = (try? FileSystem.read(configuration.configurationFile)).map { $0 == Array(text.utf8) } ?? false
        if let running = recorded(configuration) {
            if isCurrent { return ContainerdProcess(pid: running, wasAdopted: true) }
            // Containers survive: their shims are processes of their own.
            stop(running)
        }
        guard let program = Command.find("containerd") else {
            throw RuntimeError.missing("containerd", package: "containerd")
        }
        guard Command.find("runc") != nil else { throw RuntimeError.missing("runc", package: "runc") }
        guard access(RuntimeConfiguration.pluginDirectory + "/bridge", X_OK) == 0 else {
            throw RuntimeError.missing("the CNI plugin bridge", package: "containernetworking-plugins")
        }
        for directory in [configuration.rootDirectory, configuration.runDirectory] {
            try FileSystem.createDirectory(directory, mode: 0o711)
        }
        try FileSystem.write(configuration.configurationFile, text.utf8, mode: 0o600)
        rotateLog(configuration.logFile)
        let child = try ChildProcess.spawn(
            program, ["--config", configuration.configurationFile], output: .file(configuration.logFile),
            detached: true
        )
        try FileSystem.write(configuration.pidFile, "\(child.pid)\n".utf8)
        return ContainerdProcess(pid: child.pid, wasAdopted: false)
    }

    /// The process that the pid file names, if it is still our containerd.
    static func recorded(_ configuration: RuntimeConfiguration) -> pid_t? {
        guard let text = FileSystem.text(configuration.pidFile), let pid = pid_t(text), pid > 1,
            let command = FileSystem.text("/proc/\(pid)/cmdline"), command.contains(configuration.configurationFile)
        else { return nil }
        return pid
    }

    /// Asks the process to end, kills it after five seconds. Blocks.
    static func stop(_ pid: pid_t) {
        let descriptor = clinux_pidfd_open(pid, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = clinux_pidfd_send_signal(descriptor, SIGTERM)
        if !hasEnded(descriptor, milliseconds: 5000) {
            _ = clinux_pidfd_send_signal(descriptor, SIGKILL)
            _ = hasEnded(descriptor, milliseconds: 5000)
        }
        // Collects it where it is our child; another's is its parent's business.
        waitpid(pid, nil, WNOHANG)
    }

    var isAlive: Bool {
        let descriptor = clinux_pidfd_open(pid, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return !Self.hasEnded(descriptor, milliseconds: 0)
    }

    /// Returns when the process has ended, or the task was cancelled. One thread sleeps in the kernel meanwhile.
    func waitForExit() async {
        let pid = pid
        let descriptor = clinux_pidfd_open(pid, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var wake: [Int32] = [0, 0]
        guard clinux_pipe(&wake) == 0 else { return }
        let (reader, writer) = (wake[0], wake[1])
        defer {
            close(reader)
            close(writer)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                DedicatedThread.run {
                    var polled = [
                        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                        pollfd(fd: reader, events: Int16(POLLIN), revents: 0),
                    ]
                    while poll(&polled, 2, -1) < 0 && errno == EINTR {}
                    if polled[0].revents != 0 { waitpid(pid, nil, WNOHANG) }
                    continuation.resume()
                }
            }
        } onCancel: {
            var byte: UInt8 = 1
            write(writer, &byte, 1)
        }
    }

    private static func hasEnded(_ descriptor: Int32, milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, milliseconds) > 0
    }

    /// Keeps one older log of at most 10 MiB beside the current one.
    private static func rotateLog(_ path: String) {
        var info = Glibc.stat()
        if stat(path, &info) == 0, info.st_size > 10 << 20 { rename(path, path + ".1") }
    }
}

/// A thread for one wait that the kernel ends.
enum DedicatedThread {
    static func run(_ body: @escaping @Sendable () -> Void) {
        final class Work {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 128 << 10)
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Work(body))
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, argument.toOpaque())
        precondition(result == 0, "cannot create a thread: \(String(cString: strerror(result)))")
    }
}

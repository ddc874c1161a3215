internal import APIMachinery
internal import CRI
internal import Glibc
internal import KubeAPI

extension PodWorker {
    /// An event of the runtime about one of the pod's containers, or its sandbox.
    func handle(_ event: RuntimeEvent) async {
        guard !isFinished else { return }
        let id = event.containerID
        if id == seen.sandbox?.id {
            if case .exited = event { seen.sandbox?.isReady = false }
            return wake()
        }
        guard let name = seen.containers.first(where: { $0.value.id == id })?.key else {
            let isStarting = seen.containers.values.contains { $0.activity == .starting }
            if case .exited = event, isStarting { earlyExits.insert(id) }
            return
        }
        if case .outOfMemory = event, seen.containers[name]?.termination?.containerID == "containerd://" + id {
            // The news came after that of the end, which had read the runtime's record without it.
            seen.containers[name]?.termination?.reason = "OOMKilled"
            return wake()
        }
        if case .exited = event {
            await refresh(name, id: id, untilExited: true)
        } else {
            await refresh(name, id: id)
        }
        wake()
    }

    /// Compares everything with the runtime: mends what events missed.
    func compare() async {
        guard !isFinished, !isTerminationUnderWay else { return }
        for (name, record) in seen.containers {
            if let id = record.id, record.activity == .idle { await refresh(name, id: id) }
        }
        if let sandbox = seen.sandbox, !seen.isSandboxBusy {
            do {
                let status = try await shared.cri.podSandboxStatus(sandbox.id)
                if seen.sandbox?.id == sandbox.id { seen.sandbox?.isReady = status.state == .sandboxReady }
            } catch {
                // A runtime that is away will tell when it is back.
                guard error.isNotFound else { return }
                if seen.sandbox?.id == sandbox.id { seen.sandbox?.isReady = false }
            }
        }
        wake()
    }

    /// Reads a container's state.
    /// `untilExited`: its end was announced. The runtime's own record follows a moment later.
    func refresh(_ name: String, id: String, untilExited: Bool = false) async {
        var pause = Duration.milliseconds(1)
        for _ in 0..<12 {
            let status: CRIContainerStatus
            do {
                status = try await shared.cri.containerStatus(id)
            } catch {
                if error.isNotFound { await forget(name, id: id) }
                return
            }
            if !untilExited || status.state == .containerExited { return await take(status, name) }
            do { try await Task.sleep(for: pause) } catch { return }
            pause *= 2
        }
    }

    private func take(_ status: CRIContainerStatus, _ name: String) async {
        let isExit = status.state == .containerExited
        let hadEnded = seen.containers[name]?.termination?.containerID == "containerd://" + status.id
        var termination: ContainerStateTerminated?
        if isExit, !hadEnded { termination = await self.termination(of: status, name) }
        guard var record = seen.containers[name], record.status == nil || record.status?.id == status.id else { return }
        record.status = status
        if let termination, record.termination == nil {
            record.termination = termination
            seen.exits[name] = .now
        }
        seen.containers[name] = record
    }

    /// Somebody removed the container under us: it counts as one that failed.
    private func forget(_ name: String, id: String) async {
        guard var record = seen.containers[name], record.status?.id == id else { return }
        if record.termination == nil {
            var ended = ContainerStateTerminated()
            ended.exitCode = 137
            ended.reason = "ContainerStatusUnknown"
            ended.message = "The container could not be located when the pod was terminated"
            ended.containerID = "containerd://" + id
            record.termination = ended
            seen.exits[name] = .now
        }
        record.status = nil
        seen.containers[name] = record
    }

    func termination(of status: CRIContainerStatus, _ name: String) async -> ContainerStateTerminated {
        var ended = ContainerStateTerminated()
        ended.exitCode = status.exitCode
        ended.reason = status.reason.isEmpty ? nil : status.reason
        ended.startedAt = Time(nanoseconds: status.startedAt)
        ended.finishedAt = Time(nanoseconds: status.finishedAt)
        ended.containerID = "containerd://" + status.id
        var message = status.message
        let file = ContainerMounts.terminationFile(
            shared.configuration.podDirectory(uid), name, Int(status.metadata.attempt))
        let wantsLog = status.annotations[RuntimeLabels.terminationMessagePolicy] == "FallbackToLogsOnError"
        let log = status.logPath
        let code = status.exitCode
        let left =
            (try? await BlockingWork.run {
                let words = LastWords.read(file)
                return words.isEmpty && wantsLog && code != 0 ? LastWords.tail(log) : words
            }) ?? ""
        if !left.isEmpty { message += (message.isEmpty ? "" : ": ") + left }
        ended.message = message.isEmpty ? nil : message
        return ended
    }
}

/// What a container left to be read after its end:
/// https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
enum LastWords {
    private static let bytesMax = 4096
    private static let logBytesMax = 2048
    private static let logLinesMax = 80

    static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        // The end of it: a container may write more than is told.
        lseek(descriptor, max(0, lseek(descriptor, 0, SEEK_END) - off_t(bytesMax)), SEEK_SET)
        return String(decoding: FileSystem.readAll(descriptor: descriptor, bytesMax: bytesMax), as: UTF8.self)
    }

    /// The end of a log in CRI's format, without its time stamps.
    static func tail(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        lseek(descriptor, max(0, size - 16384), SEEK_SET)
        let bytes = FileSystem.readAll(descriptor: descriptor, bytesMax: 16384)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(logLinesMax)
        let text = lines.map { line in
            let fields = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            return fields.count == 4 ? String(fields[3]) + "\n" : ""
        }.joined()
        return String(decoding: Array(text.utf8).suffix(logBytesMax), as: UTF8.self)
    }
}

internal import CRI
internal import Glibc

/// Keeps containers' logs within bounds: past 10 MiB a log is put aside and the runtime told to open a new one; five
/// files stay (https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation).
///
/// A container can write 100 MB in the time of a few looks. The next look comes when the fastest writer will have
/// filled its file, so that what lies on the disk stays near the bound whatever the rate.
struct LogRotation: Sendable {
    private let index: PodRuntimeIndex
    private let cri: CRIClient
    private let bytesMax: Int
    private let filesMax: Int
    private static let intervalMax = Duration.seconds(2)
    private static let intervalMin = Duration.milliseconds(100)

    init(index: PodRuntimeIndex, cri: CRIClient, _ settings: NodeSettings) {
        self.index = index
        self.cri = cri
        bytesMax = settings.containerLogBytesMax
        filesMax = settings.containerLogFilesMax
    }

    /// Looks at the logs of running containers until the task is cancelled.
    func run() async {
        var sizes: [String: Int] = [:]
        var last = ContinuousClock.now
        var pause = Self.intervalMax
        while !Task.isCancelled {
            do { try await Task.sleep(for: pause, tolerance: pause / 5) } catch { return }
            let now = ContinuousClock.now
            var current: [String: Int] = [:]
            pause = Self.intervalMax
            for container in index.runningContainers {
                let size = Self.size(container.logPath)
                let grown = size - (sizes[container.id] ?? size)
                if size > bytesMax {
                    await rotate(container)
                    current[container.id] = 0
                } else {
                    current[container.id] = size
                }
                let left = bytesMax - (current[container.id] ?? 0)
                pause = min(pause, Self.pause(left: left, grown: grown, in: now - last))
            }
            sizes = current
            last = now
        }
    }

    /// Until a log that grew by `grown` bytes in `time` has `left` more.
    static func pause(left: Int, grown: Int, in time: Duration) -> Duration {
        guard grown > 0, left > 0 else { return intervalMax }
        return min(max(time * (Double(left) / Double(grown)), intervalMin), intervalMax)
    }

    private func rotate(_ container: PodRuntimeIndex.Container) async {
        let path = container.logPath
        do {
            try await BlockingWork.run { [filesMax] in try Self.putAside(path, filesMax: filesMax) }
        } catch {
            return  // Gone with its pod, or no room for it: the next look tries again.
        }
        do {
            try await cri.reopenContainerLog(container.id)
        } catch {
            // The runtime still writes to the old file: let it have its name back.
            rename(path + ".1", path)
        }
    }

    /// `0.log` becomes `0.log.1`, that `0.log.2`, and so on; the oldest goes.
    static func putAside(_ path: String, filesMax: Int = 5) throws(SystemError) {
        unlink("\(path).\(filesMax - 1)")
        for number in stride(from: filesMax - 2, through: 1, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")
        }
        guard rename(path, path + ".1") == 0 else { throw SystemError("rename \(path)") }
    }

    private static func size(_ path: String) -> Int {
        var info = Glibc.stat()
        return stat(path, &info) == 0 ? Int(info.st_size) : 0
    }
}

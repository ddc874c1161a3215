internal import CRI
internal import Glibc

/// Keeps containers' logs within bounds: past 10 MiB a log is put aside and the runtime told to open a new one; five
/// files stay (https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation).
struct LogRotation: Sendable {
    let index: PodRuntimeIndex
    let cri: CRIClient

    static let bytesMax = 10 << 20
    static let filesMax = 5
    private static let interval = Duration.seconds(10)

    /// Looks at the logs of running containers every ten seconds, as upstream does, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.interval, tolerance: .seconds(2)) } catch { return }
            for container in index.runningContainers where Self.size(container.logPath) > Self.bytesMax {
                await rotate(container)
            }
        }
    }

    private func rotate(_ container: PodRuntimeIndex.Container) async {
        let path = container.logPath
        do {
            try await BlockingWork.run { try Self.putAside(path) }
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
    static func putAside(_ path: String) throws(SystemError) {
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

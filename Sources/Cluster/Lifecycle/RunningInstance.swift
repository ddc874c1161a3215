internal import CLinux
internal import Glibc
internal import Storage

/// The server process that has the data directory's lock.
struct RunningInstance {
    /// How long an orderly stop may take.
    static let stopSeconds = 30

    /// How long a killed process may need to let go of its files and memory.
    static let endingMilliseconds: Int32 = 500

    let pid: pid_t

    /// `nil` if none runs.
    init?(paths: Paths) {
        guard let owner = DirectoryLock.owner(directory: paths.stateDirectory) else { return nil }
        pid = owner
    }

    /// True once the process is gone, which it may be a moment after a `kill -9`. Blocks until then, or for
    /// `endingMilliseconds` where it goes on.
    func isEnding() -> Bool {
        let descriptor = clinux_pidfd_open(pid, 0)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, Self.endingMilliseconds) > 0
    }

    /// Asks the process to end and waits until it has. Blocks.
    func stop() throws(ClusterError) {
        let descriptor = clinux_pidfd_open(pid, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = clinux_pidfd_send_signal(descriptor, SIGTERM)
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let count = poll(&polled, 1, Int32(Self.stopSeconds * 1000))
            if count > 0 { return }
            if count < 0 && errno == EINTR { continue }
            throw .didNotStop(pid: pid)
        }
    }

    /// Resident memory in bytes; 0 if it has gone.
    var residentBytes: Int {
        guard let text = ProcFile.text("/proc/\(pid)/statm") else { return 0 }
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Seconds since the process started.
    var uptimeSeconds: Double? {
        // The name in parentheses may hold anything; fields are counted from the last one.
        guard let text = ProcFile.text("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")"),
            let uptime = ProcFile.text("/proc/uptime")?.split(separator: " ").first.flatMap({ Double($0) })
        else { return nil }
        let fields = text[close...].split(separator: " ")
        guard fields.count > 20, let ticks = Double(fields[20]) else { return nil }
        return max(0, uptime - ticks / Double(sysconf(Int32(_SC_CLK_TCK))))
    }
}

enum ProcFile {
    /// The content of a small file of the kernel's; `nil` where it cannot be read.
    static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}

internal import APIMachinery
internal import Dispatch
internal import Glibc
internal import Synchronization

/// The audit log on disk: JSON lines, readable by its owner only, written by a thread of its own.
package final class AuditFile: Sendable {
    /// Where the log goes and how much of it is kept. Names are those of upstream's flags.
    package struct Configuration: Sendable {
        /// `-` for standard output.
        package var path: String
        /// Days that old files are kept; 0 for ever.
        package var maxAge: Int
        /// Old files that are kept; 0 for all.
        package var maxBackup: Int
        /// Megabytes of a file; 0 for 100.
        package var maxSize: Int

        package init(path: String, maxAge: Int = 0, maxBackup: Int = 0, maxSize: Int = 0) {
            self.path = path
            self.maxAge = maxAge
            self.maxBackup = maxBackup
            self.maxSize = maxSize
        }
    }

    /// Events that wait for the disk take at most this much; more are dropped, and counted.
    private static let waitingBytesMax = 32 << 20
    private static let sizeDefault = 100

    private struct File {
        var descriptor: Int32
        var size: Int
    }

    private let configuration: Configuration
    private let queue = DispatchQueue(label: "audit")
    private let waitingBytes = Atomic<Int>(0)
    private let droppedCount = Atomic<Int>(0)
    private let file: Mutex<File>

    /// Events that found the buffer full or the disk refusing.
    package var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// Opens or makes the file.
    ///
    /// - Throws: if it cannot be written.
    package init(_ configuration: Configuration) throws(AuditPolicyError) {
        self.configuration = configuration
        guard let opened = Self.open(configuration.path) else {
            throw AuditPolicyError(description: "write \(configuration.path): \(String(cString: strerror(errno)))")
        }
        file = Mutex(opened)
    }

    private static func open(_ path: String) -> File? {
        guard path != "-" else { return File(descriptor: STDOUT_FILENO, size: 0) }
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        var info = stat()
        return File(descriptor: descriptor, size: fstat(descriptor, &info) == 0 ? Int(info.st_size) : 0)
    }

    /// Queues a line. Returns at once.
    func append(_ line: [UInt8]) {
        guard waitingBytes.load(ordering: .relaxed) + line.count <= Self.waitingBytesMax else {
            droppedCount.add(1, ordering: .relaxed)
            return
        }
        waitingBytes.add(line.count, ordering: .relaxed)
        queue.async {
            self.write(line)
            self.waitingBytes.subtract(line.count, ordering: .relaxed)
        }
    }

    /// Waits until everything queued so far is written.
    package func flush() async {
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }

    private func write(_ line: [UInt8]) {
        let isWritten = file.withLock { file in
            if configuration.path != "-", file.size > 0, file.size + line.count > sizeMax { rotate(&file) }
            var rest = line[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(file.descriptor, $0.baseAddress, $0.count) }
                if count < 0 {
                    if errno == EINTR { continue }
                    return false
                }
                rest = rest.dropFirst(count)
                file.size += count
            }
            return true
        }
        if !isWritten { droppedCount.add(1, ordering: .relaxed) }
    }

    // MARK: Rotation

    private var sizeMax: Int { (configuration.maxSize > 0 ? configuration.maxSize : Self.sizeDefault) << 20 }

    /// `audit.log` becomes `audit-2026-11-23T02-30-00.000.log`, as upstream names it.
    private func rotate(_ file: inout File) {
        let (stem, ending) = nameParts
        let time = MicroTime.now().description.map { $0 == ":" ? "-" : $0 }
        let stamp = String(time).prefix(23)
        guard rename(configuration.path, "\(stem)-\(stamp)\(ending)") == 0, let fresh = Self.open(configuration.path)
        else { return }
        close(file.descriptor)
        file = fresh
        removeOld()
    }

    private var nameParts: (stem: String, ending: String) {
        let path = configuration.path
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return (path, "") }
        return (String(path[..<dot]), String(path[dot...]))
    }

    private func removeOld() {
        let (stem, ending) = nameParts
        let directory = stem.lastIndex(of: "/").map { String(stem[...$0]) } ?? "./"
        let prefix = stem.lastIndex(of: "/").map { String(stem[stem.index(after: $0)...]) } ?? stem
        guard let stream = opendir(directory) else { return }
        defer { closedir(stream) }
        var old: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(prefix + "-"), name.hasSuffix(ending) { old.append(directory + name) }
        }
        old.sort(by: >)
        var gone = configuration.maxBackup > 0 ? Array(old.dropFirst(configuration.maxBackup)) : []
        if configuration.maxAge > 0 {
            let limit = time(nil) - configuration.maxAge * 86_400
            gone += old.prefix(configuration.maxBackup > 0 ? configuration.maxBackup : old.count).filter { path in
                var info = stat()
                return stat(path, &info) == 0 && info.st_mtim.tv_sec < limit
            }
        }
        for path in gone { unlink(path) }
    }
}

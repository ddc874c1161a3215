internal import Glibc

/// What a process uses between two moments.
struct Meter {
    private let pid: pid_t
    private let cpuAtStart: Double
    private let ownCPUAtStart: Double

    /// Begins, and forgets the process's peak of memory until now.
    init(pid: pid_t) throws {
        self.pid = pid
        // "5" resets the peak (proc(5), clear_refs).
        try SmallFile.write("5", to: "/proc/\(pid)/clear_refs")
        cpuAtStart = try ProcessFacts.cpuSeconds(of: pid)
        ownCPUAtStart = try ProcessFacts.cpuSeconds(of: getpid())
    }

    struct Use {
        /// User and system time of the server's process.
        let cpuSeconds: Double
        /// The load generator's.
        let clientCPUSeconds: Double
        let peakMiB: Double
    }

    func stop() throws -> Use {
        Use(
            cpuSeconds: try ProcessFacts.cpuSeconds(of: pid) - cpuAtStart,
            clientCPUSeconds: try ProcessFacts.cpuSeconds(of: getpid()) - ownCPUAtStart,
            peakMiB: try ProcessFacts.statusMiB(of: pid, "VmHWM"))
    }
}

/// What the kernel says about processes.
enum ProcessFacts {
    static func cpuSeconds(of pid: pid_t) throws -> Double {
        let text = try SmallFile.read("/proc/\(pid)/stat")
        // The name in parentheses may hold anything; fields are counted from its end.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
            throw BenchmarkError(description: "cannot read /proc/\(pid)/stat")
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// A size that `/proc/PID/status` gives in kB.
    static func statusMiB(of pid: pid_t, _ field: String) throws -> Double {
        for line in try SmallFile.read("/proc/\(pid)/status").split(separator: "\n") where line.hasPrefix(field + ":") {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count > 1, let kibibytes = Double(words[1]) { return kibibytes / 1024 }
        }
        throw BenchmarkError(description: "no \(field) in /proc/\(pid)/status")
    }

    /// Processes whose command line mentions `text`, with their names.
    static func processes(mentioning text: String) throws -> [(pid: pid_t, name: String)] {
        guard let directory = opendir("/proc") else { throw BenchmarkError(description: "cannot read /proc") }
        defer { closedir(directory) }
        var found: [(pid_t, String)] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let pid = pid_t(name), pid != getpid(), let line = try? SmallFile.read("/proc/\(pid)/cmdline"),
                line.contains(text), let comm = try? SmallFile.read("/proc/\(pid)/comm")
            else { continue }
            found.append((pid, String(comm.dropLast())))
        }
        return found
    }
}

internal import Glibc

/// Reads the signals of this node: a few small files of the kernel's and the state of one or two file systems.
struct NodeSignals: Sendable {
    /// Volumes, logs and writable layers lie there.
    let nodeDirectory: String
    /// Images lie there.
    let imageDirectory: String
    let groups: PodGroups

    /// Blocks, but never on a disk's content.
    func read() -> [EvictionSignal: SignalReading] {
        var readings: [EvictionSignal: SignalReading] = [:]
        let machine = MachineUsage()
        let total = Int64(clamping: machine.totalBytes)
        readings[.memoryAvailable] = SignalReading(
            available: total - Int64(clamping: machine.workingSetBytes), capacity: total)
        if let used = groups.workingSet, let capacity = groups.rootLimits.memory {
            readings[.allocatableMemoryAvailable] = SignalReading(
                available: max(0, capacity - used), capacity: capacity)
        }
        if let (bytes, inodes) = Self.fileSystem(nodeDirectory) {
            readings[.nodefsAvailable] = bytes
            // Some file systems (btrfs) make inodes as they are needed.
            if inodes.capacity > 0 { readings[.nodefsInodesFree] = inodes }
        }
        if let (bytes, inodes) = Self.fileSystem(imageDirectory) {
            readings[.imagefsAvailable] = bytes
            if inodes.capacity > 0 { readings[.imagefsInodesFree] = inodes }
        }
        readings[.pidAvailable] = Self.processes()
        return readings
    }

    /// Room and inodes of the file system that `path` lies on.
    static func fileSystem(_ path: String) -> (bytes: SignalReading, inodes: SignalReading)? {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return nil }
        let block = Int64(facts.f_frsize)
        return (
            SignalReading(available: Int64(facts.f_bavail) * block, capacity: Int64(facts.f_blocks) * block),
            SignalReading(available: Int64(facts.f_ffree), capacity: Int64(facts.f_files))
        )
    }

    private static func processes() -> SignalReading? {
        func number(_ name: String) -> Int64? { FileSystem.text("/proc/sys/kernel/" + name).flatMap { Int64($0) } }
        // "0.20 0.18 0.12 1/80 11206": the fourth field has the number of threads.
        let running = FileSystem.text("/proc/loadavg")?.split(separator: " ").dropFirst(3).first?
            .split(separator: "/").last.flatMap { Int64($0) }
        guard let running, let most = [number("pid_max"), number("threads-max")].compactMap(\.self).min() else {
            return nil
        }
        return SignalReading(available: most - running, capacity: most)
    }
}

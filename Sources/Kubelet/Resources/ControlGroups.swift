internal import Glibc

/// What a control group is held to. `nil` leaves the kernel's value alone.
struct ControlGroupLimits: Sendable, Equatable {
    /// Share of the processors under load, 2 to 262144; 1024 for one.
    var cpuShares: Int64?
    /// Microseconds of processor time in each `cpuPeriod`; -1 for no bound.
    var cpuQuota: Int64?
    var cpuPeriod: Int64 = 100_000
    /// Bytes; -1 for no bound.
    var memory: Int64?
    /// Processes and threads; -1 for no bound.
    var pids: Int64?
    /// Bytes by size of page, as the kernel writes it: `2MB`.
    var hugepages: [String: Int64] = [:]

    /// https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/: a thousandth of a processor is
    /// worth a little more than one share.
    static func shares(milliCPU: Int64) -> Int64 {
        min(max(milliCPU * 1024 / 1000, sharesMin), sharesMax)
    }

    /// Takes over what `other` allows more of; -1 is most.
    mutating func raise(to other: ControlGroupLimits) {
        func most(_ one: Int64?, _ two: Int64?) -> Int64? {
            guard let one, let two else { return one ?? two }
            return one < 0 || two < 0 ? -1 : max(one, two)
        }
        cpuShares = most(cpuShares, other.cpuShares)
        cpuQuota = most(cpuQuota, other.cpuQuota)
        memory = most(memory, other.memory)
    }

    static let sharesMin: Int64 = 2
    static let sharesMax: Int64 = 262_144

    static func quota(milliCPU: Int64) -> Int64 { max(milliCPU * 100, 1000) }

    /// What version 2 has in place of shares: 1 to 10000.
    static func weight(shares: Int64) -> Int64 {
        1 + (min(max(shares, sharesMin), sharesMax) - sharesMin) * 9999 / (sharesMax - sharesMin)
    }
}

/// The kernel's control groups, version 1 (a hierarchy for each controller) or 2 (one for all):
/// https://docs.kernel.org/admin-guide/cgroup-v2.html. All of it blocks, though never on a disk.
struct ControlGroups: Sendable {
    /// Where the hierarchies are mounted.
    let root: String
    let isUnified: Bool

    static let machine = ControlGroups()

    init(root: String = "/sys/fs/cgroup") {
        self.root = root
        isUnified = FileSystem.exists(root + "/cgroup.controllers")
    }

    /// Controllers that bound something here; the runtime makes the groups of the others.
    private static let controllers = ["cpu", "memory", "pids", "hugetlb"]

    /// Makes the group `path` (`/skiff/burstable`) and what is missing above it, and sets its limits.
    func set(_ path: String, _ limits: ControlGroupLimits) throws(SystemError) {
        try make(path)
        if isUnified { try setUnified(root + path, limits) } else { try setByController(path, limits) }
    }

    /// Makes the group where it is missing.
    private func make(_ path: String) throws(SystemError) {
        guard isUnified else {
            for controller in Self.controllers where FileSystem.isDirectory(directory(controller)) {
                try FileSystem.createDirectory(directory(controller) + path)
            }
            return
        }
        // A group has the controllers that every one above it hands on.
        var current = root
        for name in path.split(separator: "/") {
            handOn(current)
            current += "/" + name
            try FileSystem.createDirectory(current)
        }
        handOn(current)
    }

    private func handOn(_ group: String) {
        let words = (FileSystem.text(group + "/cgroup.controllers") ?? "").split(separator: " ").map(String.init)
        let done = (FileSystem.text(group + "/cgroup.subtree_control") ?? "").split(separator: " ").map(String.init)
        for word in words where !done.contains(word) {
            // One by one: a controller that cannot be had must not keep the others away.
            Self.put(group + "/cgroup.subtree_control", "+" + word)
        }
    }

    private func setUnified(_ group: String, _ limits: ControlGroupLimits) throws(SystemError) {
        if let shares = limits.cpuShares {
            try Self.write(group + "/cpu.weight", "\(ControlGroupLimits.weight(shares: shares))")
        }
        if let quota = limits.cpuQuota {
            try Self.write(group + "/cpu.max", "\(quota < 0 ? "max" : "\(quota)") \(limits.cpuPeriod)")
        }
        if let memory = limits.memory { try Self.write(group + "/memory.max", memory < 0 ? "max" : "\(memory)") }
        if let pids = limits.pids { try Self.write(group + "/pids.max", pids < 0 ? "max" : "\(pids)") }
        for (size, bytes) in limits.hugepages { Self.put(group + "/hugetlb.\(size).max", "\(bytes)") }
    }

    private func setByController(_ path: String, _ limits: ControlGroupLimits) throws(SystemError) {
        let (cpu, memory) = (directory("cpu") + path, directory("memory") + path)
        if let shares = limits.cpuShares { try Self.write(cpu + "/cpu.shares", "\(shares)") }
        if let quota = limits.cpuQuota {
            if quota >= 0 { try Self.write(cpu + "/cpu.cfs_period_us", "\(limits.cpuPeriod)") }
            try Self.write(cpu + "/cpu.cfs_quota_us", "\(quota)")
        }
        if let bytes = limits.memory {
            // Old kernels count the groups below only where this is set; new ones know no other way.
            Self.put(memory + "/memory.use_hierarchy", "1")
            try Self.write(memory + "/memory.limit_in_bytes", "\(bytes)")
        }
        if let pids = limits.pids {
            Self.put(directory("pids") + path + "/pids.max", pids < 0 ? "max" : "\(pids)")
        }
        for (size, bytes) in limits.hugepages {
            Self.put(directory("hugetlb") + path + "/hugetlb.\(size).limit_in_bytes", "\(bytes)")
        }
    }

    private func directory(_ controller: String) -> String { "\(root)/\(controller)" }

    /// Whether swap can be bounded. A container gets none beyond its memory.
    var hasSwapAccounting: Bool {
        isUnified
            ? FileSystem.exists("/proc/swaps") && FileSystem.exists(root + "/cgroup.controllers")
            : FileSystem.exists(directory("memory") + "/memory.memsw.limit_in_bytes")
    }

    /// The sizes of huge pages that can be bounded: `2MB`.
    var pageSizes: [String] {
        let isBounded =
            isUnified
            ? (FileSystem.text(root + "/cgroup.controllers") ?? "").split(separator: " ").contains("hugetlb")
            : FileSystem.isDirectory(directory("hugetlb"))
        guard isBounded else { return [] }
        return FileSystem.entries("/sys/kernel/mm/hugepages").compactMap { name in
            guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"), let size = Int64(name.dropFirst(10).dropLast(2))
            else { return nil }
            return PodLimits.pageSize("\(size)Ki")
        }
    }

    // MARK: - What a group uses

    /// Memory that the group holds and could not give back without a loss; `nil` where there is no such group.
    func workingSet(_ path: String) -> Int64? {
        let group = isUnified ? root + path : directory("memory") + path
        let usage = isUnified ? "memory.current" : "memory.usage_in_bytes"
        guard let used = FileSystem.text("\(group)/\(usage)").flatMap({ Int64($0) }) else { return nil }
        let key = isUnified ? "inactive_file " : "total_inactive_file "
        let stat = FileSystem.text(group + "/memory.stat") ?? ""
        let inactive = stat.split(separator: "\n").first { $0.hasPrefix(key) }
            .flatMap { Int64($0.dropFirst(key.count)) }
        return max(0, used - (inactive ?? 0))
    }

    /// Processes and threads of the group.
    func processes(_ path: String) -> Int64? {
        let group = isUnified ? root + path : directory("pids") + path
        return FileSystem.text(group + "/pids.current").flatMap { Int64($0) }
    }

    // MARK: - Removal

    /// Removes a group and those below it. Groups with processes stay.
    func remove(_ path: String) {
        for hierarchy in hierarchies { Self.removeTree(hierarchy + path) }
    }

    /// `/sys/fs/cgroup` on version 2; each controller's directory below it on version 1.
    var hierarchies: [String] {
        isUnified ? [root] : FileSystem.entries(root).map { root + "/" + $0 }
    }

    private static func removeTree(_ path: String) {
        guard FileSystem.isDirectory(path) else { return }
        for name in FileSystem.entries(path) where FileSystem.isDirectory(path + "/" + name) {
            removeTree(path + "/" + name)
        }
        rmdir(path)
    }

    // MARK: - Files

    private static func write(_ path: String, _ text: String) throws(SystemError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        guard FileSystem.writeAll(descriptor: descriptor, Array(text.utf8)) else {
            throw SystemError("write \(text) to \(path)")
        }
    }

    /// For what this kernel may not have.
    private static func put(_ path: String, _ text: String) { try? write(path, text) }
}

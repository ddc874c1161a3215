internal import Glibc

/// What a tree of files takes, as `du` counts it: blocks and inodes, each once however many names it has.
struct DiskUsage: Sendable, Equatable {
    private(set) var bytes: Int64 = 0
    private(set) var inodes: Int64 = 0

    static func + (left: DiskUsage, right: DiskUsage) -> DiskUsage {
        var sum = left
        sum.bytes += right.bytes
        sum.inodes += right.inodes
        return sum
    }

    init() {}

    /// Walks the tree at `path` without following links or leaving its file system. Blocks.
    ///
    /// Whoever runs in a container may move and nest directories as it likes meanwhile: one descriptor is open at a
    /// time whatever the depth, and a directory that is no longer where it was ends the walk.
    init(of path: String) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        add(info)
        guard info.st_mode & S_IFMT == S_IFDIR else { return }
        var current = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard current >= 0 else { return }
        defer { close(current) }
        let device = info.st_dev
        var linked: Set<ino_t> = []
        var above: [(pending: [String], inode: ino_t)] = [(read(current, device, &linked), info.st_ino)]
        while var top = above.popLast() {
            if let name = top.pending.popLast() {
                above.append(top)
                let child = openat(current, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard child >= 0 else { continue }
                guard fstat(child, &info) == 0, info.st_dev == device else {
                    close(child)
                    continue
                }
                close(current)
                current = child
                above.append((read(child, device, &linked), info.st_ino))
            } else if let parent = above.last {
                let upper = openat(current, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                guard upper >= 0 else { return }
                close(current)
                current = upper
                guard fstat(upper, &info) == 0, info.st_dev == device, info.st_ino == parent.inode else { return }
            }
        }
    }

    /// Bytes in use on the file system that is mounted at `path`: what a volume in memory takes. Blocks.
    static func ofMount(_ path: String) -> Int64 {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return 0 }
        return Int64(facts.f_blocks - facts.f_bfree) * Int64(facts.f_frsize)
    }

    private mutating func add(_ info: stat) {
        bytes += Int64(info.st_blocks) * 512
        inodes += 1
    }

    /// Counts what lies in a directory. Returns its directories.
    private mutating func read(_ descriptor: Int32, _ device: dev_t, _ linked: inout Set<ino_t>) -> [String] {
        let copy = dup(descriptor)
        guard copy >= 0, let directory = fdopendir(copy) else {
            if copy >= 0 { close(copy) }
            return []
        }
        defer { closedir(directory) }
        var directories: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            var info = stat()
            guard fstatat(descriptor, name, &info, AT_SYMLINK_NOFOLLOW) == 0, info.st_dev == device else { continue }
            let isDirectory = info.st_mode & S_IFMT == S_IFDIR
            if !isDirectory, info.st_nlink > 1, !linked.insert(info.st_ino).inserted { continue }
            add(info)
            if isDirectory { directories.append(name) }
        }
        return directories
    }
}

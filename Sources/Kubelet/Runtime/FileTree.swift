internal import CLinux
internal import Glibc

/// Work on whole trees that containers may have written, and may still be writing.
///
/// Whatever they move, link or mount meanwhile: every step starts from an open directory, links are never followed and
/// other mounts never entered, so nothing outside of the tree is touched. All of it blocks.
enum FileTree {
    /// Directories that are open at once while a tree is removed; deeper ones are moved up first.
    private static let depthMax = 32

    /// Removes a file or a whole tree. What is not there is no error.
    static func remove(_ path: String) throws(SystemError) {
        let parent = open(FileSystem.directory(of: path), OpenRules.pathOnly | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw SystemError("open the directory of \(path)")
        }
        defer { close(parent) }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        var removal = Removal(path: path)
        try removal.remove(name, in: parent)
    }

    /// One removal, with what it needs to cope with trees of any depth.
    private struct Removal {
        let path: String
        private var top: Int32 = -1
        private var moved: UInt64 = 0

        init(path: String) {
            self.path = path
        }

        mutating func remove(_ name: String, in parent: Int32, depth: Int = 0) throws(SystemError) {
            if unlinkat(parent, name, 0) == 0 || errno == ENOENT { return }
            // EPERM is what POSIX says of directories, EISDIR what Linux says.
            guard errno == EISDIR || errno == EPERM else { throw SystemError("remove \(name) in \(path)") }
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            let rules = OpenRules.treeOnly
            let child = clinux_open_within(parent, name, flags, rules)
            guard child >= 0 else { throw SystemError("remove \(name) in \(path)") }
            defer { close(child) }
            if depth == 0 { top = child }
            var tries = 0
            repeat {
                for entry in FileTree.entries(child) {
                    if depth < FileTree.depthMax {
                        try remove(entry, in: child, depth: depth + 1)
                    } else if unlinkat(child, entry, 0) != 0, errno != ENOENT {
                        try moveUp(entry, from: child)
                    }
                }
                if unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return }
                tries += 1
                // What was moved up has to be removed, too; who goes on writing is not waited for.
            } while errno == ENOTEMPTY && (depth == 0 ? tries < 100_000 : tries < 3)
            throw SystemError("remove \(name) in \(path)")
        }

        private mutating func moveUp(_ entry: String, from directory: Int32) throws(SystemError) {
            moved += 1
            guard renameat(directory, entry, top, ".skiff-removed-\(moved)") == 0 else {
                throw SystemError("move \(entry) in \(path)")
            }
        }
    }

    /// Names in an open directory.
    static func entries(_ descriptor: Int32) -> [String] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let directory = fdopendir(copy) else {
            if copy >= 0 { close(copy) }
            return []
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Gives a tree to a group, whose members can then write in it; new files inherit the group. Links stay as they
    /// are. https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
    static func setGroup(_ path: String, _ group: gid_t, isReadOnly: Bool = false) throws(SystemError) {
        let root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw SystemError("open \(path)") }
        defer { close(root) }
        let rules = OpenRules.treeOnly
        var pending = ["."]
        while let directory = pending.popLast() {
            let descriptor = clinux_open_within(root, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, rules)
            guard descriptor >= 0 else {
                // Gone, or something else by now, or another mount.
                if [ENOENT, ENOTDIR, ELOOP, EXDEV].contains(errno) { continue }
                throw SystemError("open \(directory) in \(path)")
            }
            defer { close(descriptor) }
            for entry in entries(descriptor) where try setGroup(of: entry, in: descriptor, group, isReadOnly) {
                pending.append(directory + "/" + entry)
            }
            change(descriptor, group, isDirectory: true, isReadOnly)
        }
    }

    /// Whether the tree's own directory is as `setGroup` leaves it.
    static func hasGroup(_ path: String, _ group: gid_t, isReadOnly: Bool = false) -> Bool {
        var info = stat()
        guard stat(path, &info) == 0, info.st_gid == group else { return false }
        let wanted: mode_t = S_ISGID | 0o110 | (isReadOnly ? 0o440 : 0o660)
        return info.st_mode & wanted == wanted
    }

    /// - Returns: true for a directory, which is left to be gone through.
    private static func setGroup(
        of entry: String, in directory: Int32, _ group: gid_t, _ isReadOnly: Bool
    ) throws(SystemError) -> Bool {
        let descriptor = openat(directory, entry, OpenRules.pathOnly | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { return false }
        switch info.st_mode & S_IFMT {
        case S_IFDIR: return true
        case S_IFLNK: fchownat(directory, entry, uid_t.max, group, AT_SYMLINK_NOFOLLOW)
        default: change(descriptor, group, isDirectory: false, isReadOnly)
        }
        return false
    }

    private static func change(_ descriptor: Int32, _ group: gid_t, isDirectory: Bool, _ isReadOnly: Bool) {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { return }
        // The descriptor itself, whatever its name stands for by now.
        let path = "/proc/self/fd/\(descriptor)"
        chown(path, uid_t.max, group)
        let bits: mode_t = (isReadOnly ? 0o440 : 0o660) | (isDirectory ? S_ISGID | 0o110 : 0)
        chmod(path, (info.st_mode & 0o7777) | bits)
    }
}

/// Sums of what `clinux_open_within` takes.
enum OpenRules {
    /// Never out of the directory.
    static let beneath = UInt32(CLINUX_BENEATH)
    /// Never out of the directory, through a link or into another mount.
    static let treeOnly = UInt32(CLINUX_BENEATH | CLINUX_NO_LINKS | CLINUX_NO_MOUNTS)
    static let pathOnly = Int32(CLINUX_PATH_ONLY)
}

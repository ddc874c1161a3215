internal import CLinux
internal import Glibc

/// A part of a volume, handed to the runtime as a mount of our own.
///
/// Containers of the pod may change the volume while another one starts. So the path is walked by the kernel, which
/// refuses to leave the volume, and what it found is mounted by its descriptor: no name is looked up a second time.
/// https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath
struct SubPath: Sendable {
    /// The volume's path on the node.
    let volume: String
    let subPath: String

    /// Where a pod's parts of volumes are mounted, below its own directory.
    static func directory(_ podDirectory: String) -> String { podDirectory + "/volume-subpaths" }

    private static let rules = OpenRules.beneath
    /// Tries while somebody moves directories under us.
    private static let triesMax = 64

    /// Mounts it at `target`, in place of what an earlier container had there. Blocks.
    func mount(at target: String) throws {
        let descriptor = try open()
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw SystemError("look at \(subPath)") }
        while !FileSystem.mounts(below: target).isEmpty {
            guard clinux_unmount(target) == 0 else { throw SystemError("unmount \(target)") }
        }
        try FileSystem.createDirectory(FileSystem.directory(of: target), mode: 0o750)
        try FileSystem.remove(target)
        if info.st_mode & S_IFMT == S_IFDIR {
            try FileSystem.createDirectory(target, mode: 0o750)
        } else {
            try FileSystem.write(target, [], mode: 0o640)
        }
        guard clinux_mount("/proc/self/fd/\(descriptor)", target, nil, UInt(MountFlag.bind), nil) == 0 else {
            throw SystemError("mount \(subPath) at \(target)")
        }
    }

    /// A descriptor of what the path names, made as a directory where it is missing.
    func open() throws -> Int32 {
        let root = Glibc.open(volume, OpenRules.pathOnly | O_CLOEXEC)
        guard root >= 0 else { throw SystemError("open \(volume)") }
        defer { close(root) }
        let found = try walk(subPath, from: root)
        if found >= 0 { return found }
        try create(from: root)
        let created = try walk(subPath, from: root)
        guard created >= 0 else { throw SystemError("open \(subPath)", errno: ENOENT) }
        return created
    }

    /// - Returns: -1 where there is nothing.
    private func walk(_ path: String, from root: Int32, flags: Int32 = 0) throws -> Int32 {
        for _ in 0..<Self.triesMax {
            let descriptor = clinux_open_within(root, path, OpenRules.pathOnly | flags, Self.rules)
            if descriptor >= 0 { return try notLink(descriptor) }
            switch errno {
            case ENOENT: return -1
            case EAGAIN, EINTR: continue
            case EXDEV, ELOOP: throw ConfigurationError("subpath \"\(subPath)\" leads out of the volume")
            default: throw SystemError("open \(path)")
            }
        }
        throw SystemError("open \(path)", errno: EAGAIN)
    }

    private func notLink(_ descriptor: Int32) throws -> Int32 {
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT != S_IFLNK else {
            close(descriptor)
            throw ConfigurationError("subpath \"\(subPath)\" leads out of the volume")
        }
        return descriptor
    }

    /// Makes what is missing, with the volume's own mode: whoever may write there may write here.
    private func create(from root: Int32) throws {
        var info = stat()
        guard fstat(root, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            throw ConfigurationError("subpath \"\(subPath)\" is below a file")
        }
        let mode = info.st_mode & 0o2777
        var path = ""
        for component in subPath.split(separator: "/") where component != "." {
            let parent = try walk(path.isEmpty ? "." : path, from: root, flags: O_DIRECTORY)
            guard parent >= 0 else { throw SystemError("open \(path)", errno: ENOENT) }
            defer { close(parent) }
            path += path.isEmpty ? String(component) : "/" + component
            guard mkdirat(parent, String(component), mode) == 0 else {
                if errno == EEXIST { continue }
                throw SystemError("create \(path)")
            }
            let made = openat(parent, String(component), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard made >= 0 else { continue }
            // The umask cut the mode.
            fchmod(made, mode)
            close(made)
        }
    }
}

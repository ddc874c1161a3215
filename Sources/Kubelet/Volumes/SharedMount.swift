internal import CLinux
internal import Glibc

/// Mounts that a container makes in its volume reach the node only where the volume lies on a shared mount.
/// https://kubernetes.io/docs/concepts/storage/volumes/#mount-propagation
enum SharedMount {
    /// Makes the directory a shared mount where it does not lie on one. Idempotent. Blocks.
    static func ensure(_ path: String) throws(SystemError) {
        guard !isShared(path) else { return }
        if !FileSystem.isMountPoint(path) {
            // With the mounts that are there: pods may be running.
            guard clinux_mount(path, path, nil, UInt(MountFlag.bind | MountFlag.recursive), nil) == 0 else {
                throw SystemError("mount \(path) on itself")
            }
        }
        guard clinux_mount(nil, path, nil, UInt(MountFlag.shared | MountFlag.recursive), nil) == 0 else {
            throw SystemError("make \(path) a shared mount")
        }
    }

    /// Whether the mount that holds `path` is shared, by `/proc/self/mountinfo`.
    private static func isShared(_ path: String) -> Bool {
        let path = FileSystem.withoutLinks(path)
        var best = ""
        var isShared = false
        for line in (FileSystem.text("/proc/self/mountinfo") ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6 else { continue }
            let point = String(fields[4])
            let holds = point == "/" || path == point || path.hasPrefix(point + "/")
            // Of two at the same place the later one lies above.
            guard holds, point.utf8.count >= best.utf8.count else { continue }
            best = point
            isShared = fields[6...].prefix { $0 != "-" }.contains { $0.hasPrefix("shared:") }
        }
        return isShared
    }
}

/// Flags of mount(2).
enum MountFlag {
    static let readOnly = 1
    static let remount = 32
    static let bind = 4096
    static let recursive = 16384
    static let shared = 1 << 20
}

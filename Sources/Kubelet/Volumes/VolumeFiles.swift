internal import APIMachinery
internal import CLinux
internal import Glibc
internal import KubeAPI

/// A directory whose files change all at once: `..data` links to the current version's directory, and each file is a
/// link through it.
struct AtomicDirectory: Sendable {
    let path: String
    let group: Int64?

    /// Blocks. Does nothing where the content is as wanted.
    func write(_ payload: VolumePayload) throws(SystemError) {
        try FileSystem.createDirectory(path, mode: 0o755)
        let current = link(path + "/..data").map { path + "/" + $0 }
        if let current, isCurrent(payload, in: current) { return }
        let version = "..\(Time.now().seconds)_\(UInt32.random(in: 0...UInt32.max))"
        let directory = path + "/" + version
        try FileSystem.createDirectory(directory, mode: 0o755)
        for (name, file) in payload.files {
            let target = directory + "/" + name
            try FileSystem.createDirectory(FileSystem.directory(of: target))
            try FileSystem.write(target, file.content, mode: mode_t(UInt32(file.mode)))
            if let group {
                chown(target, 0, gid_t(group))
                chmod(target, mode_t(UInt32(file.mode)) | 0o040)
            }
        }
        let temporary = path + "/..data_tmp"
        unlink(temporary)
        guard symlink(version, temporary) == 0, rename(temporary, path + "/..data") == 0 else {
            throw SystemError("switch \(path)/..data")
        }
        let wanted = Set(payload.files.keys.map { String($0.split(separator: "/").first ?? "") })
        for name in FileSystem.entries(path) where !name.hasPrefix("..") && !wanted.contains(name) {
            try FileSystem.remove(path + "/" + name)
        }
        for name in wanted where link(path + "/" + name) == nil {
            guard symlink("..data/" + name, path + "/" + name) == 0 else { throw SystemError("link \(path)/\(name)") }
        }
        if let current { try FileSystem.remove(current) }
    }

    private func isCurrent(_ payload: VolumePayload, in directory: String) -> Bool {
        let tops = Set(payload.files.keys.map { String($0.split(separator: "/").first ?? "") })
        guard Set(FileSystem.entries(directory)) == tops else { return false }
        return payload.files.allSatisfy { name, file in
            (try? FileSystem.read(directory + "/" + name)) == file.content
        }
    }

    private func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }
}

/// An empty directory that all containers of the pod share, open to every user.
enum EmptyDirectory {
    /// Blocks.
    static func make(_ path: String, _ source: EmptyDirVolumeSource, group: Int64?) throws(SystemError) {
        let isNew = !FileSystem.exists(path)
        try FileSystem.createDirectory(path, mode: 0o777)
        if source.medium == "Memory", FileSystem.mounts(below: path).isEmpty {
            let size = source.sizeLimit.map { "size=\($0.value)" }
            guard clinux_mount("tmpfs", path, "tmpfs", 0, size) == 0 else {
                throw SystemError("mount tmpfs on \(path)")
            }
            chmod(path, 0o777)
        }
        if let group, isNew {
            chown(path, 0, gid_t(group))
            chmod(path, 0o2777)
        }
    }
}

/// A path of the node.
enum HostPath {
    /// Makes or checks it, as its type asks: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath
    static func check(_ source: HostPathVolumeSource) throws {
        var info = stat()
        let exists = stat(source.path, &info) == 0
        let format = info.st_mode & S_IFMT
        func expect(_ kind: mode_t, _ name: String) throws {
            guard exists, format == kind else {
                throw ConfigurationError("hostPath type check failed: \(source.path) is not a \(name)")
            }
        }
        switch source.type ?? "" {
        case "DirectoryOrCreate":
            if exists { try expect(S_IFDIR, "directory") } else { try FileSystem.createDirectory(source.path) }
        case "FileOrCreate":
            if exists { try expect(S_IFREG, "file") } else { try FileSystem.write(source.path, []) }
        case "Directory": try expect(S_IFDIR, "directory")
        case "File": try expect(S_IFREG, "file")
        case "Socket": try expect(S_IFSOCK, "socket file")
        case "CharDevice": try expect(S_IFCHR, "character device")
        case "BlockDevice": try expect(S_IFBLK, "block device")
        default:
            // Docker made missing directories, and manifests rely on it.
            if !exists { try FileSystem.createDirectory(source.path) }
        }
    }
}

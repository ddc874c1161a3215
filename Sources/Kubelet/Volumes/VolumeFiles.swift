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

/// An empty directory that all containers of the pod share, open to every user:
/// https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
struct EmptyDirectory: Sendable {
    let path: String
    let source: EmptyDirVolumeSource
    let group: Int64?
    /// Bytes that one in memory holds at most.
    let memoryMax: Int64
    /// Sizes of huge pages that the pod asks for.
    let pageSizes: Set<String>

    /// Blocks. Leaves one that is there as it is, for the containers have written in it.
    func make() throws {
        let isNew = !FileSystem.exists(path)
        try FileSystem.createDirectory(path, mode: 0o777)
        let medium = source.medium ?? ""
        if medium == "Memory", FileSystem.mounts(below: path).isEmpty {
            let limit = source.sizeLimit?.value ?? 0
            let size = limit > 0 ? min(limit, memoryMax) : memoryMax
            guard clinux_mount("tmpfs", path, "tmpfs", 0, size > 0 ? "size=\(size)" : nil) == 0 else {
                throw SystemError("mount tmpfs on \(path)")
            }
            chmod(path, 0o777)
        } else if medium.hasPrefix("HugePages"), FileSystem.mounts(below: path).isEmpty {
            let size = try pageSize(medium)
            guard clinux_mount("nodev", path, "hugetlbfs", 0, "pagesize=\(size)") == 0 else {
                throw SystemError("mount hugetlbfs on \(path)")
            }
            chmod(path, 0o777)
        }
        if let group, isNew { try FileTree.setGroup(path, gid_t(group)) }
    }

    /// `HugePages-2Mi` says it; `HugePages` means the one size that the pod asks for.
    private func pageSize(_ medium: String) throws -> Int64 {
        let named = medium.hasPrefix("HugePages-") ? String(medium.dropFirst("HugePages-".count)) : nil
        guard let size = named ?? (pageSizes.count == 1 ? pageSizes.first : nil) else {
            throw ConfigurationError(
                pageSizes.isEmpty
                    ? "medium HugePages was requested, but no huge pages were requested by any container"
                    : "medium HugePages can only be used with one page size")
        }
        guard pageSizes.contains(size), let bytes = Quantity(size)?.value else {
            throw ConfigurationError("medium \(medium) was requested, but no container requests hugepages-\(size)")
        }
        return bytes
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

internal import Glibc

/// Files and directories that belong to Skiff alone.
enum Directories {
    /// Makes `path` and what is missing above it.
    static func create(_ path: String, mode: UInt32) throws(ClusterError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw failure("create", path)
        }
        try create(String(path[..<slash]), mode: 0o755)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw failure("create", path) }
    }

    static func exist(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0
    }

    /// After a first start that failed: takes away the directories that were made for it.
    static func removeIfUnused(_ paths: Paths) {
        // What cannot be removed shows up at the next start or `delete`.
        try? remove(paths.runDirectory)
        try? remove(paths.dataDirectory)
    }

    /// Removes a file or a tree; what is not there is no error. Never leaves the file system it began on, so that a
    /// mount left behind keeps its content.
    static func remove(_ path: String) throws(ClusterError) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        try remove(path, info.st_dev)
    }

    private static func remove(_ path: String, _ device: dev_t) throws(ClusterError) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_dev == device else {
            throw .file(operation: "remove", path: path, reason: "a file system is still mounted there")
        }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
            return
        }
        for name in names(in: path) { try remove(path + "/" + name, device) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
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

    /// Bytes of all files below `path`, as the file system counts them.
    static func size(_ path: String) -> Int {
        var info = stat()
        guard lstat(path, &info) == 0 else { return 0 }
        let own = Int(info.st_blocks) * 512
        guard info.st_mode & S_IFMT == S_IFDIR else { return own }
        return names(in: path).reduce(own) { $0 + size(path + "/" + $1) }
    }

    static func failure(_ operation: String, _ path: String) -> ClusterError {
        .file(operation: operation, path: path, reason: String(cString: strerror(errno)))
    }
}

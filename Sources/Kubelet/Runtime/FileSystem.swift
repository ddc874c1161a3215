internal import CLinux
internal import Glibc
internal import Synchronization

/// Plain file work. All of it blocks.
enum FileSystem {
    /// Tells the writes of this process apart.
    private static let writes = Atomic<UInt64>(0)

    static func exists(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0
    }

    /// Creates `path` and what is missing above it. A directory that is there keeps its mode.
    static func createDirectory(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
        if mkdir(path, mode) == 0 {
            // mkdir's mode is cut by the umask.
            chmod(path, mode)
            return
        }
        if errno == EEXIST { return }
        guard errno == ENOENT else { throw SystemError("create directory \(path)") }
        let parent = directory(of: path)
        guard parent != path else { throw SystemError("create directory \(path)") }
        try createDirectory(parent)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw SystemError("create directory \(path)") }
        chmod(path, mode)
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func read(_ path: String, bytesMax: Int = 64 << 20) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        return readAll(descriptor: descriptor, bytesMax: bytesMax)
    }

    /// The text of a small file without its trailing newline; `nil` where it cannot be read.
    static func text(_ path: String) -> String? {
        guard let bytes = try? read(path, bytesMax: 1 << 20) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    /// Everything up to the end of the stream; what exceeds `bytesMax` is read and dropped.
    static func readAll(descriptor: Int32, bytesMax: Int) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return result }
            result.append(contentsOf: buffer[..<min(count, max(0, bytesMax - result.count))])
        }
    }

    static func writeAll(descriptor: Int32, _ bytes: some Sequence<UInt8>) -> Bool {
        let bytes = ContiguousArray(bytes)
        return bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }

    /// Replaces the file in one step, so that a reader sees the old or the new content.
    static func write(_ path: String, _ bytes: some Sequence<UInt8>, mode: mode_t = 0o644) throws(SystemError) {
        // A name of its own: two writers of one file must not take each other's.
        let temporary = path + ".new\(writes.wrappingAdd(1, ordering: .relaxed).newValue)"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw SystemError("create \(temporary)") }
        fchmod(descriptor, mode)
        let isWritten = writeAll(descriptor: descriptor, bytes)
        let code = errno
        close(descriptor)
        guard isWritten else {
            unlink(temporary)
            throw SystemError("write \(temporary)", errno: code)
        }
        guard rename(temporary, path) == 0 else { throw SystemError("rename \(temporary) to \(path)") }
    }

    /// Names in a directory, without `.` and `..`; empty where it cannot be read.
    static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isDirectory(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    /// Removes a file or a whole tree, never following links and never crossing into another mount.
    /// What is not there is no error.
    static func remove(_ path: String) throws(SystemError) { try FileTree.remove(path) }

    /// Mount points at or below `path`, the deepest first.
    static func mounts(below path: String) -> [String] {
        guard let table = try? read("/proc/self/mounts") else { return [] }
        // The kernel names mounts without the links that lead there.
        let path = withoutLinks(path)
        return String(decoding: table, as: UTF8.self).split(separator: "\n").compactMap { line -> String? in
            let fields = line.split(separator: " ")
            guard fields.count > 1 else { return nil }
            let target = unescaped(fields[1])
            return target == path || target.hasPrefix(path + "/") ? target : nil
        }.reversed()
    }

    static func isMountPoint(_ path: String) -> Bool { mounts(below: path).contains(withoutLinks(path)) }

    /// The path as it is without symbolic links; what does not exist stays as written.
    static func withoutLinks(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// The kernel writes a space as `\040`, and so with tabs, line ends and backslashes.
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let code = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), code.count == 3,
                let value = UInt8(String(decoding: code, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Takes every mount at or below `path` away, stacked ones too.
    static func unmountAll(below path: String) {
        for target in mounts(below: path) { _ = clinux_unmount(target) }
    }

    /// An unnamed file in memory with `bytes`, positioned at its start.
    static func anonymousFile(holding bytes: [UInt8]) throws(SystemError) -> Int32 {
        let descriptor = clinux_memory_file()
        guard descriptor >= 0 else { throw SystemError("create a memory file") }
        guard writeAll(descriptor: descriptor, bytes), lseek(descriptor, 0, SEEK_SET) == 0 else {
            close(descriptor)
            throw SystemError("write a memory file")
        }
        return descriptor
    }
}

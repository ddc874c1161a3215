internal import Glibc

/// Files with keys in them: readable by their owner only, and either whole or not there.
package enum PrivateFile {
    /// Larger files are not ours.
    static let bytesMax = 1 << 20

    /// The content of `path`; `nil` if there is no such file.
    package static func read(_ path: String) throws(PKIError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            throw failure("read", path)
        }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            if count == 0 { return content }
            content += buffer[..<count]
            if content.count > bytesMax { throw .malformed(path: path, reason: "larger than \(bytesMax) bytes") }
        }
    }

    /// Replaces `path` in one step: after a crash it holds the old or the new content, never a part.
    package static func write(_ content: [UInt8], to path: String, mode: UInt32 = 0o600) throws(PKIError) {
        let temporary = "\(path).\(getpid()).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("write", path) }
        do throws(PKIError) {
            defer { close(descriptor) }
            guard fchmod(descriptor, mode) == 0 else { throw failure("write", path) }
            try writeAll(content, descriptor, path)
            guard fsync(descriptor) == 0 else { throw failure("write", path) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure("write", path)
            unlink(temporary)
            throw error
        }
        syncDirectory(of: path)
    }

    private static func writeAll(_ content: [UInt8], _ descriptor: Int32, _ path: String) throws(PKIError) {
        var rest = content[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write", path)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Makes the rename itself last. A file system that cannot do this has no better way to offer.
    private static func syncDirectory(of path: String) {
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(parent.isEmpty ? "/" : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ operation: String, _ path: String) -> PKIError {
        .file(operation: operation, path: path, reason: String(cString: strerror(errno)))
    }
}

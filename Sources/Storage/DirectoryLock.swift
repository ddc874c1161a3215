internal import Glibc

/// Keeps a second process out of the data directory for as long as it lives. The kernel lets go of it when the
/// process ends, however it ends.
package final class DirectoryLock: Sendable {
    private let descriptor: Int32

    init(directory: String) throws(StoreError) {
        let path = directory + "/lock"
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unavailable(reason: "open \(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let owner = Self.readText(descriptor)
            close(descriptor)
            throw .unavailable(reason: "another Skiff (pid \(owner.isEmpty ? "unknown" : owner)) is using \(directory)")
        }
        let text = Array("\(getpid())\n".utf8)
        // Only the message above needs the number; a full disk must not keep the store from opening for reading.
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// The process that has `directory` in use; `nil` if none has.
    package static func owner(directory: String) -> Int32? {
        let descriptor = Glibc.open(directory + "/lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
        return Int32(readText(descriptor))
    }

    private static func readText(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}

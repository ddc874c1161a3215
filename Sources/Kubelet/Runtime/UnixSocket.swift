internal import Glibc

enum UnixSocket {
    /// True once something accepts connections at `path`; tries every few milliseconds until `limit` has passed.
    static func answers(_ path: String, within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        repeat {
            if connects(path) { return true }
            do { try await Task.sleep(for: .milliseconds(4)) } catch { return false }
        } while ContinuousClock.now < deadline
        return false
    }

    /// Connecting to a local socket either works or fails at once.
    static func connects(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}

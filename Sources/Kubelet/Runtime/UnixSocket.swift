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
        guard let descriptor = connected(path) else { return false }
        close(descriptor)
        return true
    }

    /// A blocking stream socket that is connected to `path`.
    static func connected(_ path: String) -> Int32? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            close(descriptor)
            return nil
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        if isConnected { return descriptor }
        close(descriptor)
        return nil
    }
}

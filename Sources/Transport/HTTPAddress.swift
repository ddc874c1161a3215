/// Where a server listens or a client connects.
package enum HTTPAddress: Sendable, Hashable, CustomStringConvertible {
    /// `host` is a name or an address; port 0 lets the kernel choose (servers only).
    case tcp(host: String, port: Int)
    /// A unix socket's path. A server replaces a stale socket file.
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

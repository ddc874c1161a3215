internal import CLinux
internal import Glibc

/// The route to addresses of Services. The service proxy translates them before anything goes anywhere, but the kernel
/// asks for a route first, and a node need not have a default one.
package struct ServiceRoute: Sendable {
    private static let link = "lo"
    private let range: UInt32?
    private let bits: UInt8
    private let source: UInt32?

    /// `range` is `10.96.0.0/12`; `source` is the address that the node's own packets to it get.
    package init(range: String, source: String) {
        let parts = range.split(separator: "/")
        bits = parts.count == 2 ? UInt8(parts[1]) ?? 32 : 32
        self.range = Self.number(String(parts.first ?? ""))
        self.source = Self.number(source)
    }

    private static func number(_ text: String) -> UInt32? {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1 ? address.s_addr : nil
    }

    /// The range without the bits behind the prefix, in network order.
    private var network: UInt32? {
        let mask: UInt32 = bits == 0 ? 0 : ~0 << UInt32(32 - min(bits, 32))
        return range.map { $0 & mask.bigEndian }
    }

    /// Idempotent. Blocks for one exchange with the kernel.
    package func add() throws {
        guard let network, let source, clinux_route_add(Self.link, network, bits, source) != 0 else { return }
        throw SystemError("add a route to Services")
    }

    /// Idempotent. Blocks for one exchange with the kernel.
    package func remove() {
        if let network { _ = clinux_route_delete(Self.link, network, bits) }
    }
}

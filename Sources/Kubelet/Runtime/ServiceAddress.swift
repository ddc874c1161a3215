internal import CLinux
internal import Glibc

/// An address of the Service range that the node itself answers at: it is held by the loopback link, so that pods and
/// the node reach it, and nobody else does.
package struct ServiceAddress: Sendable {
    private static let link = "lo"
    private let text: String

    package init(_ text: String) { self.text = text }

    private var number: UInt32? {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1 ? address.s_addr : nil
    }

    /// Idempotent. Blocks for one exchange with the kernel.
    package func add() throws {
        guard let number, clinux_address_add(Self.link, number) != 0, errno != EEXIST else { return }
        throw SystemError("add the address \(text) to \(Self.link)")
    }

    /// Idempotent. Blocks for one exchange with the kernel.
    package func remove() {
        if let number { _ = clinux_address_delete(Self.link, number) }
    }
}

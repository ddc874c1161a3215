internal import Glibc

/// An address of either family, in network order.
struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16.
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// `nil` unless the text is an address.
    init?(_ text: String) {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            guard inet_pton(family, text, &bytes) == 1 else { continue }
            self.bytes = bytes
            return
        }
        return nil
    }

    var type: DNSType { bytes.count == 4 ? .a : .aaaa }

    var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        _ = bytes.withUnsafeBytes { inet_ntop(family, $0.baseAddress, &text, socklen_t(text.count)) }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// As the first label of a name.
    var dashed: String { description.replacing(".", with: "-").replacing(":", with: "-") }
}

/// A range of addresses, `10.96.0.0/12`.
struct AddressPrefix: Sendable {
    private let address: IPAddress
    private let bits: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let address = IPAddress(String(parts[0])), let bits = Int(parts[1]),
            (0...address.bytes.count * 8).contains(bits)
        else { return nil }
        self.address = address
        self.bits = bits
    }

    func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        let (whole, rest) = (bits / 8, bits % 8)
        guard other.bytes.prefix(whole) == address.bytes.prefix(whole) else { return false }
        guard rest > 0 else { return true }
        return (other.bytes[whole] ^ address.bytes[whole]) >> UInt8(8 - rest) == 0
    }
}

/// Names that stand for addresses (RFC 1035 3.5, RFC 3596 2.5).
enum ReverseName {
    static func address(_ name: DNSName) -> IPAddress? {
        if let labels = name.prefix(in: "in-addr.arpa"), labels.count == 4 {
            let bytes = labels.reversed().compactMap { UInt8($0) }
            return bytes.count == 4 ? IPAddress(bytes: bytes) : nil
        }
        guard let labels = name.prefix(in: "ip6.arpa"), labels.count == 32 else { return nil }
        let nibbles = labels.reversed().compactMap { $0.utf8.count == 1 ? UInt8($0, radix: 16) : nil }
        guard nibbles.count == 32 else { return nil }
        return IPAddress(bytes: stride(from: 0, to: 32, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] })
    }
}

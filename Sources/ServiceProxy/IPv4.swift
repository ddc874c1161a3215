internal import Glibc

/// Texts of IPv4 addresses. What comes from the API goes into rules only if it is one.
enum IPv4 {
    static func isAddress(_ text: String) -> Bool { number(text) != nil }

    /// In host order.
    static func number(_ text: String) -> UInt32? {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1 ? UInt32(bigEndian: address.s_addr) : nil
    }

    /// `10.0.0.0/8`; the bits behind the prefix are cleared, as nftables wants them.
    static func prefix(_ text: String) -> String? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = number(String(parts[0])), let bits = Int(parts[1]),
            (0...32).contains(bits)
        else { return nil }
        let mask: UInt32 = bits == 0 ? 0 : ~0 << UInt32(32 - bits)
        let network = address & mask
        let octets = [24, 16, 8, 0].map { String((network >> UInt32($0)) & 0xff) }
        return octets.joined(separator: ".") + "/\(bits)"
    }
}

/// The IPv4 addresses of a CIDR block that Services may have.
struct ServiceRange: Sendable {
    let first: UInt32
    let last: UInt32
    /// Where the upper band begins: addresses that nobody asked for come from there, so that the lower ones stay free
    /// for those who want a certain one (KEP-3070).
    private let middle: UInt32

    init?(_ cidr: String) {
        let parts = cidr.split(separator: "/")
        guard parts.count == 2, let base = Self.number(String(parts[0])), let bits = UInt32(parts[1]), bits <= 30 else {
            return nil
        }
        let mask: UInt32 = bits == 0 ? 0 : ~0 << (32 - bits)
        first = (base & mask) + 1
        last = (base | ~mask) - 1
        let size = Int(last - first) + 3
        let lower = first + UInt32(Bands.lowerCount(of: size, step: 16, most: 256))
        // The smallest ranges would be all lower band.
        middle = lower <= last ? lower : first
    }

    func contains(_ address: UInt32) -> Bool { (first...last).contains(address) }

    /// A free address, from a random place in the upper band on, then in the lower band.
    func firstFree(where isFree: (UInt32) -> Bool) -> UInt32? {
        let start = UInt32.random(in: middle...last)
        return (start...last).first(where: isFree) ?? (middle..<start).first(where: isFree)
            ?? (first..<middle).first(where: isFree)
    }

    static func number(_ text: String) -> UInt32? {
        let octets = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt32($0) }
        guard octets.count == 4 else { return nil }
        var number: UInt32 = 0
        for octet in octets {
            guard let octet, octet < 256 else { return nil }
            number = number << 8 | octet
        }
        return number
    }

    static func text(_ number: UInt32) -> String {
        "\(number >> 24).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
    }
}

/// How upstream divides a range in what is asked for and what is given.
enum Bands {
    private static let least = 16

    /// Members of the lower band: one in `step` of them all, 16 at least and `most` at most; none in a small range.
    static func lowerCount(of size: Int, step: Int, most: Int) -> Int {
        size < least ? 0 : min(most, max(least, size / step))
    }
}

internal import Glibc

/// A range of IPv4 addresses in CIDR notation.
struct AddressRange: Equatable, CustomStringConvertible {
    let base: UInt32
    let prefixLength: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(parts[1]), (0...32).contains(length),
            let address = Self.address(String(parts[0]))
        else { return nil }
        prefixLength = length
        base = length == 0 ? 0 : address & ~UInt32(0) << UInt32(32 - length)
    }

    private init(base: UInt32, prefixLength: Int) {
        self.base = base
        self.prefixLength = prefixLength
    }

    static func address(_ text: String) -> UInt32? {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1 ? UInt32(bigEndian: address.s_addr) : nil
    }

    static func text(_ address: UInt32) -> String {
        "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
    }

    var description: String { "\(Self.text(base))/\(prefixLength)" }
    /// The address `offset` places after the range's own.
    func address(_ offset: UInt32) -> String { Self.text(base + offset) }

    func contains(_ address: UInt32) -> Bool {
        prefixLength == 0 || (address ^ base) >> UInt32(32 - prefixLength) == 0
    }

    func overlaps(_ other: AddressRange) -> Bool { contains(other.base) || other.contains(base) }

    /// The first range of that size within this one: what the only node's pods get.
    func firstSubrange(prefixLength: Int) -> AddressRange {
        AddressRange(base: base, prefixLength: max(prefixLength, self.prefixLength))
    }
}

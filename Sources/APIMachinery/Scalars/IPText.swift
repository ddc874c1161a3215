/// An IP address as it is written in a field: parsed with upstream's old leniency, knowing what a strict reader minds.
package struct IPText: Sendable, Equatable {
    /// All addresses as IPv6: IPv4 ones below `::ffff:0:0`.
    /// The upper 64 bits.
    package let high: UInt64
    /// The lower 64 bits.
    package let low: UInt64
    /// Written with colons.
    package let isColonForm: Bool
    /// Octets or groups with zeros that mean nothing, or anything else that only the old parser took.
    package let hasLeadingZeros: Bool

    /// `nil`: no address.
    package init?(_ text: String) {
        self.init(bytes: text.utf8)
    }

    /// Of UTF-8.
    package init?(bytes: some BidirectionalCollection<UInt8>) {
        guard let kind = bytes.first(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") }) else { return nil }
        if kind == UInt8(ascii: ".") {
            guard let (address, isSloppy) = Self.octets(Array(bytes)[...]) else { return nil }
            self.init(high: 0, low: Self.mapped | UInt64(address), isColonForm: false, hasLeadingZeros: isSloppy)
        } else {
            guard let groups = Groups(Array(bytes)[...]) else { return nil }
            self.init(
                high: groups.half(0), low: groups.half(4), isColonForm: true, hasLeadingZeros: groups.isSloppy)
        }
    }

    /// Of the two halves of an IPv6 address.
    package init(high: UInt64, low: UInt64, isColonForm: Bool, hasLeadingZeros: Bool = false) {
        self.high = high
        self.low = low
        self.isColonForm = isColonForm
        self.hasLeadingZeros = hasLeadingZeros
    }

    private static let mapped: UInt64 = 0xffff_0000_0000

    /// True for `::ffff:1.2.3.4` too.
    package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }
    /// An IPv4 address that is written as an IPv6 one.
    package var isMapped: Bool { isColonForm && isIPv4 }

    /// All zeros.
    package var isUnspecified: Bool { (high == 0 && low == 0) || (isIPv4 && UInt32(truncatingIfNeeded: low) == 0) }
    /// Of the machine itself.
    package var isLoopback: Bool { isIPv4 ? low >> 24 & 0xff == 127 : high == 0 && low == 1 }
    /// Of one link.
    package var isLinkLocal: Bool { isIPv4 ? low >> 16 & 0xffff == 0xa9fe : high >> 54 == 0xfe80 >> 6 }
    /// Of a group on one link.
    package var isLinkLocalMulticast: Bool {
        isIPv4 ? low >> 8 & 0xff_ffff == 0xe0_0000 : high >> 48 & 0xff0f == 0xff02
    }

    /// How the address should be written.
    package var canonical: String {
        if isIPv4 {
            let octets = [low >> 24 & 0xff, low >> 16 & 0xff, low >> 8 & 0xff, low & 0xff]
            return octets.map { String($0) }.joined(separator: ".")
        }
        let groups = [high, low].flatMap { half -> [UInt64] in
            [half >> 48, half >> 32 & 0xffff, half >> 16 & 0xffff, half & 0xffff]
        }
        var longest = 0..<0
        var start = 0
        while start < 8 {
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > longest.count, end - start > 1 { longest = start..<end }
            start = end + 1
        }
        let texts = groups.map { String($0, radix: 16) }
        guard !longest.isEmpty else { return texts.joined(separator: ":") }
        return texts[..<longest.lowerBound].joined(separator: ":") + "::"
            + texts[longest.upperBound...].joined(separator: ":")
    }

    private static func octets(_ bytes: ArraySlice<UInt8>) -> (address: UInt32, isSloppy: Bool)? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        var isSloppy = false
        for part in parts {
            guard let octet = number(part, radix: 10, max: 255) else { return nil }
            if part.count > 1, part.first == UInt8(ascii: "0") { isSloppy = true }
            address = address << 8 | octet
        }
        return (address, isSloppy)
    }

    fileprivate static func number(_ digits: ArraySlice<UInt8>, radix: UInt32, max: UInt32) -> UInt32? {
        guard !digits.isEmpty else { return nil }
        var number: UInt32 = 0
        for digit in digits {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue, value < Int(radix) else { return nil }
            number = number * radix + UInt32(value)
            if number > max { return nil }
        }
        return number
    }

    /// The eight groups of an IPv6 address, whose last two may be written as an IPv4 address.
    private struct Groups {
        private var values: [UInt32] = []
        private(set) var isSloppy = false

        init?(_ bytes: ArraySlice<UInt8>) {
            let colon = UInt8(ascii: ":")
            var rest = bytes
            var gap: Int?
            if rest.starts(with: [colon, colon]) {
                gap = 0
                rest = rest.dropFirst(2)
            }
            while !rest.isEmpty {
                guard values.count < 8 else { return nil }
                let digits = rest.prefix { $0 != colon }
                if digits.contains(UInt8(ascii: ".")) {
                    guard digits.endIndex == rest.endIndex, values.count <= 6, gap != nil || values.count == 6,
                        let (address, isSloppy) = IPText.octets(digits)
                    else { return nil }
                    self.isSloppy = self.isSloppy || isSloppy
                    values += [address >> 16, address & 0xffff]
                    break
                }
                guard let group = IPText.number(digits, radix: 16, max: 0xffff) else { return nil }
                if digits.count > 4 { isSloppy = true }
                values.append(group)
                rest = rest[digits.endIndex...]
                guard !rest.isEmpty else { break }
                rest = rest.dropFirst()
                guard let next = rest.first else { return nil }
                if next == colon {
                    guard gap == nil else { return nil }
                    gap = values.count
                    rest = rest.dropFirst()
                }
            }
            if let gap, values.count < 8 {
                values.insert(contentsOf: Array(repeating: 0, count: 8 - values.count), at: gap)
            } else if gap != nil || values.count != 8 {
                return nil
            }
        }

        func half(_ start: Int) -> UInt64 {
            values[start..<(start + 4)].reduce(0) { $0 << 16 | UInt64($1) }
        }
    }
}

/// A range of addresses as it is written in a field: `10.0.0.0/8`.
package struct CIDRText: Sendable {
    /// As it was written, with what stands behind the prefix.
    package let address: IPText
    /// Of the address as it was written: up to 32 or 128.
    package let prefixLength: Int
    /// Zeros that mean nothing.
    package let hasLeadingZeros: Bool

    /// `nil`: no range.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPText(bytes: parts[0]) else { return nil }
        let digits = Array(parts[1])
        guard let length = IPText.number(digits[...], radix: 10, max: address.isColonForm ? 128 : 32) else {
            return nil
        }
        self.address = address
        prefixLength = Int(length)
        hasLeadingZeros = address.hasLeadingZeros || (digits.count > 1 && digits[0] == UInt8(ascii: "0"))
    }

    private var bits: Int { address.isColonForm ? prefixLength : prefixLength + 96 }

    /// The first address of the range.
    package var network: IPText {
        let high = bits >= 64 ? UInt64.max : bits == 0 ? 0 : UInt64.max << UInt64(64 - bits)
        let low = bits <= 64 ? 0 : bits == 128 ? UInt64.max : UInt64.max << UInt64(128 - bits)
        return IPText(high: address.high & high, low: address.low & low, isColonForm: address.isColonForm)
    }

    /// The address is not the first of the range.
    package var hasHostBits: Bool { network.high != address.high || network.low != address.low }
    /// Whether its addresses are IPv4.
    package var isIPv4: Bool { address.isIPv4 }

    /// How the range should be written.
    package var canonical: String {
        let network = network
        return network.canonical + "/" + String(network.isIPv4 ? bits - 96 : bits)
    }

    /// The address alone, as a range of one.
    package var single: String { address.canonical + "/" + String(address.isColonForm ? 128 : 32) }

    /// True if the address is of the range's family, and in it.
    package func contains(_ other: IPText) -> Bool {
        guard isIPv4 == other.isIPv4 else { return false }
        let probe = CIDRText(
            address: IPText(high: other.high, low: other.low, isColonForm: true), prefixLength: bits)
        return probe.network.high == network.high && probe.network.low == network.low
    }

    /// True if `other` lies inside and is smaller.
    package func strictlyContains(_ other: CIDRText) -> Bool {
        guard isIPv4 == other.isIPv4, prefixLength < other.prefixLength else { return false }
        let probe = CIDRText(address: other.network, prefixLength: bits - (other.address.isColonForm ? 0 : 96))
        return probe.network.high == network.high && probe.network.low == network.low
    }

    private init(address: IPText, prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
        hasLeadingZeros = false
    }
}

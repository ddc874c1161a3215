/// Resolves the escapes of a JSON string.
enum JSONUnescaper {
    /// `raw` is what stands between the quotes; `offset` is where it starts, for errors.
    static func unescape(_ raw: UnsafeBufferPointer<UInt8>, offset: Int) throws(JSONError) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(raw.count)
        var index = 0
        while index < raw.count {
            guard raw[index] == UInt8(ascii: "\\") else {
                out.append(raw[index])
                index += 1
                continue
            }
            guard index + 1 < raw.count else { break }
            let escape = raw[index + 1]
            index += 2
            if let byte = simple(escape) {
                out.append(byte)
            } else if escape == UInt8(ascii: "u"), let unit = hex(raw, at: index) {
                index += 4
                append(scalar(unit, raw, &index), to: &out)
            } else {
                throw JSONError(message: "invalid escape in string literal", offset: offset + index - 2)
            }
        }
        return out
    }

    private static func simple(_ escape: UInt8) -> UInt8? {
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): escape
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    private static func hex(_ raw: UnsafeBufferPointer<UInt8>, at start: Int) -> UInt32? {
        guard start + 4 <= raw.count else { return nil }
        var value: UInt32 = 0
        for byte in raw[start..<start + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Joins surrogate pairs; a lone surrogate becomes U+FFFD, as in Go.
    private static func scalar(
        _ unit: UInt32, _ raw: UnsafeBufferPointer<UInt8>, _ index: inout Int
    ) -> Unicode.Scalar {
        if let scalar = Unicode.Scalar(unit) { return scalar }
        if unit < 0xDC00, index + 6 <= raw.count, raw[index] == UInt8(ascii: "\\"), raw[index + 1] == UInt8(ascii: "u"),
            let low = hex(raw, at: index + 2), (0xDC00..<0xE000).contains(low),
            let joined = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
        {
            index += 6
            return joined
        }
        return "\u{FFFD}"
    }

    private static func append(_ scalar: Unicode.Scalar, to out: inout [UInt8]) {
        out.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    }
}

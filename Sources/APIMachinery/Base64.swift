/// Standard base64 with padding, as Go encodes `[]byte` in JSON.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var word: UInt32 = 0
        var held = 0
        for byte in bytes {
            word = word << 8 | UInt32(byte)
            held += 1
            guard held == 3 else { continue }
            for shift in [18, 12, 6, 0] as [UInt32] { out.append(alphabet[Int(word >> shift & 63)]) }
            word = 0
            held = 0
        }
        if held > 0 {
            word <<= UInt32(8 * (3 - held))
            for index in 0..<4 {
                out.append(index <= held ? alphabet[Int(word >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
        }
        return out
    }

    /// `nil` unless the text is whole groups of the standard alphabet with right padding. Line breaks are passed over.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(text.count / 4 * 3)
        var word: UInt32 = 0
        var letters = 0
        var padding = 0
        for byte in text where byte != 0x0A && byte != 0x0D {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value = values[Int(byte)]
            guard value < 64, padding == 0 else { return nil }
            word = word << 6 | UInt32(value)
            letters += 1
            guard letters % 4 == 0 else { continue }
            out.append(UInt8(truncatingIfNeeded: word >> 16))
            out.append(UInt8(truncatingIfNeeded: word >> 8))
            out.append(UInt8(truncatingIfNeeded: word))
        }
        guard (letters + padding) % 4 == 0, padding < 3, letters % 4 != 1 else { return nil }
        if letters % 4 == 3 { out.append(UInt8(truncatingIfNeeded: word >> 10)) }
        if letters % 4 == 2 { out.append(UInt8(truncatingIfNeeded: word >> 4)) }
        if letters % 4 == 3 { out.append(UInt8(truncatingIfNeeded: word >> 2)) }
        return out
    }
}

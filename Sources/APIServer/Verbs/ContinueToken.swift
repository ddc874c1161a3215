internal import APIMachinery

/// Where a list in pieces goes on: upstream's token, so that clients cannot tell the difference.
struct ContinueToken: Sendable {
    /// The revision that all pieces are read at; -1 for "now" (an inconsistent continuation after 410).
    var revision: Int64
    /// First key wanted, relative to the resource's prefix.
    var start: String

    var text: String {
        let json: Value = ["v": "meta.k8s.io/v1", "rv": .int(revision), "start": .string(start)]
        return Base64URL.encode(json.jsonBytes())
    }

    init(revision: Int64, start: String) {
        self.revision = revision
        self.start = start
    }

    init(_ text: String) throws(APIError) {
        guard let bytes = Base64URL.decode(text), let json = try? Value(json: bytes) else {
            throw .badRequest("continue key is not valid: illegal base64 data at input byte 0")
        }
        guard json["v"]?.string == "meta.k8s.io/v1", let start = json["start"]?.string, !start.isEmpty else {
            throw .badRequest("continue key is not valid: server does not recognize this encoded version")
        }
        guard !start.contains("/../"), !start.hasPrefix("../") else {
            throw .badRequest("continue key is not valid: \(start)")
        }
        revision = json["rv"]?.int ?? 0
        self.start = start
    }
}

/// RFC 4648 §5, without padding.
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let chunk = bytes[index..<min(index + 3, bytes.count)]
            var bits: UInt32 = 0
            for offset in 0..<3 {
                bits = bits << 8 | (offset < chunk.count ? UInt32(chunk[chunk.startIndex + offset]) : 0)
            }
            for digit in 0...chunk.count { out.append(alphabet[Int(bits >> (18 - 6 * UInt32(digit)) & 63)]) }
            index += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// `nil` for anything but the alphabet and trailing `=`.
    static func decode(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            guard let digit = alphabet.firstIndex(of: byte) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return out
    }
}

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
        guard let bytes = Base64URL.decode(text) else {
            throw Self.invalid(": illegal base64 data at input byte \(Base64URL.badOffset(text))")
        }
        let json: Value
        do {
            json = try Value(json: bytes)
        } catch {
            throw Self.invalid(": " + error.message)
        }
        let version = json["v"]?.string ?? ""
        guard version == "meta.k8s.io/v1" else {
            throw Self.invalid(": server does not recognize this encoded version " + version)
        }
        revision = json["rv"]?.int ?? 0
        start = json["start"]?.string ?? ""
        guard revision != 0 else {
            throw Self.invalid(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
        }
        guard !start.isEmpty else { throw Self.invalid(": encoded start key empty (version meta.k8s.io/v1)") }
        let parts = start.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.dropFirst(start.hasPrefix("/") ? 1 : 0).contains(where: { ["", ".", ".."].contains($0) }) else {
            throw Self.invalid(": " + start)
        }
    }

    private static func invalid(_ why: String) -> APIError {
        .badRequest("invalid continue token: continue key is not valid" + why)
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

    /// Where Go's decoder stumbles over a text that is none.
    static func badOffset(_ text: String) -> Int {
        Array(text.utf8).firstIndex { !alphabet.contains($0) } ?? max(0, text.utf8.count - 1)
    }

    /// `nil` for anything but the alphabet, and for a last letter alone.
    static func decode(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        guard text.utf8.count % 4 != 1 else { return nil }
        for byte in text.utf8 {
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

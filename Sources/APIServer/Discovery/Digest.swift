internal import Crypto

/// SHA-256 as the describing documents use it: entity tags and upstream's `storageVersionHash`.
enum Digest {
    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Array(hash.finalize())
    }

    /// Upper-case hexadecimal digits of the SHA-256, as upstream writes entity tags.
    static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        return String(decoding: sha256(bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The first eight bytes of the SHA-256, in base64: always twelve characters.
    static func shortBase64(_ text: String) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let bytes = Array(sha256(Array(text.utf8)).prefix(8)) + [0]
        var encoded: [UInt8] = []
        for start in stride(from: 0, to: 9, by: 3) {
            let triple = UInt32(bytes[start]) << 16 | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2])
            for shift: UInt32 in [18, 12, 6, 0] { encoded.append(digits[Int(triple >> shift & 63)]) }
        }
        encoded[11] = UInt8(ascii: "=")
        return String(decoding: encoded, as: UTF8.self)
    }
}

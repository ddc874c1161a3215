package import APIMachinery

/// Short names derived from a pod template: `pod-template-hash`.
package enum PodTemplateHash {
    /// FNV-1a of the template's bytes and the collision count, in the alphabet that upstream's names use (no vowels, no
    /// digits that look like letters, so no words arise). Need not equal what a Go API server would compute.
    package static func hash(_ template: some JSONWritable, collisionCount: Int32?) -> String {
        var bytes = template.jsonBytes()
        if let collisionCount { bytes += Array(String(collisionCount).utf8) }
        return safeEncode(String(fnv1a(bytes)))
    }

    /// 32-bit FNV-1a.
    static func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(2_166_136_261) { hash, byte in (hash ^ UInt32(byte)) &* 16_777_619 }
    }

    /// Maps each character to one of 27 that are safe in names.
    static func safeEncode(_ text: String) -> String {
        let alphabet = Array("bcdfghjklmnpqrstvwxz2456789".utf8)
        return String(decoding: text.utf8.map { alphabet[Int($0) % alphabet.count] }, as: UTF8.self)
    }
}

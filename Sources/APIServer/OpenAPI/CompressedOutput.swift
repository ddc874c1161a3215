internal import Transport

/// Collects a document that is made piece by piece, compressed, so that it never exists whole in plain form.
struct CompressedOutput: ~Copyable {
    private var gzip = Gzip(level: 5)
    private var bytes: [UInt8] = []

    mutating func append(_ piece: [UInt8]) {
        bytes += gzip.append(piece)
    }

    /// The gzip stream, exactly sized.
    mutating func finish() -> [UInt8] {
        bytes += gzip.finish()
        return Array(bytes[...])
    }
}

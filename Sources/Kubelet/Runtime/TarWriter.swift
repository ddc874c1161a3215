/// Builds a POSIX ustar archive in memory. Owner is root and times are zero, so equal content gives equal bytes.
struct TarWriter {
    private(set) var bytes: [UInt8] = []

    mutating func addDirectory(_ path: String) {
        addHeader(path.hasSuffix("/") ? path : path + "/", mode: "0000755", size: 0, type: UInt8(ascii: "5"))
    }

    /// `path`: at most 100 bytes.
    mutating func addFile(_ path: String, _ content: [UInt8], isExecutable: Bool = false) {
        addHeader(path, mode: isExecutable ? "0000755" : "0000644", size: content.count, type: UInt8(ascii: "0"))
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// The archive with its two empty blocks at the end.
    consuming func finish() -> [UInt8] {
        bytes += [UInt8](repeating: 0, count: 1024)
        return bytes
    }

    private mutating func addHeader(_ path: String, mode: String, size: Int, type: UInt8) {
        precondition(path.utf8.count <= 100)
        var header = [UInt8](repeating: 0, count: 512)
        func set(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        set(path, at: 0)
        set(mode, at: 100)
        set("0000000", at: 108)
        set("0000000", at: 116)
        let octal = String(size, radix: 8)
        set(String(repeating: "0", count: 11 - octal.count) + octal, at: 124)
        set("00000000000", at: 136)
        set("        ", at: 148)
        header[156] = type
        set("ustar", at: 257)
        set("00", at: 263)
        set("root", at: 265)
        set("root", at: 297)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        set(String(repeating: "0", count: 6 - sum.count) + sum, at: 148)
        header[154] = 0
        bytes += header
    }
}

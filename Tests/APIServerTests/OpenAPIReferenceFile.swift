internal import Glibc

/// The facts about upstream that lie beside a development checkout, not inside the repository.
enum ReferenceFile {
    /// `nil` where the file is not there, as in a clone elsewhere.
    static func bytes(_ name: String) -> [UInt8]? {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        guard let file = fopen("/\(root)/shared/reference/\(name)", "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }
}

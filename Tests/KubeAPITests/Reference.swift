internal import APIMachinery
internal import Glibc
internal import KubeAPI

/// Upstream's fully set objects, if this clone lies beside them.
enum Reference {
    static let directory =
        #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
        + "/shared/reference/roundtrip"

    static let isPresent = access(directory, R_OK) == 0

    /// Every kind there: `apps.v1.Deployment`.
    static let names: [String] = {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".json") { names.append(String(name.dropLast(5))) }
        }
        return names.sorted()
    }()

    static func read(_ name: String) throws -> [UInt8] {
        guard let file = fopen(directory + "/" + name, "r") else { throw Missing(name: name) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    struct Missing: Error {
        let name: String
    }

    /// `core` stands for the group without a name.
    static func kind(_ name: String) -> GroupVersionKind {
        let parts = name.split(separator: ".").map(String.init)
        let group = parts.dropLast(2).joined(separator: ".")
        return GroupVersionKind(
            group: group == "core" ? "" : group, version: parts[parts.count - 2], kind: parts[parts.count - 1]
        )
    }

    /// The message inside the `k8s` envelope.
    static func message(in envelope: [UInt8]) throws -> [UInt8] {
        try ProtobufReader.read(Array(envelope.dropFirst(4))) { reader throws(ProtobufError) in
            var message: [UInt8] = []
            while let field = try reader.nextField() {
                if field == 2 { message = try reader.bytes() } else { try reader.skip() }
            }
            return message
        }
    }
}

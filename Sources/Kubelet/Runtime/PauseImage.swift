internal import Crypto

/// The image that a sandbox's first process runs from: it holds the pod's namespaces and reaps orphans.
///
/// It is made on the spot from a static program that Debian ships, so a cluster starts with no network. Its name
/// carries the digest of its content: where that name is known to the runtime, the image is right.
struct PauseImage: Sendable {
    let reference: String
    /// An OCI image layout.
    let archive: [UInt8]

    static let name = "skiff.internal/pause"

    /// Programs that can be the first process, with the arguments that make them wait.
    private static let programs: [(path: String, arguments: [String])] = [
        ("/usr/bin/catatonit", ["-P"]),
        ("/usr/libexec/podman/catatonit", ["-P"]),
        ("/bin/busybox", ["sleep", "2147483647"]),
    ]

    /// Blocks on reading the program.
    static func build() throws -> PauseImage {
        for program in programs {
            guard let content = try? FileSystem.read(program.path), isStaticELF(content) else { continue }
            return PauseImage(program: content, arguments: program.arguments)
        }
        throw RuntimeError.missing("catatonit", package: "catatonit")
    }

    private init(program: [UInt8], arguments: [String]) {
        var layer = TarWriter()
        layer.addFile("pause", program, isExecutable: true)
        let layerBytes = layer.finish()
        let layerDigest = Self.digest(layerBytes)

        let entrypoint = (["/pause"] + arguments).map { "\"\($0)\"" }.joined(separator: ",")
        let config = Array(
            """
            {"architecture":"\(Self.architecture)","os":"linux","config":{"Entrypoint":[\(entrypoint)],\
            "WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:\(layerDigest)"]}}
            """.utf8
        )
        let configDigest = Self.digest(config)
        let manifest = Array(
            """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":\
            "application/vnd.oci.image.config.v1+json","digest":"sha256:\(configDigest)","size":\(config.count)},\
            "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:\(layerDigest)",\
            "size":\(layerBytes.count)}]}
            """.utf8
        )
        let manifestDigest = Self.digest(manifest)
        reference = "\(Self.name):\(configDigest.prefix(12))"
        let index = Array(
            """
            {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":\
            "sha256:\(manifestDigest)","size":\(manifest.count),"annotations":\
            {"io.containerd.image.name":"\(reference)"}}]}
            """.utf8
        )

        var archive = TarWriter()
        archive.addFile("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        archive.addDirectory("blobs/sha256")
        for (digest, content) in [(layerDigest, layerBytes), (configDigest, config), (manifestDigest, manifest)] {
            archive.addFile("blobs/sha256/\(digest)", content)
        }
        archive.addFile("index.json", index)
        self.archive = archive.finish()
    }

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    private static func digest(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { byte in
            let hex = String(byte, radix: 16)
            return hex.count == 1 ? "0" + hex : hex
        }.joined()
    }

    /// True for a 64-bit ELF program without an interpreter: a dynamic one would find no libraries in the image.
    private static func isStaticELF(_ bytes: [UInt8]) -> Bool {
        func number(_ offset: Int, _ width: Int) -> Int {
            (0..<width).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        guard bytes.count > 64, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else { return false }
        let (table, entrySize, count) = (number(32, 8), number(54, 2), number(56, 2))
        guard table > 0, table + entrySize * count <= bytes.count else { return false }
        let interpreter = 3
        return !(0..<count).contains { number(table + $0 * entrySize, 4) == interpreter }
    }
}

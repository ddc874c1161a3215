package import CRI

/// The images on this node.
package struct Images: Sendable {
    private let runtime: ContainerRuntime

    package init(runtime: ContainerRuntime) {
        self.runtime = runtime
    }

    /// Imports every image of an OCI or Docker archive (a tar file, gzip allowed). Returns the names imported.
    @discardableResult
    package func load(_ tarPath: String) async throws -> [String] {
        guard let ctr = Command.find("ctr") else { throw RuntimeError.missing("ctr", package: "containerd") }
        let snapshotter = HostAbilities.detect().hasOverlay ? "overlayfs" : "native"
        let said = try await Command.run(
            ctr,
            [
                "--address", runtime.configuration.socketPath, "--namespace", "k8s.io", "images", "import",
                "--snapshotter", snapshotter, tarPath,
            ]
        )
        // `unpacking docker.io/library/hello:1 (sha256:...)...done`
        let names = String(decoding: said, as: UTF8.self).split(separator: "\n").compactMap { line -> String? in
            let words = line.split(separator: " ")
            return words.count > 1 && words[0] == "unpacking" ? String(words[1]) : nil
        }
        for name in names { try await waitUntilListed(name) }
        return names
    }

    /// Every image, for `skiff image ls` and the node's status.
    package func list() async throws(CRIError) -> [CRIImage] {
        try await runtime.client.listImages()
    }

    /// containerd's CRI part learns of an import by an event, a moment after the import has ended.
    private func waitUntilListed(_ name: String) async throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while try await runtime.client.imageStatus(name) == nil, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

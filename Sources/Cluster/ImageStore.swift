internal import CRI
internal import Glibc
internal import Kubelet
internal import Logging

/// `skiff image`: works on the node's containerd itself, whether or not the server runs.
package enum ImageStore {
    package struct Image: Sendable {
        package let names: [String]
        package let id: String
        package let bytes: Int
    }

    /// Imports an archive; `nil` reads it from standard input. Returns the names of the images.
    package static func load(_ settings: Configuration, archive: String?) async throws -> [String] {
        try Preflight.requireRoot(for: "image load")
        let configuration = try ResolvedConfiguration(settings)
        guard let archive else {
            let copy = configuration.paths.dataDirectory + "/image.\(getpid()).tar"
            defer { unlink(copy) }
            try copyStandardInput(to: copy)
            return try await withRuntime(configuration) { try await Images(runtime: $0).load(copy) }
        }
        guard let real = realpath(archive, nil) else { throw Directories.failure("read", archive) }
        defer { free(real) }
        let path = String(cString: real)
        return try await withRuntime(configuration) { try await Images(runtime: $0).load(path) }
    }

    package static func list(_ settings: Configuration) async throws -> [Image] {
        try Preflight.requireRoot(for: "image ls")
        let configuration = try ResolvedConfiguration(settings)
        return try await withRuntime(configuration) { runtime in
            try await Images(runtime: runtime).list().map { image in
                Image(names: image.repoTags, id: image.id, bytes: Int(image.size))
            }
        }
    }

    private static func withRuntime<Result: Sendable>(
        _ configuration: ResolvedConfiguration, _ body: @escaping @Sendable (ContainerRuntime) async throws -> Result
    ) async throws -> Result {
        let runtime = try ContainerRuntime(configuration: configuration.runtime, logger: Logger(label: "skiff"))
        guard runtime.isAnswering else { throw ClusterError.notRunning(directory: configuration.paths.dataDirectory) }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await runtime.client.run()
                return nil
            }
            group.addTask { try await body(runtime) }
            defer { group.cancelAll() }
            while let outcome = try await group.next() {
                if let outcome { return outcome }
            }
            throw ClusterError.notRunning(directory: configuration.paths.dataDirectory)
        }
    }

    private static func copyStandardInput(to path: String) throws(ClusterError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Directories.failure("write", path) }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw Directories.failure("read", "standard input") }
            if count == 0 { return }
            var done = 0
            while done < count {
                let written = buffer.withUnsafeBytes {
                    write(descriptor, $0.baseAddress.map { $0 + done }, count - done)
                }
                if written < 0 && errno == EINTR { continue }
                if written < 0 { throw Directories.failure("write", path) }
                done += written
            }
        }
    }
}

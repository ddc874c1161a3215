internal import Foundation
internal import TestSupport

/// The two registries of a suite: one that everyone may read, one with a password. `Tests/Images/serve.sh` says more.
struct TestRegistry {
    static let user = "tutorial"
    static let password = "opensesame"
    private static let scripts = repositoryRoot + "/Tests/Images"

    let instance: SkiffInstance

    var directory: String { instance.directory + "/registry" }
    /// The file for `--private-registry`.
    var configuration: String { directory + "/registries.yaml" }
    var port: Int { 17900 + 2 * instance.index }
    /// As image names have it, without a mirror between.
    var openHost: String { "127.0.0.1:\(port)" }
    var privateHost: String { "127.0.0.1:\(port + 1)" }

    /// The directory of the images, built if they are not there yet.
    static func build() async throws -> String {
        try await Command.check([scripts + "/build.sh"], timeout: .seconds(180))
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func start() async throws {
        try await Command.check([Self.scripts + "/serve.sh", "start", directory, "\(port)"], timeout: .seconds(180))
    }

    func stop() async {
        _ = try? await Command.run([Self.scripts + "/serve.sh", "stop", directory])
    }

    /// The digest of an image of the fixture, such as `library/nginx:latest`: `sha256:...`.
    func digest(_ image: String) throws -> String {
        let list = try String(contentsOfFile: directory + "/list", encoding: .utf8)
        for line in list.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 3, words[1] == image { return String(words[2]) }
        }
        throw ConditionTimeout(description: "no image \(image)")
    }

    /// Makes a repository of the open registry be there under another name too, as a push would.
    func publish(_ repository: String, as name: String) throws {
        let root = directory + "/open/docker/registry/v2/repositories/"
        let parent = root + name.split(separator: "/").dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: root + repository, toPath: root + name)
    }

    /// The digests of the layers and of the configuration.
    func layers(_ repository: String, _ tag: String) throws -> [String] {
        let path = directory + "/open/docker/registry/v2/repositories/\(repository)/_layers/sha256"
        return try FileManager.default.contentsOfDirectory(atPath: path).map { "sha256:" + $0 }
    }

    /// How often a path was fetched with success, by the registries' access logs.
    func fetches(_ method: String, _ path: String) throws -> Int {
        try ["open", "private"].reduce(0) { count, name in
            let log = try String(contentsOfFile: directory + "/\(name).log", encoding: .utf8)
            return count
                + log.split(separator: "\n").count { $0.contains("\"\(method) \(path)") && $0.contains("\" 200 ") }
        }
    }
}

/// The registries of the suite's cluster.
func registry() throws -> TestRegistry {
    TestRegistry(instance: try cluster())
}

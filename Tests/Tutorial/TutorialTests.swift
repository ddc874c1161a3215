internal import Foundation
internal import TestSupport
internal import Testing

/// The whole tutorial, from the first command to the last: `examples/tutorial/steps` lists the commands and what each
/// has to print, and `scripts/tutorial.sh` walks them on a cluster of its own, for a person as for this test.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .timeLimit(.minutes(12)))
struct `The tutorial` {
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    /// Our manifests, and the tutorial's own where they lie beside the repository.
    private static let directories = [
        root + "/examples/tutorial", root + "/../shared/tutorial/manifests",
    ].filter { FileManager.default.fileExists(atPath: $0) }

    @Test(arguments: directories)
    func `prints what the text shows`(manifests: String) async throws {
        let binary = try #require(SkiffInstance.binary)
        let before = try await MachineState.read()
        let walk = try await Command.run(
            [Self.root + "/scripts/tutorial.sh", "--no-pause", "--manifests", manifests],
            environment: ["SKIFF_BINARY": binary], timeout: .seconds(330))
        #expect(walk.isSuccess, "\(walk)")
        #expect(walk.output.contains("commands printed what the text shows"), "\(walk)")
        #expect(try await MachineState.read().minus(before) == [], "left behind on the machine")
    }

    /// Ctrl-C, which bash gets while a command runs.
    @Test
    func `who stops half-way leaves nothing behind`() async throws {
        let binary = try #require(SkiffInstance.binary)
        let before = try await MachineState.read()
        let walk = try await Command.run(
            [
                "env", "--default-signal=INT", "timeout", "--foreground", "--signal=INT", "12",
                Self.root + "/scripts/tutorial.sh", "--no-pause",
            ],
            environment: ["SKIFF_BINARY": binary], timeout: .seconds(120))
        #expect(!walk.isSuccess)
        #expect(walk.output.contains("$ kubectl") && walk.output.contains("taking the cluster down"), "\(walk)")
        #expect(try await MachineState.read().minus(before) == [], "left behind on the machine")
    }

    @Test
    func `a manifest's directory that is not there is refused`() async throws {
        let walk = try await Command.run([Self.root + "/scripts/tutorial.sh", "--manifests", "/nowhere"])
        #expect(!walk.isSuccess)
    }
}

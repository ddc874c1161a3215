import TestSupport
import Testing

/// What a suite's pods can run.
struct TestImages: OptionSet {
    let rawValue: Int

    /// `skiff.example/hello:1` and `:2`, loaded.
    static let hello = TestImages(rawValue: 1)
    /// `busybox:1.28` and `busybox`, loaded.
    static let busybox = TestImages(rawValue: 2)
    /// The images of `Tests/Images/build.sh`, to be pulled by their well-known names from registries on loopback.
    static let registry = TestImages(rawValue: 4)
}

/// Starts one Skiff for a suite, with the images that it asks for, and afterwards checks that `skiff delete` leaves
/// nothing.
struct RunningCluster: SuiteTrait, TestScoping {
    @TaskLocal static var current: SkiffInstance?

    let index: Int
    let images: TestImages
    /// More flags for `up`.
    var flags: [String] = []
    /// Puts the instance on a file system of its own, of so many megabytes.
    var megabytes: Int?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let instance = try SkiffInstance(index: index)
        if let megabytes {
            let image = instance.directory + ".img"
            try await Command.check(["mkdir", "-p", instance.directory])
            try await Command.check(["truncate", "-s", "\(megabytes)M", image])
            try await Command.check(["mkfs.ext4", "-q", "-F", image])
            try await Command.check(["mount", "-o", "loop", image, instance.directory])
        }
        do {
            try await perform(on: instance, function)
        } catch {
            try await takeDown(instance)
            throw error
        }
        try await takeDown(instance)
    }

    private func takeDown(_ instance: SkiffInstance) async throws {
        guard megabytes != nil else { return }
        try await Command.check(["umount", instance.directory])
        try await Command.check(["rm", "-r", instance.directory, instance.directory + ".img"])
    }

    private func perform(
        on instance: SkiffInstance, _ function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let before = try await MachineState.read()
        let registry = TestRegistry(instance: instance)
        var flags = flags
        if images.contains(.registry) {
            try await registry.start()
            flags += ["--private-registry", registry.configuration]
        }
        do {
            let up = try await instance.up(flags)
            #expect(up.isSuccess, "\(up)")
            try await loadImages(into: instance)
            try await Self.$current.withValue(instance) { try await function() }
        } catch {
            await registry.stop()
            _ = try await instance.delete()
            throw error
        }
        await registry.stop()
        let delete = try await instance.delete()
        #expect(delete.isSuccess, "\(delete)")
        let again = try await instance.skiff(["delete", "--data-dir", instance.dataDirectory])
        #expect(again.isSuccess, "the second delete: \(again)")
        let after = try await MachineState.read()
        #expect(after.minus(before) == [], "left behind on the machine")
        let connections = try await Command.run(["conntrack", "-L"]).output.split(separator: "\n").filter { line in
            ["=10.\(200 + index).", "=10.\(220 + index)."].contains { line.contains($0) }
        }
        #expect(connections.isEmpty, "left behind in the kernel's connection tracking")
    }

    private func loadImages(into instance: SkiffInstance) async throws {
        var archives: [String] = []
        if images.contains(.hello) {
            let directory = instance.directory + "/images"
            try await Command.check([repositoryRoot + "/examples/hello/build-images.sh", directory])
            archives += (1...2).map { directory + "/hello-\($0).tar" }
        }
        if images.contains(.busybox) { archives.append(try await TestRegistry.build() + "/busybox.tar") }
        for archive in archives {
            let load = try await instance.skiff(["image", "load", archive, "--data-dir", instance.dataDirectory])
            #expect(load.isSuccess, "\(load)")
        }
    }
}

extension Trait where Self == RunningCluster {
    /// `flags`: more of them for `up`; `megabytes`: the size of a file system for this instance alone.
    static func runningCluster(
        _ index: Int, images: TestImages = .hello, flags: [String] = [], megabytes: Int? = nil
    ) -> Self {
        Self(index: index, images: images, flags: flags, megabytes: megabytes)
    }
}

/// The suite's cluster.
func cluster() throws -> SkiffInstance {
    try #require(RunningCluster.current)
}

/// Where this package is checked out.
let repositoryRoot = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

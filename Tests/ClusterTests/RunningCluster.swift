import TestSupport
import Testing

/// Starts one Skiff for a suite, loads the example's images, and afterwards checks that `skiff delete` leaves nothing.
struct RunningCluster: SuiteTrait, TestScoping {
    @TaskLocal static var current: SkiffInstance?

    let index: Int
    let loadsImages: Bool
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
        let up = try await instance.up(flags)
        #expect(up.isSuccess, "\(up)")
        if loadsImages { try await Self.loadImages(into: instance) }
        do {
            try await Self.$current.withValue(instance) { try await function() }
        } catch {
            _ = try await instance.delete()
            throw error
        }
        let delete = try await instance.delete()
        #expect(delete.isSuccess, "\(delete)")
        let again = try await instance.skiff(["delete", "--data-dir", instance.dataDirectory])
        #expect(again.isSuccess, "the second delete: \(again)")
        let after = try await MachineState.read()
        #expect(after.minus(before) == [], "left behind on the machine")
    }

    private static func loadImages(into instance: SkiffInstance) async throws {
        let images = instance.directory + "/images"
        let script = repositoryRoot + "/examples/hello/build-images.sh"
        try await Command.check([script, images])
        for version in 1...2 {
            let load = try await instance.skiff(
                ["image", "load", images + "/hello-\(version).tar", "--data-dir", instance.dataDirectory])
            #expect(load.isSuccess, "\(load)")
        }
    }
}

extension Trait where Self == RunningCluster {
    /// `flags`: more of them for `up`; `megabytes`: the size of a file system for this instance alone.
    static func runningCluster(
        _ index: Int, loadsImages: Bool = true, flags: [String] = [], megabytes: Int? = nil
    ) -> Self {
        Self(index: index, loadsImages: loadsImages, flags: flags, megabytes: megabytes)
    }
}

/// The suite's cluster.
func cluster() throws -> SkiffInstance {
    try #require(RunningCluster.current)
}

/// Where this package is checked out.
let repositoryRoot = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

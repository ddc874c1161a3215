import TestSupport
import Testing

/// Starts one Skiff for a suite, loads the example's images, and afterwards checks that `skiff delete` leaves nothing.
struct RunningCluster: SuiteTrait, TestScoping {
    @TaskLocal static var current: SkiffInstance?

    let index: Int
    let loadsImages: Bool

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let instance = try SkiffInstance(index: index)
        let before = try await MachineState.read()
        let up = try await instance.up()
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
    static func runningCluster(_ index: Int, loadsImages: Bool = true) -> Self {
        Self(index: index, loadsImages: loadsImages)
    }
}

/// The suite's cluster.
func cluster() throws -> SkiffInstance {
    try #require(RunningCluster.current)
}

/// Where this package is checked out.
let repositoryRoot = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

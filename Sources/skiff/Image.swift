internal import ArgumentParser
internal import Cluster

struct Image: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load and list the node's images.", subcommands: [Load.self, Import.self, List.self]
    )

    struct Load: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load the images of an OCI or Docker archive (`docker save`)."
        )

        @OptionGroup var instance: InstanceOptions
        @Argument(help: "The archive; - reads standard input.")
        var file: String

        func run() async throws {
            try await Image.report(instance, archive: file == "-" ? nil : file)
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load images from standard input: docker save IMAGE | skiff image import"
        )

        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            try await Image.report(instance, archive: nil)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the node's images.")

        @OptionGroup var instance: InstanceOptions

        func run() async throws {
            for image in try await ImageStore.list(try instance.lastUsed()) {
                let size = "\((image.bytes + 500_000) / 1_000_000) MB"
                for name in image.names.isEmpty ? [image.id] : image.names { Terminal.say("\(name)  \(size)") }
            }
        }
    }

    private static func report(_ instance: InstanceOptions, archive: String?) async throws {
        let names = try await ImageStore.load(try instance.lastUsed(), archive: archive)
        for name in names { Terminal.say("loaded \(name)") }
    }
}

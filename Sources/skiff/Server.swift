internal import ArgumentParser
internal import Cluster

struct Server: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a cluster in the foreground, for systemd. SIGTERM leaves its containers running."
    )

    @OptionGroup var options: ServerOptions

    @Option(help: .hidden)
    var progressDescriptor: Int32?

    @Flag(help: .hidden)
    var logToFile = false

    func run() async throws {
        try await ClusterServer.run(
            try options.resolved(), progressDescriptor: progressDescriptor, hasLogFile: logToFile
        )
    }
}

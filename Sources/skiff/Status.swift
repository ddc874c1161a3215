internal import ArgumentParser
internal import Cluster

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the health of each part, memory, sizes and certificate dates.",
        discussion: "Ends with code 1 if something is not as it should be."
    )

    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let report = try await StatusReport.make(try instance.lastUsed())
        let width = report.rows.map(\.label.count).max() ?? 0
        for (label, text) in report.rows {
            Terminal.say(label + String(repeating: " ", count: width - label.count + 2) + text)
        }
        if !report.isHealthy { throw ExitCode(1) }
    }
}

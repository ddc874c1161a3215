internal import ArgumentParser
internal import Cluster

/// The command line. Commands parse, call `Cluster`, and print.
@main
struct Skiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skiff", abstract: "Kubernetes in one small process.",
        discussion: "`skiff up` starts a cluster on this machine; then use kubectl. `skiff delete` removes all of it.",
        version: Product.version,
        subcommands: [
            Up.self, Down.self, Delete.self, Status.self, Server.self, Image.self, Version.self,
        ]
    )

    /// Exit codes: 0 good, 1 failed, 2 wrong usage.
    static func main() async {
        do {
            var command = try parseAsRoot()
            do {
                if var asynchronous = command as? any AsyncParsableCommand {
                    try await asynchronous.run()
                } else {
                    try command.run()
                }
            } catch let exit as ExitCode {
                Self.exit(withError: exit)
            } catch  where exitCode(for: error) == .success {
                Self.exit(withError: error)  // `--help` of a subcommand
            } catch {
                Terminal.say(error: "skiff: \(error)")
                Self.exit(withError: ExitCode((error as? ClusterError)?.isWrongUsage == true ? 2 : 1))
            }
        } catch {
            let text = fullMessage(for: error)
            guard exitCode(for: error) != .success else { Self.exit(withError: error) }
            Terminal.say(error: text)
            Self.exit(withError: ExitCode(2))
        }
    }
}

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() {
        Terminal.say("skiff \(Product.version)")
    }
}

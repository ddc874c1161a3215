/// Why Skiff cannot do what was asked. Each text says what was wrong, where, and what to do.
package enum ClusterError: Error, Equatable, CustomStringConvertible {
    /// A flag or the configuration file says something that cannot be.
    case invalidConfiguration(String)
    case notRoot(command: String)
    case portInUse(address: String)
    /// The same for the node agent's own port.
    case kubeletPortInUse(address: String)
    case addressUnusable(address: String, reason: String)
    /// Programs that must be installed, with the Debian packages that hold them.
    case missingPrograms([String], packages: [String])
    case diskFull(directory: String, freeMiB: Int, neededMiB: Int)
    /// The data directory holds something else.
    case foreignDirectory(String)
    case alreadyRunning(pid: Int32, directory: String)
    case notRunning(directory: String)
    case file(operation: String, path: String, reason: String)
    /// The background process ended, or said why it cannot go on.
    case startFailed(reason: String, log: String?)
    case notReady(seconds: Int, log: String)
    case kubeconfig(path: String, reason: String)
    case didNotStop(pid: Int32)

    /// Whether the command was called wrongly, as against not being able to do what it says.
    package var isWrongUsage: Bool {
        if case .invalidConfiguration = self { true } else { false }
    }

    package var description: String {
        switch self {
        case .invalidConfiguration(let text): text
        case .notRoot(let command):
            "`skiff \(command)` must run as root, since it makes containers and networks: try `sudo skiff \(command)`"
        case .portInUse(let address):
            "cannot listen on \(address): another process uses the port; stop it, or choose another with --https-listen-port"
        case .kubeletPortInUse(let address):
            "the node agent cannot listen on \(address): another process uses the port; stop it, or choose another with --kubelet-arg port=NUMBER"
        case .addressUnusable(let address, let reason): "cannot listen on \(address): \(reason); see --bind-address"
        case .missingPrograms(let programs, let packages):
            "not installed: \(programs.joined(separator: ", ")); on Debian run `apt-get install \(packages.joined(separator: " "))`"
        case .diskFull(let directory, let free, let needed):
            "only \(free) MiB are free on the file system of \(directory), Skiff needs \(needed) MiB; make room or choose another --data-dir"
        case .foreignDirectory(let path):
            "\(path) is not empty and was not made by Skiff; choose another --data-dir"
        case .alreadyRunning(let pid, let directory):
            "Skiff is already running on \(directory) (pid \(pid)); see `skiff status`"
        case .notRunning(let directory): "Skiff is not running on \(directory); start it with `skiff up`"
        case .file(let operation, let path, let reason): "\(operation) \(path): \(reason)"
        case .startFailed(let reason, let log): "Skiff did not start: \(reason)" + (log.map { " (log: \($0))" } ?? "")
        case .notReady(let seconds, let log):
            "the node is not Ready after \(seconds) s; Skiff goes on trying, its log is \(log)"
        case .kubeconfig(let path, let reason): "cannot change the kubeconfig \(path): \(reason); it was left as it is"
        case .didNotStop(let pid): "Skiff (pid \(pid)) did not stop; look at its log, then end it with `kill -9 \(pid)`"
        }
    }
}

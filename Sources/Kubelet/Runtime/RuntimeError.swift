/// Why the node has no working container runtime.
package enum RuntimeError: Error, CustomStringConvertible, Sendable {
    /// A program that Debian ships in `package` is not installed.
    case missing(String, package: String)
    /// containerd ended while it started, or did not answer in time.
    case notStarted(reason: String, log: String)
    /// `--container-runtime-endpoint` does not answer.
    case endpointSilent(String)
    /// The file of `--private-registry` cannot be used.
    case registries(path: String, problem: String)

    package var description: String {
        switch self {
        case .missing(let program, let package):
            "\(program) was not found: install it with `apt-get install \(package)`"
        case .notStarted(let reason, let log):
            "containerd did not start: \(reason) (its log is \(log))"
        case .endpointSilent(let endpoint):
            "the container runtime at \(endpoint) does not answer: check --container-runtime-endpoint"
        case .registries(let path, let problem):
            "read \(path): \(problem); see --private-registry"
        }
    }
}

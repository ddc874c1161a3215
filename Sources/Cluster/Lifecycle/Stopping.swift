internal import Glibc
internal import Kubelet
internal import Logging

/// `skiff down` and `skiff delete`.
package enum Stopping {
    /// Stops the server, then its pods with their grace, then containerd. The data stays.
    ///
    /// Returns whether anything was running.
    @discardableResult
    package static func down(_ settings: Configuration, _ report: (String) -> Void) async throws -> Bool {
        try Preflight.requireRoot(for: "down")
        let configuration = try ResolvedConfiguration(settings)
        let instance = RunningInstance(paths: configuration.paths)
        if let instance {
            try instance.stop()
            report("the server has stopped")
        }
        try await teardown(configuration).stopPods()
        rmdir(configuration.paths.runDirectory)
        report("all pods have stopped")
        return instance != nil
    }

    /// Removes everything that Skiff ever made for this data directory. Running it again does no harm.
    package static func delete(_ settings: Configuration, _ report: (String) -> Void) async throws {
        try Preflight.requireRoot(for: "delete")
        let configuration = try ResolvedConfiguration(settings)
        if configuration.paths.isForeign { throw ClusterError.foreignDirectory(configuration.paths.dataDirectory) }
        if let instance = RunningInstance(paths: configuration.paths) {
            try instance.stop()
            report("the server has stopped")
        }
        let teardown = teardown(configuration)
        try await teardown.stopPods()
        try await teardown.remove()
        report("pods, network and runtime are gone")
        try KubeconfigFiles(configuration).removeMerged()
        if !settings.writeKubeconfig.isEmpty { unlink(settings.writeKubeconfig) }
        try Directories.remove(configuration.paths.runDirectory)
        try Directories.remove(configuration.paths.dataDirectory)
        report("\(configuration.paths.dataDirectory) and the kubeconfig entry are gone")
    }

    private static func teardown(_ configuration: ResolvedConfiguration) -> NodeTeardown {
        var logger = Logger(label: "skiff")
        logger.logLevel = .warning
        return NodeTeardown(configuration: configuration.kubelet, logger: logger)
    }
}

/// Where one instance of Skiff keeps its files, and the names it uses on the machine. Everything follows from the data
/// directory, so that several instances live side by side.
package struct Paths: Sendable, Equatable {
    package let dataDirectory: String
    /// Empty for the default data directory, else `-` and eight digits that stand for the directory.
    let suffix: String

    package init(dataDirectory: String) {
        var path = dataDirectory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.dataDirectory = path
        suffix = path == Configuration.defaultDataDirectory ? "" : "-" + Self.digest(path)
    }

    /// FNV-1a: names need to differ, not to resist an attacker.
    private static func digest(_ text: String) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The store's database and lock.
    package var stateDirectory: String { dataDirectory + "/state" }
    /// Certificates and keys.
    package var tlsDirectory: String { dataDirectory + "/tls" }
    /// Manifests of pods that the node runs by itself.
    var staticPodDirectory: String { dataDirectory + "/agent/pod-manifests" }
    package var kubeconfig: String { dataDirectory + "/skiff.kubeconfig" }
    package var log: String { dataDirectory + "/skiff.log" }
    /// The server's process id, for scripts; the lock in the state directory decides whether one runs.
    var pidFile: String { dataDirectory + "/skiff.pid" }
    /// The settings in use.
    var usedConfiguration: String { dataDirectory + "/config.yaml" }
    /// Which kubeconfig of the user's got an entry.
    var mergedKubeconfigs: String { dataDirectory + "/merged-kubeconfigs" }

    /// Whether the data directory, if it is there and not empty, is one of ours. Another one is neither used nor removed.
    var isForeign: Bool {
        let names = Directories.names(in: dataDirectory)
        return !names.isEmpty && !["state", "config.yaml", "skiff.log"].contains(where: names.contains)
    }

    /// Sockets and process ids; a reboot empties it.
    var runDirectory: String { "/run/skiff" + suffix }
    /// Links have names of at most 15 bytes.
    var networkName: String { suffix.isEmpty ? "skiff0" : "sk" + suffix }
    var cgroupRoot: String { "/skiff" + suffix }

    /// Name of cluster, user and context in kubeconfig files.
    package var contextName: String {
        guard !suffix.isEmpty else { return "skiff" }
        return "skiff-" + (dataDirectory.split(separator: "/").last.map(String.init) ?? "") + suffix
    }
}

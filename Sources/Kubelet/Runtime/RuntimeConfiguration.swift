internal import Glibc

/// Where the node's containers live and what their network is.
package struct RuntimeConfiguration: Sendable {
    /// Skiff's data directory: `/var/lib/skiff`.
    package var dataDirectory: String
    /// Sockets and pid files, emptied by a reboot: `/run/skiff`.
    package var runDirectory: String
    /// Path of another runtime's CRI socket (an `unix://` prefix is allowed); `nil` lets Skiff start its own containerd.
    package var externalEndpoint: String?
    /// Addresses of this node's pods: `10.244.0.0/24`.
    package var podCIDR: String
    /// Addresses of the whole cluster's pods, never masqueraded among themselves.
    package var clusterCIDR: String
    /// Addresses of Services, which the node's routes lead to the loopback link.
    package var serviceCIDR: String
    /// The name of the CNI network and of the nftables table. Two instances on one machine need two names.
    package var networkName: String
    /// Mirrors and credentials in k3s's format; need not exist. Only for Skiff's own containerd.
    package var registriesFile: String

    package init(
        dataDirectory: String, runDirectory: String, externalEndpoint: String? = nil, podCIDR: String,
        clusterCIDR: String, serviceCIDR: String = "10.96.0.0/12", networkName: String = "skiff0",
        registriesFile: String = "/etc/skiff/registries.yaml"
    ) {
        self.dataDirectory = dataDirectory
        self.runDirectory = runDirectory
        self.externalEndpoint = externalEndpoint
        self.podCIDR = podCIDR
        self.clusterCIDR = clusterCIDR
        self.serviceCIDR = serviceCIDR
        self.networkName = networkName
        self.registriesFile = registriesFile
    }

    var socketPath: String {
        guard let externalEndpoint else { return runDirectory + "/containerd.sock" }
        return externalEndpoint.hasPrefix("unix://") ? String(externalEndpoint.dropFirst(7)) : externalEndpoint
    }
    /// What keeps containers' files in the runtime; of another's runtime its default.
    var snapshotter: String {
        externalEndpoint != nil || HostAbilities.detect().hasOverlay ? "overlayfs" : "native"
    }
    var pidFile: String { runDirectory + "/containerd.pid" }
    var rootDirectory: String { dataDirectory + "/containerd" }
    var stateDirectory: String { runDirectory + "/containerd" }
    var runcDirectory: String { runDirectory + "/runc" }
    var configurationFile: String { rootDirectory + "/config.toml" }
    var logFile: String { rootDirectory + "/containerd.log" }
    var networkDirectory: String { dataDirectory + "/cni" }
    /// `hosts.toml` files, a directory for each registry.
    var registryDirectory: String { dataDirectory + "/certs.d" }
    /// Container logs, laid out as upstream's `/var/log/pods`.
    package var podLogDirectory: String { dataDirectory + "/pod-logs" }
    /// Directories of local-path volumes.
    package var storageDirectory: String { dataDirectory + "/storage" }
    /// Volumes and other files of each pod, by uid.
    package var podDirectory: String { dataDirectory + "/pods" }

    static let pluginDirectory = "/usr/lib/cni"
}

/// What this machine allows.
struct HostAbilities: Sendable {
    /// Without CAP_SYS_RESOURCE a process's OOM score cannot be lowered.
    let canLowerOOMScore: Bool
    let hasOverlay: Bool

    static func detect() -> HostAbilities {
        let capabilities = FileSystem.text("/proc/self/status")?.split(separator: "\n")
            .first { $0.hasPrefix("CapEff:") }
            .flatMap { UInt64($0.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) }
        let sysResource: UInt64 = 24
        let filesystems = FileSystem.text("/proc/filesystems") ?? ""
        return HostAbilities(
            canLowerOOMScore: capabilities.map { $0 >> sysResource & 1 == 1 } ?? true,
            hasOverlay: filesystems.split(separator: "\n").contains { $0.hasSuffix("overlay") }
        )
    }
}

/// What the node agent is told from outside.
package struct KubeletConfiguration: Sendable {
    package var nodeName: String
    /// The node's own address, where its pods' host ports and the control plane reach it.
    package var nodeAddress: String
    package var runtime: RuntimeConfiguration
    /// Address of the cluster's DNS service.
    package var clusterDNS: String
    /// `cluster.local`.
    package var clusterDomain: String
    /// Sent as `kubeletVersion`.
    package var version: String
    /// Labels that the node gets beside the well-known ones.
    package var labels: [String: String]
    /// Parent of all pods' cgroups; two instances on one machine need two names.
    package var cgroupRoot: String
    /// Where the node's own HTTPS server listens; the port is published in the node's status.
    package var listenAddress: String
    package var port: Int32
    /// Manifests of static pods; need not exist.
    package var staticPodDirectory: String
    /// Resources, evictions, garbage collection and shutdown.
    package var settings: NodeSettings

    package init(
        nodeName: String, nodeAddress: String, runtime: RuntimeConfiguration, clusterDNS: String,
        clusterDomain: String, version: String, labels: [String: String] = [:], cgroupRoot: String = "/skiff",
        listenAddress: String = "0.0.0.0", port: Int32 = 10250, staticPodDirectory: String = "",
        settings: NodeSettings = NodeSettings()
    ) {
        self.nodeName = nodeName
        self.nodeAddress = nodeAddress
        self.runtime = runtime
        self.clusterDNS = clusterDNS
        self.clusterDomain = clusterDomain
        self.version = version
        self.labels = labels
        self.cgroupRoot = cgroupRoot
        self.listenAddress = listenAddress
        self.port = port
        self.staticPodDirectory = staticPodDirectory
        self.settings = settings
    }

    /// Where `Localhost` seccomp profiles lie.
    var seccompDirectory: String { runtime.dataDirectory + "/seccomp" }

    func podDirectory(_ uid: String) -> String { runtime.podDirectory + "/" + uid }

    func logDirectory(namespace: String, name: String, uid: String) -> String {
        runtime.podLogDirectory + "/\(namespace)_\(name)_\(uid)"
    }
}

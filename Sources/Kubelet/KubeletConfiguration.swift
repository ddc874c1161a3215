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
    /// Port of the node's own HTTPS server as published in the node's status; 0 where there is none.
    package var port: Int32
    /// Resources, evictions, garbage collection and shutdown.
    package var settings: NodeSettings

    package init(
        nodeName: String, nodeAddress: String, runtime: RuntimeConfiguration, clusterDNS: String,
        clusterDomain: String, version: String, labels: [String: String] = [:], cgroupRoot: String = "/skiff",
        port: Int32 = 10250, settings: NodeSettings = NodeSettings()
    ) {
        self.nodeName = nodeName
        self.nodeAddress = nodeAddress
        self.runtime = runtime
        self.clusterDNS = clusterDNS
        self.clusterDomain = clusterDomain
        self.version = version
        self.labels = labels
        self.cgroupRoot = cgroupRoot
        self.port = port
        self.settings = settings
    }

    func podDirectory(_ uid: String) -> String { runtime.podDirectory + "/" + uid }

    func logDirectory(namespace: String, name: String, uid: String) -> String {
        runtime.podLogDirectory + "/\(namespace)_\(name)_\(uid)"
    }
}

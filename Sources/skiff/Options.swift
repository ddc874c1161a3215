internal import ArgumentParser
internal import Cluster

/// Which instance a command is about.
struct InstanceOptions: ParsableArguments {
    @Option(help: "Directory of all of Skiff's data (default: \(Configuration.defaultDataDirectory)).")
    var dataDir: String?

    @Option(help: "File with settings; its keys are the flags' names (default: \(Configuration.defaultFile)).")
    var config: String?

    /// What the file says, over the defaults.
    func fromFile() throws -> Configuration {
        var configuration = Configuration()
        try configuration.read(file: config ?? Configuration.defaultFile, isRequired: config != nil)
        if let dataDir { configuration.dataDirectory = Paths(dataDirectory: absolute(dataDir)).dataDirectory }
        return configuration
    }

    /// What the instance was started with, or would be.
    func lastUsed() throws -> Configuration {
        let configuration = try fromFile()
        return try Configuration.lastUsed(dataDirectory: configuration.dataDirectory) ?? configuration
    }
}

/// Everything that `up` and `server` can be told. Names follow k3s.
struct ServerOptions: ParsableArguments {
    @OptionGroup var instance: InstanceOptions

    @Option(help: "Address to listen on (default: 0.0.0.0).")
    var bindAddress: String?

    @Option(help: "Port of the Kubernetes API (default: 6443).")
    var httpsListenPort: Int?

    @Option(help: "Name of this node (default: the host name).")
    var nodeName: String?

    @Option(help: "Address of this node (default: that of the default route).")
    var nodeIp: String?

    @Option(help: "Addresses of pods (default: 10.244.0.0/16).")
    var clusterCidr: String?

    @Option(help: "Addresses of services (default: 10.96.0.0/12).")
    var serviceCidr: String?

    @Option(help: "Ports of NodePort services (default: 30000-32767).")
    var serviceNodePortRange: String?

    @Option(help: "Address of the cluster's DNS (default: the tenth of the services').")
    var clusterDns: String?

    @Option(help: "DNS domain of the cluster (default: cluster.local).")
    var clusterDomain: String?

    @Option(help: "Another name or address for the server's certificate; can be repeated.")
    var tlsSan: [String] = []

    @Option(help: "Where the cluster's own kubeconfig goes (default: skiff.kubeconfig in the data directory).")
    var writeKubeconfig: String?

    @Option(help: "Mode of that file (default: 600).")
    var writeKubeconfigMode: String?

    @Option(help: "CRI socket of a container runtime to use instead of starting containerd.")
    var containerRuntimeEndpoint: String?

    @Option(help: "Registries' mirrors and credentials (default: /etc/skiff/registries.yaml).")
    var privateRegistry: String?

    @Flag(help: "Run no containers on this machine.")
    var disableAgent = false

    @Option(help: "A setting of the kubelet, such as eviction-hard=memory.available<100Mi; can be repeated.")
    var kubeletArg: [String] = []

    @Option(help: "trace, debug, info, notice, warning, error or critical (default: info).")
    var logLevel: String?

    @Option(help: "File with the policy of the audit log (default: nothing is audited).")
    var auditPolicyFile: String?

    @Option(help: "File of the audit log; - for standard output (default: none).")
    var auditLogPath: String?

    @Option(name: .customLong("audit-log-maxage"), help: "Days that old audit logs are kept (default: 0, for ever).")
    var auditLogMaxAge: Int?

    @Option(name: .customLong("audit-log-maxbackup"), help: "Old audit logs that are kept (default: 0, all).")
    var auditLogMaxBackup: Int?

    @Option(name: .customLong("audit-log-maxsize"), help: "Megabytes of an audit log (default: 100).")
    var auditLogMaxSize: Int?

    /// Defaults, then the file, then the flags.
    func resolved() throws -> Configuration {
        var result = try instance.fromFile()
        func set<Value>(_ path: WritableKeyPath<Configuration, Value>, _ value: Value?) {
            if let value { result[keyPath: path] = value }
        }
        set(\.bindAddress, bindAddress)
        set(\.httpsListenPort, httpsListenPort)
        set(\.nodeName, nodeName)
        set(\.nodeIP, nodeIp)
        set(\.clusterCIDR, clusterCidr)
        set(\.serviceCIDR, serviceCidr)
        set(\.serviceNodePortRange, serviceNodePortRange)
        set(\.clusterDNS, clusterDns)
        set(\.clusterDomain, clusterDomain)
        result.tlsSANs += tlsSan
        set(\.writeKubeconfig, writeKubeconfig.map(absolute))
        set(\.writeKubeconfigMode, writeKubeconfigMode)
        set(\.containerRuntimeEndpoint, containerRuntimeEndpoint)
        set(\.privateRegistry, privateRegistry.map(absolute))
        if disableAgent { result.disableAgent = true }
        result.kubeletArguments += kubeletArg
        set(\.logLevel, logLevel)
        set(\.auditPolicyFile, auditPolicyFile.map(absolute))
        set(\.auditLogPath, auditLogPath.map { $0 == "-" ? $0 : absolute($0) })
        set(\.auditLogMaxAge, auditLogMaxAge)
        set(\.auditLogMaxBackup, auditLogMaxBackup)
        set(\.auditLogMaxSize, auditLogMaxSize)
        return result
    }
}

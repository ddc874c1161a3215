/// What a Skiff server is told by flags and by its configuration file. Names are those of the flags.
package struct Configuration: Sendable, Equatable {
    package static let defaultDataDirectory = "/var/lib/skiff"
    package static let defaultFile = "/etc/skiff/config.yaml"

    package var dataDirectory = Configuration.defaultDataDirectory
    package var bindAddress = "0.0.0.0"
    package var httpsListenPort = 6443
    /// Empty: the machine's host name.
    package var nodeName = ""
    /// Empty: the address of the machine's default route.
    package var nodeIP = ""
    package var clusterCIDR = "10.244.0.0/16"
    package var serviceCIDR = "10.96.0.0/12"
    package var serviceNodePortRange = "30000-32767"
    /// Empty: the tenth address of `serviceCIDR`.
    package var clusterDNS = ""
    package var clusterDomain = "cluster.local"
    /// More names and addresses for the server's certificate.
    package var tlsSANs: [String] = []
    /// Where the cluster's own kubeconfig goes; empty: `skiff.kubeconfig` in the data directory.
    package var writeKubeconfig = ""
    package var writeKubeconfigMode = "600"
    /// CRI socket of a runtime that runs already; empty: Skiff starts its own containerd.
    package var containerRuntimeEndpoint = ""
    package var privateRegistry = "/etc/skiff/registries.yaml"
    package var disableAgent = false
    /// Settings of the node agent, `NAME=VALUE` with the names of the kubelet's flags.
    package var kubeletArguments: [String] = []
    package var logLevel = "info"
    /// Which requests are written down, and how much of them; empty: none.
    package var auditPolicyFile = ""
    /// Where they are written; `-` for standard output, empty for nowhere.
    package var auditLogPath = ""
    /// Days, files and megabytes of the audit log; 0 for upstream's defaults.
    package var auditLogMaxAge = 0
    package var auditLogMaxBackup = 0
    package var auditLogMaxSize = 0

    package init() {}

    /// One setting: its flag, which is also its key in the file.
    struct Setting: Sendable {
        let name: String
        let kind: Kind

        enum Kind: Sendable {
            case text(any WritableKeyPath<Configuration, String> & Sendable)
            case number(any WritableKeyPath<Configuration, Int> & Sendable)
            case list(any WritableKeyPath<Configuration, [String]> & Sendable)
            case toggle(any WritableKeyPath<Configuration, Bool> & Sendable)
        }
    }

    static let settings: [Setting] = [
        Setting(name: "data-dir", kind: .text(\.dataDirectory)),
        Setting(name: "bind-address", kind: .text(\.bindAddress)),
        Setting(name: "https-listen-port", kind: .number(\.httpsListenPort)),
        Setting(name: "node-name", kind: .text(\.nodeName)),
        Setting(name: "node-ip", kind: .text(\.nodeIP)),
        Setting(name: "cluster-cidr", kind: .text(\.clusterCIDR)),
        Setting(name: "service-cidr", kind: .text(\.serviceCIDR)),
        Setting(name: "service-node-port-range", kind: .text(\.serviceNodePortRange)),
        Setting(name: "cluster-dns", kind: .text(\.clusterDNS)),
        Setting(name: "cluster-domain", kind: .text(\.clusterDomain)),
        Setting(name: "tls-san", kind: .list(\.tlsSANs)),
        Setting(name: "write-kubeconfig", kind: .text(\.writeKubeconfig)),
        Setting(name: "write-kubeconfig-mode", kind: .text(\.writeKubeconfigMode)),
        Setting(name: "container-runtime-endpoint", kind: .text(\.containerRuntimeEndpoint)),
        Setting(name: "private-registry", kind: .text(\.privateRegistry)),
        Setting(name: "disable-agent", kind: .toggle(\.disableAgent)),
        Setting(name: "kubelet-arg", kind: .list(\.kubeletArguments)),
        Setting(name: "log-level", kind: .text(\.logLevel)),
        Setting(name: "audit-policy-file", kind: .text(\.auditPolicyFile)),
        Setting(name: "audit-log-path", kind: .text(\.auditLogPath)),
        Setting(name: "audit-log-maxage", kind: .number(\.auditLogMaxAge)),
        Setting(name: "audit-log-maxbackup", kind: .number(\.auditLogMaxBackup)),
        Setting(name: "audit-log-maxsize", kind: .number(\.auditLogMaxSize)),
    ]

    /// The settings that differ from the defaults, as flags: what a background process is started with.
    package var flags: [String] {
        let defaults = Configuration()
        var flags: [String] = []
        for setting in Self.settings {
            switch setting.kind {
            case .text(let path):
                if self[keyPath: path] != defaults[keyPath: path] {
                    flags += ["--" + setting.name, self[keyPath: path]]
                }
            case .number(let path):
                if self[keyPath: path] != defaults[keyPath: path] {
                    flags += ["--" + setting.name, "\(self[keyPath: path])"]
                }
            case .list(let path): flags += self[keyPath: path].flatMap { ["--" + setting.name, $0] }
            case .toggle(let path): if self[keyPath: path] { flags.append("--" + setting.name) }
            }
        }
        return flags
    }
}

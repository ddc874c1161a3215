internal import APIMachinery
internal import CRI
internal import KubeAPI

/// Turns a pod into what the runtime needs to make its sandbox.
struct SandboxConfigBuilder: Sendable {
    let configuration: KubeletConfiguration

    func build(_ pod: Pod, attempt: UInt32) throws(ConfigurationError) -> CRIPodSandboxConfig {
        var config = CRIPodSandboxConfig()
        let namespace = pod.metadata.namespace ?? ""
        let uid = pod.metadata.uid ?? ""
        config.metadata.name = pod.metadata.name ?? ""
        config.metadata.namespace = namespace
        config.metadata.uid = uid
        config.metadata.attempt = attempt
        let usesHostNetwork = pod.spec.hostNetwork ?? false
        if !usesHostNetwork { config.hostname = try kernelName(pod) }
        config.logDirectory = configuration.logDirectory(
            namespace: namespace, name: pod.metadata.name ?? "", uid: uid
        )
        config.dnsConfig = dns(pod)
        config.labels = pod.metadata.labels.merging(RuntimeLabels.labels(of: pod)) { _, ours in ours }
        config.annotations = pod.metadata.annotations
        config.annotations[RuntimeLabels.priority] = String(pod.spec.priority ?? 0)
        config.annotations[RuntimeLabels.gracePeriod] = String(pod.spec.terminationGracePeriodSeconds ?? 30)
        config.linux.cgroupParent = PodGroups.path(of: pod, root: configuration.cgroupRoot)
        config.linux.resources = Self.resources(PodFacts.requests(pod), PodFacts.limits(pod))
        config.linux.overhead = Self.resources(pod.spec.overhead, pod.spec.overhead)
        config.linux.securityContext = security(pod)
        for sysctl in pod.spec.securityContext?.sysctls ?? [] {
            config.linux.sysctls[Sysctls.normal(sysctl.name)] = sysctl.value
        }
        for container in pod.allContainers {
            for port in container.ports {
                guard let hostPort = port.hostPort, hostPort > 0, !usesHostNetwork else { continue }
                var mapping = CRIPortMapping()
                mapping.containerPort = port.containerPort
                mapping.hostPort = hostPort
                mapping.hostIp = port.hostIP ?? ""
                mapping.protocol = port.protocol == "UDP" ? .udp : port.protocol == "SCTP" ? .sctp : .tcp
                config.portMappings.append(mapping)
            }
        }
        return config
    }

    /// At most 63 bytes, as Linux has it.
    static func hostname(_ pod: Pod) -> String {
        if let whole = pod.spec.hostnameOverride { return whole }
        let own = pod.spec.hostname ?? ""
        let wanted = own.isEmpty ? pod.metadata.name ?? "" : own
        var name = String(wanted.prefix(63))
        while name.hasSuffix("-") || name.hasSuffix(".") { name.removeLast() }
        return name
    }

    /// `SUBDOMAIN.NAMESPACE.svc.cluster.local`; empty without a subdomain.
    static func domain(_ pod: Pod, _ clusterDomain: String) -> String {
        guard let subdomain = pod.spec.subdomain, !subdomain.isEmpty, pod.spec.hostnameOverride == nil else {
            return ""
        }
        return "\(subdomain).\(pod.metadata.namespace ?? "").svc.\(clusterDomain)"
    }

    private static let kernelNameMax = 64

    /// What `uname -n` says in the pod.
    private func kernelName(_ pod: Pod) throws(ConfigurationError) -> String {
        let (host, domain) = (Self.hostname(pod), Self.domain(pod, configuration.clusterDomain))
        guard pod.spec.setHostnameAsFQDN == true, !domain.isEmpty else { return host }
        let full = host + "." + domain
        guard full.utf8.count <= Self.kernelNameMax else {
            throw ConfigurationError(
                "failed to construct FQDN from pod hostname and cluster domain, FQDN \(full) is too long "
                    + "(\(Self.kernelNameMax) characters is the max, \(full.utf8.count) characters requested)")
        }
        return full
    }

    /// For runtimes that give each pod a machine of its own size.
    private static func resources(
        _ requests: [String: Quantity], _ limits: [String: Quantity]
    ) -> CRILinuxContainerResources {
        var resources = CRILinuxContainerResources()
        if let cpu = requests["cpu"] { resources.cpuShares = ControlGroupLimits.shares(milliCPU: cpu.milliValue) }
        if let cpu = limits["cpu"], !cpu.isZero {
            resources.cpuPeriod = 100_000
            resources.cpuQuota = ControlGroupLimits.quota(milliCPU: cpu.milliValue)
        }
        resources.memoryLimitInBytes = limits["memory"]?.value ?? 0
        return resources
    }

    static func namespaces(_ pod: Pod) -> CRINamespaceOption {
        var options = CRINamespaceOption()
        options.network = pod.spec.hostNetwork == true ? .node : .pod
        options.ipc = pod.spec.hostIPC == true ? .node : .pod
        options.pid = pod.spec.hostPID == true ? .node : pod.spec.shareProcessNamespace == true ? .pod : .container
        return options
    }

    private func security(_ pod: Pod) -> CRILinuxSandboxSecurityContext {
        var security = CRILinuxSandboxSecurityContext()
        security.namespaceOptions = Self.namespaces(pod)
        security.privileged = pod.allContainers.contains { $0.securityContext?.privileged == true }
        security.seccomp.profileType = .runtimeDefault
        guard let context = pod.spec.securityContext else { return security }
        if let user = context.runAsUser {
            security.runAsUser.value = user
            if let group = context.runAsGroup { security.runAsGroup.value = group }
        }
        security.supplementalGroups = context.supplementalGroups + (context.fsGroup.map { [$0] } ?? [])
        return security
    }

    /// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
    private func dns(_ pod: Pod) -> CRIDNSConfig {
        var dns = unboundedDNS(pod)
        dns.servers = Array(dns.servers.prefix(Self.serversMax))
        dns.searches = Self.fitting(dns.searches)
        return dns
    }

    private static let serversMax = 3
    private static let searchesMax = 32
    private static let searchCharactersMax = 2048

    private static func fitting(_ searches: [String]) -> [String] {
        var length = -1
        return Array(
            searches.prefix(searchesMax).prefix { search in
                length += search.count + 1
                return length <= searchCharactersMax
            })
    }

    /// What of the pod's resolver configuration had to be left out.
    func warnings(_ pod: Pod) -> [String] {
        let wanted = unboundedDNS(pod)
        var warnings: [String] = []
        if wanted.servers.count > Self.serversMax {
            warnings.append(
                "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: "
                    + wanted.servers.prefix(Self.serversMax).joined(separator: " "))
        }
        let fitting = Self.fitting(wanted.searches)
        if fitting.count < wanted.searches.count {
            warnings.append(
                "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: "
                    + fitting.joined(separator: " "))
        }
        return warnings
    }

    private func unboundedDNS(_ pod: Pod) -> CRIDNSConfig {
        var dns = CRIDNSConfig()
        let namespace = pod.metadata.namespace ?? ""
        let domain = configuration.clusterDomain
        let policy = pod.spec.dnsPolicy ?? "ClusterFirst"
        let usesCluster =
            policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && pod.spec.hostNetwork != true)
        if policy != "None" {
            let host = HostResolver.read()
            if usesCluster {
                dns.servers = [configuration.clusterDNS]
                dns.searches = ["\(namespace).svc.\(domain)", "svc.\(domain)", domain] + host.searches
                dns.options = ["ndots:5"]
            } else {
                dns.servers = host.servers
                dns.searches = host.searches
                dns.options = host.options
            }
        }
        guard let extra = pod.spec.dnsConfig else { return dns }
        dns.servers = Self.unique(dns.servers + extra.nameservers)
        dns.searches = Self.unique(dns.searches + extra.searches)
        for option in extra.options {
            guard let name = option.name else { continue }
            dns.options.removeAll { $0 == name || $0.hasPrefix(name + ":") }
            dns.options.append(option.value.map { "\(name):\($0)" } ?? name)
        }
        return dns
    }

    private static func unique(_ values: [String]) -> [String] {
        var seen: Set<String> = []
        return values.filter { seen.insert($0).inserted }
    }
}

/// The node's own `/etc/resolv.conf`.
package struct HostResolver: Sendable, Equatable {
    package var servers: [String] = []
    var searches: [String] = []
    var options: [String] = []

    /// A small local file, so reading it in place does no harm.
    package static func read(_ path: String = "/etc/resolv.conf") -> HostResolver {
        HostResolver(parsing: FileSystem.text(path) ?? "")
    }

    init(parsing text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard let keyword = words.first else { continue }
            switch keyword {
            case "nameserver": servers += words.dropFirst().prefix(1)
            case "search", "domain": searches = Array(words.dropFirst())
            case "options": options += words.dropFirst()
            default: break
            }
        }
    }
}

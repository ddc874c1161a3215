internal import APIMachinery
internal import Glibc
internal import Kubelet

/// A configuration whose every value has been looked at: what the parts are built from.
struct ResolvedConfiguration: Sendable {
    let settings: Configuration
    let paths: Paths
    let nodeName: String
    let nodeIP: String
    let podCIDR: String
    /// The address of the `kubernetes` Service.
    let apiServiceIP: String
    /// The address of the cluster's DNS.
    let clusterDNS: String
    let nodePorts: ClosedRange<Int>
    let kubeconfigMode: UInt32
    let nodeSettings: NodeSettings

    init(_ settings: Configuration) throws(ClusterError) {
        self.settings = settings
        paths = Paths(dataDirectory: settings.dataDirectory)
        guard settings.dataDirectory.hasPrefix("/"), settings.dataDirectory.utf8.count < 200,
            settings.dataDirectory != "/"
        else { throw Self.invalid("data-dir", settings.dataDirectory, "an absolute path of a directory") }
        guard (1...65_535).contains(settings.httpsListenPort) else {
            throw Self.invalid("https-listen-port", "\(settings.httpsListenPort)", "a port from 1 to 65535")
        }
        nodeName = settings.nodeName.isEmpty ? HostFacts.name : settings.nodeName
        guard NameValidation.dns1123Subdomain(nodeName).isEmpty else {
            throw Self.invalid("node-name", nodeName, "a lower-case DNS name")
        }
        nodeIP = settings.nodeIP.isEmpty ? HostFacts.address : settings.nodeIP
        guard AddressRange.address(nodeIP) != nil else { throw Self.invalid("node-ip", nodeIP, "an IPv4 address") }
        guard let cluster = AddressRange(settings.clusterCIDR), cluster.prefixLength <= 24 else {
            throw Self.invalid(
                "cluster-cidr", settings.clusterCIDR, "an IPv4 range of at least 256 addresses, such as 10.244.0.0/16")
        }
        guard let service = AddressRange(settings.serviceCIDR), service.prefixLength <= 28 else {
            throw Self.invalid(
                "service-cidr", settings.serviceCIDR, "an IPv4 range of at least 16 addresses, such as 10.96.0.0/12")
        }
        guard !cluster.overlaps(service) else {
            throw Self.invalid("service-cidr", settings.serviceCIDR, "a range apart from the pods' \(cluster)")
        }
        clusterDNS = settings.clusterDNS.isEmpty ? service.address(10) : settings.clusterDNS
        guard let dns = AddressRange.address(clusterDNS), service.contains(dns) else {
            throw Self.invalid("cluster-dns", settings.clusterDNS, "an address within \(service)")
        }
        podCIDR = cluster.firstSubrange(prefixLength: 24).description
        apiServiceIP = service.address(1)
        let ports = settings.serviceNodePortRange.split(separator: "-").compactMap { Int($0) }
        guard ports.count == 2, ports[0] >= 1, ports[0] <= ports[1], ports[1] <= 65_535 else {
            throw Self.invalid(
                "service-node-port-range", settings.serviceNodePortRange, "two ports, such as 30000-32767")
        }
        nodePorts = ports[0]...ports[1]
        guard let mode = UInt32(settings.writeKubeconfigMode, radix: 8), mode <= 0o777 else {
            throw Self.invalid("write-kubeconfig-mode", settings.writeKubeconfigMode, "an octal file mode, such as 600")
        }
        kubeconfigMode = mode
        do {
            nodeSettings = try NodeSettings(arguments: settings.kubeletArguments)
        } catch {
            throw .invalidConfiguration(error.description)
        }
        guard settings.disableAgent || kubeletPort != settings.httpsListenPort else {
            throw .invalidConfiguration(
                "--kubelet-arg port=\(kubeletPort): the API server listens there (--https-listen-port)")
        }
        guard kubeletAddress == settings.bindAddress || AddressRange.address(kubeletAddress) != nil else {
            throw Self.invalid("kubelet-arg address", kubeletAddress, "an IPv4 address")
        }
        guard ["trace", "debug", "info", "notice", "warning", "error", "critical"].contains(settings.logLevel) else {
            throw Self.invalid(
                "log-level", settings.logLevel, "one of trace, debug, info, notice, warning, error, critical")
        }
    }

    private static func invalid(_ flag: String, _ value: String, _ wanted: String) -> ClusterError {
        .invalidConfiguration("--\(flag) is \"\(value)\"; it must be \(wanted)")
    }

    /// Where clients on this machine reach the API.
    var localAddress: String {
        ["0.0.0.0", "::", ""].contains(settings.bindAddress) ? "127.0.0.1" : settings.bindAddress
    }

    var serverURL: String {
        let host = localAddress.utf8.contains(UInt8(ascii: ":")) ? "[\(localAddress)]" : localAddress
        return "https://\(host):\(settings.httpsListenPort)"
    }

    /// The cluster's own kubeconfig, always there while the data is.
    var ownKubeconfig: String { settings.writeKubeconfig.isEmpty ? paths.kubeconfig : settings.writeKubeconfig }
}

/// What the machine calls itself.
enum HostFacts {
    static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).lowercased()
        return name.isEmpty ? "localhost" : name
    }

    /// The address that packets to other networks carry as their source; loopback on a machine without network.
    static var address: String {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return "127.0.0.1" }
        defer { close(descriptor) }
        // Connecting a datagram socket sends nothing; it only looks up the route (an address of RFC 5737).
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = UInt16(9).bigEndian
        peer.sin_addr.s_addr = UInt32(0xc000_0201).bigEndian
        var own = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isRouted = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
        }
        guard isRouted else { return firstInterfaceAddress ?? "127.0.0.1" }
        let isKnown = withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) == 0 }
        }
        return isKnown ? AddressRange.text(UInt32(bigEndian: own.sin_addr.s_addr)) : "127.0.0.1"
    }

    /// Without a default route: the first address of a link that is up and not the loopback.
    private static var firstInterfaceAddress: String? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, Int32(address.pointee.sa_family) == AF_INET,
                entry.ifa_flags & UInt32(IFF_UP) != 0, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0
            else { continue }
            let found = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
            return AddressRange.text(UInt32(bigEndian: found))
        }
        return nil
    }
}

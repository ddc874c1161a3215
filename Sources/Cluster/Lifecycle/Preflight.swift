internal import Glibc
internal import Kubelet

/// What must be true before anything is started or written. Every check names its remedy.
enum Preflight {
    /// A start needs room for images' and pods' files.
    static let freeMiBMin = 100

    static func requireRoot(for command: String) throws(ClusterError) {
        if getuid() != 0 { throw .notRoot(command: command) }
    }

    static func check(_ configuration: ResolvedConfiguration) throws(ClusterError) {
        if let instance = RunningInstance(paths: configuration.paths), !instance.isEnding() {
            throw .alreadyRunning(pid: instance.pid, directory: configuration.paths.dataDirectory)
        }
        if configuration.paths.isForeign { throw .foreignDirectory(configuration.paths.dataDirectory) }
        if !configuration.settings.disableAgent {
            try requirePrograms(isRuntimeOurs: configuration.settings.containerRuntimeEndpoint.isEmpty)
        }
        try requireRegistries(configuration)
        try requireSpace(configuration.paths.dataDirectory)
        try requirePort(configuration.settings.bindAddress, configuration.settings.httpsListenPort)
        guard !configuration.settings.disableAgent else { return }
        do {
            try requirePort(configuration.kubeletAddress, configuration.kubeletPort)
        } catch .portInUse(let address) {
            throw .kubeletPortInUse(address: address)
        }
    }

    private static func requireRegistries(_ configuration: ResolvedConfiguration) throws(ClusterError) {
        do {
            _ = try PrivateRegistries(path: configuration.settings.privateRegistry)
        } catch {
            throw .invalidConfiguration("\(error)")
        }
    }

    private static func requirePrograms(isRuntimeOurs: Bool) throws(ClusterError) {
        guard isRuntimeOurs else { return }
        let needed: [(name: String, paths: [String], package: String)] = [
            ("containerd", programs("containerd"), "containerd"), ("ctr", programs("ctr"), "containerd"),
            ("runc", programs("runc"), "runc"),
            ("CNI plugins", ["/usr/lib/cni/ptp"], "containernetworking-plugins"),
            ("nft", programs("nft"), "nftables"), ("conntrack", programs("conntrack"), "conntrack"),
            ("catatonit", programs("catatonit") + ["/bin/busybox"], "catatonit"),
        ]
        let missing = needed.filter { need in !need.paths.contains { access($0, X_OK) == 0 } }
        if missing.isEmpty { return }
        var packages: [String] = []
        for need in missing where !packages.contains(need.package) { packages.append(need.package) }
        throw .missingPrograms(missing.map(\.name), packages: packages)
    }

    private static func programs(_ name: String) -> [String] {
        ["/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/libexec/podman/"]
            .map { $0 + name }
    }

    private static func requireSpace(_ directory: String) throws(ClusterError) {
        var facts = statvfs()
        var path = directory
        // The directory may not exist yet: its nearest parent lies on the same file system.
        while statvfs(path, &facts) != 0 {
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
            path = String(path[..<slash])
        }
        let free = (Int(facts.f_bavail) * Int(facts.f_frsize)) >> 20
        if free < freeMiBMin { throw .diskFull(directory: directory, freeMiB: free, neededMiB: freeMiBMin) }
    }

    /// Binds and lets go. The server binds again; between the two somebody else may, and then the server says so.
    private static func requirePort(_ address: String, _ port: Int) throws(ClusterError) {
        let name = "\(address):\(port)"
        guard AddressRange.address(address) != nil else { return }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        own.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, address, &own.sin_addr)
        let isBound = withUnsafePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(descriptor, 1) == 0
            }
        }
        guard !isBound else { return }
        if errno == EADDRINUSE { throw .portInUse(address: name) }
        throw .addressUnusable(address: name, reason: String(cString: strerror(errno)))
    }
}

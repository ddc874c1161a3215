internal import Glibc
internal import PKI
internal import Testing

@testable internal import Cluster

/// A directory under the temporary one that goes away with its owner.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/skiff-cluster-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        path = try #require(made)
    }

    deinit {
        try? Directories.remove(path)
    }
}

@Suite struct `Server configuration` {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func write(_ text: String) throws -> String {
        let path = directory.path + "/config.yaml"
        try PrivateFile.write(Array(text.utf8), to: path)
        return path
    }

    @Test func `is read from a file with the flags' names`() throws {
        let path = try write(
            "https-listen-port: 7443\ntls-san: [a.example, 10.1.2.3]\ndisable-agent: true\nnode-name: n1\n")
        var configuration = Configuration()
        try configuration.read(file: path, isRequired: true)
        #expect(configuration.httpsListenPort == 7443)
        #expect(configuration.tlsSANs == ["a.example", "10.1.2.3"])
        #expect(configuration.disableAgent)
        #expect(configuration.nodeName == "n1")
    }

    @Test func `survives the file that it is kept in`() throws {
        var configuration = Configuration()
        configuration.httpsListenPort = 7000
        configuration.tlsSANs = ["x"]
        configuration.clusterCIDR = "10.99.0.0/16"
        let path = try write(configuration.yaml)
        var read = Configuration()
        try read.read(file: path, isRequired: true)
        #expect(read == configuration)
    }

    @Test(arguments: [
        ("colour: blue", "unknown setting colour"), ("https-listen-port: [1]", "https-listen-port cannot be [1]"),
        ("- a", "the file must hold keys and values"), ("a: [", "yaml:"),
    ])
    func `names what is wrong in the file`(text: String, expected: String) throws {
        let path = try write(text)
        let error = #expect(throws: ClusterError.self) {
            var configuration = Configuration()
            try configuration.read(file: path, isRequired: true)
        }
        #expect(error?.description.contains(path) == true)
        #expect(error?.description.contains(expected) == true)
    }

    @Test func `may have no file unless one is named`() throws {
        var configuration = Configuration()
        try configuration.read(file: directory.path + "/none", isRequired: false)
        #expect(throws: ClusterError.self) { try configuration.read(file: directory.path + "/none", isRequired: true) }
    }

    @Test func `turns into the flags that make it`() {
        var configuration = Configuration()
        #expect(configuration.flags == [])
        configuration.dataDirectory = "/tmp/x"
        configuration.tlsSANs = ["a", "b"]
        configuration.disableAgent = true
        #expect(configuration.flags == ["--data-dir", "/tmp/x", "--tls-san", "a", "--tls-san", "b", "--disable-agent"])
    }

    @Test(
        arguments: [
            (\Configuration.clusterCIDR, "10.244.0.0", "cluster-cidr"),
            (\.serviceCIDR, "10.244.128.0/20", "service-cidr"),
            (\.clusterDNS, "10.1.1.1", "cluster-dns"), (\.nodeName, "Not_A_Name", "node-name"),
            (\.nodeIP, "300.1.1.1", "node-ip"), (\.serviceNodePortRange, "5-", "service-node-port-range"),
            (\.writeKubeconfigMode, "rw", "write-kubeconfig-mode"), (\.logLevel, "loud", "log-level"),
            (\.dataDirectory, "relative", "data-dir"),
        ] as [(any WritableKeyPath<Configuration, String> & Sendable, String, String)])
    func `is refused with the flag that is wrong`(
        path: any WritableKeyPath<Configuration, String> & Sendable, value: String, flag: String
    ) {
        var configuration = Configuration()
        configuration[keyPath: path] = value
        let error = #expect(throws: ClusterError.self) { try ResolvedConfiguration(configuration) }
        #expect(error?.description.hasPrefix("--\(flag) is \"\(value)\"; it must be ") == true)
    }

    @Test func `gives two instances different names on the machine`() throws {
        let first = Paths(dataDirectory: "/var/lib/skiff/")
        let second = Paths(dataDirectory: "/srv/other")
        #expect(first.runDirectory == "/run/skiff")
        #expect(first.networkName == "skiff0")
        #expect(first.contextName == "skiff")
        #expect(second.runDirectory != first.runDirectory)
        #expect(second.networkName.utf8.count <= 15)
        #expect(second.contextName.hasPrefix("skiff-other-"))
    }

    @Test func `gives the only node the first pods' addresses`() throws {
        var settings = Configuration()
        settings.nodeName = "n"
        settings.nodeIP = "192.0.2.1"
        let configuration = try ResolvedConfiguration(settings)
        #expect(configuration.podCIDR == "10.244.0.0/24")
        #expect(configuration.apiServiceIP == "10.96.0.1")
        #expect(configuration.clusterDNS == "10.96.0.10")
        #expect(configuration.serverURL == "https://127.0.0.1:6443")
    }
}

@Suite struct `Preflight checks` {
    @Test func `finds a port that is taken before anything is made`() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port =
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, size) == 0 && listen(descriptor, 1) == 0
                        && getsockname(descriptor, pointer, &size) == 0
                }
            } ? Int(UInt16(bigEndian: address.sin_port)) : 0
        try #require(port > 0)

        var settings = Configuration()
        settings.dataDirectory = "/tmp/skiff-preflight-\(getpid())"
        settings.bindAddress = "127.0.0.1"
        settings.httpsListenPort = port
        settings.nodeName = "n"
        settings.disableAgent = true
        let configuration = try ResolvedConfiguration(settings)
        #expect(throws: ClusterError.portInUse(address: "127.0.0.1:\(port)")) { try Preflight.check(configuration) }
        #expect(!Directories.exist(settings.dataDirectory))
    }
}

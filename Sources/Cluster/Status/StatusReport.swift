internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import PKI
internal import Transport

/// What `skiff status` shows: one screen about one instance.
package struct StatusReport: Sendable {
    /// A label and what there is to say, a row each.
    package private(set) var rows: [(label: String, text: String)] = []
    /// Whether the server runs, is ready, and its node too.
    package private(set) var isHealthy = false

    /// Looks at processes and files, and asks the API server if it runs.
    package static func make(_ settings: Configuration) async throws(ClusterError) -> StatusReport {
        let configuration = try ResolvedConfiguration(settings)
        try Preflight.requireRoot(for: "status")
        var report = StatusReport()
        let instance = RunningInstance(paths: configuration.paths)
        report.addProcess(instance)
        if instance != nil { await report.addAPI(configuration) }
        report.addFiles(configuration)
        return report
    }

    private mutating func add(_ label: String, _ text: String) {
        rows.append((label, text))
    }

    private mutating func addProcess(_ instance: RunningInstance?) {
        guard let instance else { return add("skiff", "\(Product.version), not running; start it with `skiff up`") }
        let uptime = instance.uptimeSeconds.map { ", up " + Self.text(seconds: Int($0)) } ?? ""
        add(
            "skiff",
            "\(Product.version), pid \(instance.pid)\(uptime), \(Self.text(bytes: instance.residentBytes)) resident")
    }

    // MARK: Through the API

    private mutating func addAPI(_ configuration: ResolvedConfiguration) async {
        let client: HTTPClient
        do {
            client = try Self.makeClient(configuration)
        } catch {
            return add("API server", "\(error)")
        }
        defer { client.shutdown() }
        do {
            let reply = try await client.send(HTTPClientRequest(target: "/readyz?verbose"))
            let failed = String(decoding: reply.body, as: UTF8.self).split(separator: "\n")
                .filter { $0.hasPrefix("[-]") }.compactMap {
                    $0.dropFirst(3).split(separator: " ").first.map(String.init)
                }
            let health = reply.status == 200 ? "ready" : "not ready: " + failed.joined(separator: ", ")
            add("API server", "\(configuration.serverURL), \(health)")
            isHealthy = reply.status == 200
            try await addObjects(Client(transport: HTTPSTransport(client: client), userAgent: "skiff-status"))
        } catch {
            isHealthy = false
            add("API server", "\(configuration.serverURL) does not answer: \(error)")
        }
    }

    private static func makeClient(_ configuration: ResolvedConfiguration) throws -> HTTPClient {
        let credentials = try Credentials(configuration)
        let admin = try credentials.adminCertificate()
        let tls = try TLSClientContext(
            serverCAsPEM: credentials.ca.certificatePEM, certificateChainPEM: admin.certificatePEM,
            privateKeyPEM: admin.privateKeyPEM
        )
        let address = HTTPAddress.tcp(host: configuration.localAddress, port: configuration.settings.httpsListenPort)
        var settings = HTTPClient.Configuration(address: address, tls: tls)
        settings.connectTimeout = .seconds(2)
        settings.responseTimeout = .seconds(5)
        return HTTPClient(settings)
    }

    private mutating func addObjects(_ client: Client) async throws(APIError) {
        for node in try await client.list(Node.self).items {
            let ready = node.status.conditions.first { $0.type == NodeConditionType.ready }
            let isReady = ready?.status == ConditionStatus.true
            if !isReady { isHealthy = false }
            let address = node.status.addresses.first { $0.type == NodeAddressType.internalIP }?.address ?? ""
            let health = isReady ? "Ready" : "NotReady: " + (ready?.message ?? "it has not reported")
            let port = node.status.daemonEndpoints.kubeletEndpoint.Port
            add("node", "\(node.metadata.name ?? ""), \(address), kubelet port \(port), \(health)")
        }
        var counts: [String: Int] = [:]
        let pods = try await client.list(Pod.self).items
        for pod in pods { counts[pod.status.phase ?? "Pending", default: 0] += 1 }
        let phases = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        add("pods", pods.isEmpty ? "none" : phases.joined(separator: ", "))
    }

    // MARK: Files

    private mutating func addFiles(_ configuration: ResolvedConfiguration) {
        let paths = configuration.paths
        guard Directories.exist(paths.dataDirectory) else {
            return add("data", "\(paths.dataDirectory) does not exist")
        }
        let total = Directories.size(paths.dataDirectory)
        let state = Directories.size(paths.stateDirectory)
        add("data", "\(paths.dataDirectory), \(Self.text(bytes: total)), of which the store \(Self.text(bytes: state))")
        let certificates = [
            ("server", "server.crt"), ("kubelet", "kubelet.crt"), ("admin", "admin.crt"), ("CA", "ca.crt"),
        ]
        let dates = certificates.compactMap { name, file in
            CertificateFile.notAfter(paths.tlsDirectory + "/" + file).map { "\(name) until \(Self.text(date: $0))" }
        }
        if !dates.isEmpty { add("certificates", dates.joined(separator: ", ")) }
        add("kubeconfig", "\(configuration.ownKubeconfig), context \(paths.contextName)")
        add("log", paths.log)
    }

    // MARK: Units

    static func text(bytes: Int) -> String {
        let tenths = (bytes * 10) >> 20
        return tenths < 100 ? "\(tenths / 10).\(tenths % 10) MiB" : "\(bytes >> 20) MiB"
    }

    static func text(seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) days"
        }
    }

    private static func text(date seconds: Int64) -> String {
        String("\(Time(seconds: seconds))".prefix(10))
    }
}

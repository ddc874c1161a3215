internal import APIMachinery
internal import Glibc
internal import Transport

/// How soon the node's rules follow the API, with many Services.
struct ServiceFigures {
    private static let services = 1_000
    private static let endpointsPerService = 5
    private static let samples = 100
    private static let namespace = "bench-services"

    let cluster: ClusterUnderTest
    let api: API
    let runs: Int

    func measure(into report: inout Report) async throws {
        let port = try Self.listen()
        let node = try await nodeAddress()
        try await api.makeNamespace(Self.namespace)
        let names = (0..<Self.services).map { Objects.name("s", $0) }
        let began = ContinuousClock.now
        for chunk in stride(from: 0, to: names.count, by: 50).map({ Array(names[$0..<min($0 + 50, names.count)]) }) {
            try await api.forEach(chunk) { .post(Self.path("services"), Self.service($0)) }
            try await api.forEach(chunk) {
                .post(Self.slicePath, Self.slice($0, (0..<Self.endpointsPerService).map { "10.9.\($0).9" }, port: 9))
            }
        }
        let made = ContinuousClock.now - began
        var latencies: [Double] = []
        for index in 0..<Self.samples {
            let name = Objects.name("new", index)
            let created = try await api.value(.post(Self.path("services"), Self.service(name)))
            guard let address = created["spec"]?["clusterIP"]?.string else {
                throw BenchmarkError(description: "the Service has no address")
            }
            guard try !Self.connects(address, 80) else {
                throw BenchmarkError(description: "\(address) answers too early")
            }
            let written = ContinuousClock.now
            _ = try await api.value(.post(Self.slicePath, Self.slice(name, [node], port: port)))
            while try !Self.connects(address, 80) {
                guard ContinuousClock.now - written < .seconds(10) else {
                    throw BenchmarkError(description: "\(address) does not answer")
                }
                try await Task.sleep(for: .microseconds(500))
            }
            latencies.append((ContinuousClock.now - written).milliseconds)
        }
        latencies.sort()
        try report.add(
            "services", "endpoint_in_force_with_\(Self.services)_services",
            [
                Figure([
                    "p50_ms": latencies[latencies.count / 2], "p99_ms": latencies[latencies.count * 99 / 100],
                    "max_ms": latencies[latencies.count - 1], "made_in_ms": made.milliseconds,
                ])
            ])
        try report.add(
            "services", "up_to_\(Self.services)_services_in_force",
            try await starts(cluster, last: try await makeLast(node, port)))
        try await api.deleteNamespace(Self.namespace)
    }

    /// A Service that answers, by its address.
    private func makeLast(_ node: String, _ port: Int) async throws -> String {
        let created = try await api.value(.post(Self.path("services"), Self.service("last")))
        guard let address = created["spec"]?["clusterIP"]?.string else {
            throw BenchmarkError(description: "the Service has no address")
        }
        _ = try await api.value(.post(Self.slicePath, Self.slice("last", [node], port: port)))
        return address
    }

    /// Starts of Skiff on a machine that knows nothing of the Services yet, as after a boot: `down` takes the rules away.
    private func starts(_ cluster: ClusterUnderTest, last address: String) async throws -> [Figure] {
        // While Skiff is away its addresses lead nowhere, and not out of this machine.
        let route = ["unreachable", cluster.serviceCIDR, "metric", "4000"]
        try await Program.run(["ip", "route", "add"] + route)
        do {
            let figures = try await startsOneByOne(cluster, last: address)
            try await Program.run(["ip", "route", "delete"] + route)
            return figures
        } catch {
            _ = try? await Program.run(["ip", "route", "delete"] + route)
            throw error
        }
    }

    private func startsOneByOne(_ cluster: ClusterUnderTest, last address: String) async throws -> [Figure] {
        var figures: [Figure] = []
        for _ in 0..<runs {
            try await cluster.down()
            guard try !Self.connects(address, 80) else {
                throw BenchmarkError(description: "\(address) answers without rules")
            }
            let began = ContinuousClock.now
            async let up: Void = cluster.up()
            while try !Self.connects(address, 80) {
                guard ContinuousClock.now - began < .seconds(30) else {
                    throw BenchmarkError(description: "\(address) does not answer")
                }
                try await Task.sleep(for: .milliseconds(2))
            }
            let inForce = ContinuousClock.now - began
            try await up
            figures.append(
                Figure(["ms": inForce.milliseconds, "up_ms": (ContinuousClock.now - began).milliseconds]))
        }
        return figures
    }

    private static let slicePath = "/apis/discovery.k8s.io/v1/namespaces/\(namespace)/endpointslices"

    private static func path(_ resource: String) -> String { "/api/v1/namespaces/\(namespace)/\(resource)" }

    private func nodeAddress() async throws -> String {
        let nodes = try await api.value(.get("/api/v1/nodes"))
        guard let address = nodes["items"]?.array?.first?["status"]?["addresses"]?.array?.first?["address"]?.string
        else {
            throw BenchmarkError(description: "the node has no address")
        }
        return address
    }

    /// Without a selector: its endpoints are written by hand.
    private static func service(_ name: String) -> [UInt8] {
        let object: Value = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)],
            "spec": ["ports": [["name": "http", "port": 80]]],
        ]
        return object.jsonBytes()
    }

    private static func slice(_ name: String, _ addresses: [String], port: Int) -> [UInt8] {
        let endpoints: [Value] = addresses.map {
            ["addresses": [.string($0)], "conditions": ["ready": true]]
        }
        let object: Value = [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": ["name": .string(name), "labels": ["kubernetes.io/service-name": .string(name)]],
            "ports": [["name": "http", "port": .int(Int64(port)), "protocol": "TCP"]],
            "endpoints": .array(endpoints),
        ]
        return object.jsonBytes()
    }

    /// A server that accepts and never answers: its backlog is enough. It ends with this process.
    private static func listen() throws -> Int {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(server, $0, length) == 0 && Glibc.listen(server, 1024) == 0
                    && getsockname(server, $0, &length) == 0
            }
        }
        guard isReady else { throw BenchmarkError(description: "cannot listen: \(String(cString: strerror(errno)))") }
        return Int(UInt16(bigEndian: own.sin_port))
    }

    /// Whether somebody accepts at once.
    private static func connects(_ address: String, _ port: UInt16) throws -> Bool {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard client >= 0 else { throw BenchmarkError(description: "no socket") }
        defer { close(client) }
        // A packet that meets half of the rules may get lost, and its repetition would come after a second.
        var limit = timeval(tv_sec: 0, tv_usec: 20_000)
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &peer.sin_addr)
        return withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

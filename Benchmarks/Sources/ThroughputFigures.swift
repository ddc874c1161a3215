internal import APIMachinery
internal import Glibc
internal import Transport

/// What a Service costs on the way from pod to pod.
struct ThroughputFigures {
    private static let namespace = "bench-throughput"
    private static let port = 5201
    private static let rounds = 15
    private static let milliseconds = 600

    let cluster: ClusterUnderTest
    let api: API

    /// In turn straight to the pod and through the Service, so that a busy moment of the machine meets both.
    func measure(into report: inout Report) async throws {
        try await api.makeNamespace(Self.namespace)
        let image = try await cluster.pauseImage()
        let target = "/api/v1/namespaces/\(Self.namespace)/pods"
        let addresses = try await EventLog.following(target, api) { log in
            for name in ["client", "server"] {
                try await api.value(.post(target, Objects.pod(Self.namespace, name, image: image)))
                try await log.first("\(name) is Ready", from: 0) { $0.name == name && $0.isReadyPod }
            }
            return [try await address(target + "/client"), try await address(target + "/server")]
        }
        let service: Value = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": "server"],
            "spec": ["ports": [["port": .int(Int64(Self.port))]]],
        ]
        let services = "/api/v1/namespaces/\(Self.namespace)/services"
        let created = try await api.value(.post(services, service.jsonBytes()))
        guard let clusterIP = created["spec"]?["clusterIP"]?.string else {
            throw BenchmarkError(description: "the Service has no address")
        }
        let slices = "/apis/discovery.k8s.io/v1/namespaces/\(Self.namespace)/endpointslices"
        try await api.value(.post(slices, Self.slice(addresses[1])))
        let figure = try await compare(from: addresses[0], to: addresses[1], clusterIP)
        try report.add("services", "throughput_pod_to_service", [figure])
        try await api.deleteNamespace(Self.namespace)
    }

    private func compare(from client: String, to server: String, _ clusterIP: String) async throws -> Figure {
        let own = CommandLine.arguments[0]
        let (here, there) = (try await networkNamespace(of: client), try await networkNamespace(of: server))
        let sink = try Program.spawn(["nsenter", "--net=" + there, own, Throughput.sink.rawValue, "\(Self.port)"])
        defer { kill(sink, SIGKILL) }
        func bytesPerSecond(_ address: String, _ milliseconds: Int) async throws -> Double {
            let text = try await Program.run([
                "nsenter", "--net=" + here, own, Throughput.source.rawValue, address, "\(Self.port)",
                "\(milliseconds)",
            ])
            guard let number = Double(text.prefix { $0.isNumber }) else { throw BenchmarkError(description: text) }
            return number
        }
        for address in [server, clusterIP] {
            let began = ContinuousClock.now
            while (try? await bytesPerSecond(address, 1)) == nil {
                guard ContinuousClock.now - began < .seconds(10) else {
                    throw BenchmarkError(description: "\(address):\(Self.port) does not answer")
                }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        var (direct, through): ([Double], [Double]) = ([], [])
        for round in 0..<Self.rounds {
            // Whoever comes second meets a warmer machine.
            if round % 2 == 0 { direct.append(try await bytesPerSecond(server, Self.milliseconds)) }
            through.append(try await bytesPerSecond(clusterIP, Self.milliseconds))
            if round % 2 == 1 { direct.append(try await bytesPerSecond(server, Self.milliseconds)) }
        }
        direct.sort()
        through.sort()
        let (pod, service) = (direct[direct.count / 2], through[through.count / 2])
        return Figure([
            "pod_to_pod_gib_per_s": pod / 1_073_741_824, "pod_to_service_gib_per_s": service / 1_073_741_824,
            "service_percent_of_pod": service / pod * 100,
        ])
    }

    private func address(_ pod: String) async throws -> String {
        let pod = try await api.value(.init(target: pod))
        guard let address = pod["status"]?["podIP"]?.string else {
            throw BenchmarkError(description: "the pod has no address")
        }
        return address
    }

    /// The file of the network namespace that has the address.
    private func networkNamespace(of address: String) async throws -> String {
        for line in try SmallFile.read("/proc/mounts").split(separator: "\n") where line.hasPrefix("nsfs ") {
            let path = String(line.split(separator: " ")[1])
            // Another pod may be on its way out.
            let links = try? await Program.run(["nsenter", "--net=" + path, "ip", "-4", "-o", "address", "show"])
            if links?.contains(" \(address)/") == true { return path }
        }
        throw BenchmarkError(description: "no network namespace has \(address)")
    }

    private static func slice(_ address: String) -> [UInt8] {
        let slice: Value = [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": ["name": "server", "labels": ["kubernetes.io/service-name": "server"]],
            "ports": [["name": "", "port": .int(Int64(port)), "protocol": "TCP"]],
            "endpoints": [["addresses": [.string(address)], "conditions": ["ready": true]]],
        ]
        return slice.jsonBytes()
    }
}

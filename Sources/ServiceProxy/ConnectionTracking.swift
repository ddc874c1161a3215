/// Where UDP comes in. Without an address it is a port of every address of the node.
struct UDPFrontend: Hashable, Sendable {
    let address: String?
    let port: Int32
}

/// UDP has no end of a connection: while a client goes on sending, the kernel goes on translating to the endpoint that it
/// chose first, gone or not. Such flows are cut.
struct ConnectionTracking: Sendable {
    /// A flow as `conntrack -L` prints it.
    struct Flow: Equatable {
        let source: String
        let sourcePort: String
        let destination: String
        let destinationPort: Int32
        /// Who answers.
        let endpoint: String
        let endpointPort: Int32

        /// `nil` for lines of another shape.
        init?(_ line: Substring) {
            var values: [Substring: [Substring]] = [:]
            for word in line.split(separator: " ") {
                let pair = word.split(separator: "=", maxSplits: 1)
                if pair.count == 2 { values[pair[0], default: []].append(pair[1]) }
            }
            guard let sources = values["src"], let destinations = values["dst"], sources.count == 2,
                let sourcePorts = values["sport"], let destinationPorts = values["dport"], sourcePorts.count == 2,
                let port = destinationPorts.first.flatMap({ Int32($0) }), let endpointPort = Int32(sourcePorts[1])
            else { return nil }
            (source, sourcePort) = (String(sources[0]), String(sourcePorts[0]))
            (destination, destinationPort) = (String(destinations[0]), port)
            (endpoint, self.endpointPort) = (String(sources[1]), endpointPort)
        }

        var isTranslated: Bool { endpoint != destination || endpointPort != destinationPort }
    }

    /// Runs `conntrack` with arguments, and gives what it prints.
    let run: @Sendable ([String]) async throws -> String

    /// Cuts every flow to a frontend that does not lead to one of its endpoints.
    func cutStale(_ frontends: [UDPFrontend: Set<ServiceEndpoint>]) async throws {
        guard !frontends.isEmpty else { return }
        let lines = try await run(["-L", "-p", "udp"])
        for line in lines.split(separator: "\n") {
            guard let flow = Flow(line), Self.isStale(flow, frontends) else { continue }
            // It may have ended by itself meanwhile.
            _ = try? await run([
                "-D", "-p", "udp", "--orig-src", flow.source, "--orig-dst", flow.destination, "--sport",
                flow.sourcePort, "--dport", "\(flow.destinationPort)",
            ])
        }
    }

    static func isStale(_ flow: Flow, _ frontends: [UDPFrontend: Set<ServiceEndpoint>]) -> Bool {
        let endpoint = ServiceEndpoint(address: flow.endpoint, port: flow.endpointPort)
        if let endpoints = frontends[UDPFrontend(address: flow.destination, port: flow.destinationPort)] {
            return !endpoints.contains(endpoint)
        }
        // A port of the node may also be another program's: only what was translated is ours.
        if let endpoints = frontends[UDPFrontend(address: nil, port: flow.destinationPort)] {
            return flow.isTranslated && !endpoints.contains(endpoint)
        }
        return false
    }
}

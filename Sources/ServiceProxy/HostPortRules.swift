internal import APIMachinery
internal import KubeAPI

/// What a pod with host ports contributes to the rules.
struct HostPortRules {
    let pod: Pod

    /// Nothing to look after for pods in the node's own network, without an address, or that have ended.
    static func concern(_ pod: Pod) -> Bool {
        pod.spec.hostNetwork != true
            && (pod.spec.containers + pod.spec.initContainers).contains { container in
                container.ports.contains { ($0.hostPort ?? 0) > 0 }
            }
    }

    var part: RuleSet.Part {
        var part = RuleSet.Part()
        guard Self.concern(pod), let address = pod.status.podIP, IPv4.isAddress(address),
            pod.status.phase != "Succeeded", pod.status.phase != "Failed"
        else { return part }
        let name = "\(pod.metadata.namespace ?? "")/\(pod.metadata.name ?? "")"
        // Ordinary init containers have no ports that others may want.
        let lasting = pod.spec.initContainers.filter { $0.restartPolicy == "Always" }
        for port in (pod.spec.containers + lasting).flatMap(\.ports) {
            guard let number = port.hostPort, number > 0, let kind = TransportProtocol(port.protocol ?? "TCP") else {
                continue
            }
            let hostAddress = port.hostIP.flatMap { $0.isEmpty || $0 == "0.0.0.0" ? nil : $0 }
            if let hostAddress, !IPv4.isAddress(hostAddress) { continue }
            let chain = "host-port-\(name)/\(kind)/\(number)" + (hostAddress.map { "/" + $0 } ?? "")
            part.chains[chain] = [
                "ip saddr 127.0.0.0/8 \(ServicePortRules.mark)",
                "meta l4proto \(kind) dnat to \(address):\(port.containerPort)",
            ]
            if let hostAddress {
                part.add(.serviceAddresses, "\(hostAddress) . \(kind) . \(number)", "goto \(chain)")
            } else {
                part.add(.hostPorts, "\(kind) . \(number)", "goto \(chain)")
            }
            part.add(.hairpins, "\(address) . \(address)")
            part.loopbackTargets.insert(address)
            if kind == .udp {
                part.flows[UDPFrontend(address: hostAddress, port: number)] = [
                    ServiceEndpoint(address: address, port: port.containerPort)
                ]
            }
        }
        return part
    }
}

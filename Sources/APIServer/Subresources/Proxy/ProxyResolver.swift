internal import APIMachinery

/// Which address and port an object of the API stands for.
enum ProxyResolver {
    static func pod(_ pod: Value, _ target: ProxyTarget) throws(APIError) -> ProxyLocation {
        let address = pod[path: "status", "podIP"]?.string ?? ""
        guard let parsed = IPText(address), parsed.isDialled else { throw .badRequest("address not allowed") }
        var port = target.port
        if port.isEmpty {
            let first = (pod["spec"] ?? [:]).list("containers").lazy.compactMap { $0.list("ports").first }.first
            port = first?["containerPort"]?.int.map { String($0) } ?? ""
        }
        return try location(target.scheme, parsed, port)
    }

    /// Another port of the node than its agent's.
    static func node(_ node: Value, _ target: ProxyTarget) throws(APIError) -> ProxyLocation {
        let addresses = (node["status"] ?? [:]).list("addresses")
        let internalIP = addresses.first { $0.text("type") == "InternalIP" }?.text("address") ?? ""
        guard let parsed = IPText(internalIP), parsed.isDialled else { throw .badRequest("address not allowed") }
        return try location(target.scheme, parsed, target.port)
    }

    static func agentPort(of node: Value) -> String {
        node[path: "status", "daemonEndpoints", "kubeletEndpoint", "Port"]?.int.map { String($0) } ?? ""
    }

    /// The name of the Service's port that is meant: a number is one of the Service's own ports.
    static func portName(_ port: String, of service: Value) throws(APIError) -> String {
        guard let number = Int64(port) else { return port }
        let found = (service["spec"] ?? [:]).list("ports").first { $0["port"]?.int == number }
        guard let found else {
            throw .serviceUnavailable("no service port \(number) found for service \(quoted(service.name))")
        }
        return found.text("name")
    }

    /// The first address that `isPod` knows, in the first subset with a port of this name.
    static func endpoint(
        in subsets: [Value], port name: String, isPod: (_ address: String, _ reference: Value) -> Bool
    ) -> (address: String, port: Int)? {
        for subset in subsets {
            guard let port = subset.list("ports").first(where: { $0.text("name") == name })?["port"]?.int else {
                continue
            }
            for address in subset.list("addresses").shuffled() {
                let text = address.text("ip")
                guard let reference = address["targetRef"], let parsed = IPText(text), isPod(text, reference) else {
                    continue
                }
                return (parsed.canonical, Int(port))
            }
        }
        return nil
    }

    private static func location(_ scheme: String, _ address: IPText, _ port: String) throws(APIError) -> ProxyLocation
    {
        let isTLS = scheme == "https"
        let number: Int
        switch port {
        case "": number = isTLS ? 443 : 80
        // Upstream looks these up among the well-known services of its machine.
        case "http": number = 80
        case "https": number = 443
        default:
            guard let parsed = Int(port), (0...65535).contains(parsed) else {
                throw .serviceUnavailable(
                    "error trying to reach service: dial tcp: "
                        + (Int(port) == nil ? "lookup tcp/\(port): unknown port" : "address \(port): invalid port"))
            }
            number = parsed
        }
        return ProxyLocation(isTLS: isTLS, host: address.canonical, port: number)
    }
}

extension IPText {
    /// An address of one machine that is not this one's own business: what Go calls global unicast.
    fileprivate var isDialled: Bool {
        let isMulticast = isIPv4 ? low >> 28 & 0xf == 0xe : high >> 56 == 0xff
        let isBroadcast = isIPv4 && low & 0xffff_ffff == 0xffff_ffff
        return !isUnspecified && !isLoopback && !isLinkLocal && !isMulticast && !isBroadcast
    }
}

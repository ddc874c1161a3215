/// The name in a proxy's path: `name`, `name:port` or `scheme:name:port`.
struct ProxyTarget: Equatable {
    var scheme = ""
    var name: String
    var port = ""

    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: name = parts[0]
        case 2: (name, port) = (parts[0], parts[1])
        case 3 where ["", "http", "https"].contains(parts[0]): (scheme, name, port) = (parts[0], parts[1], parts[2])
        default: return nil
        }
        if name.isEmpty { return nil }
    }
}

/// Where a proxied request goes.
struct ProxyLocation: Equatable, Sendable {
    var isTLS: Bool
    /// An address, never a name.
    var host: String
    var port: Int

    /// As a URL has it, without a port that goes without saying.
    var authority: String {
        let shown = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isTLS ? 443 : 80) ? shown : "\(shown):\(port)"
    }
}

/// What is special about the way to a node's agent.
enum NodeProxy {
    /// Whether the agent's path runs commands in containers or reaches into them. Compared as the agent will see it:
    /// decoded, and without the detours that the proxy takes out.
    static func opensSession(_ path: [String]) -> Bool {
        guard let first = ProxyPath.cleaned(path).first else { return false }
        return first.contains("%") || ["exec", "attach", "run", "portForward"].contains(first)
    }
}

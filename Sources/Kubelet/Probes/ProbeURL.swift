internal import Transport

/// What an HTTP probe asks for, and where a redirect sends it.
struct ProbeURL: Sendable, Equatable, CustomStringConvertible {
    var isSecure: Bool
    var host: String
    var port: Int
    /// Path with query.
    var target: String

    /// Answers that send a GET elsewhere.
    static let redirects: Set<Int> = [301, 302, 303, 307, 308]

    var description: String {
        "\(isSecure ? "https" : "http")://\(HTTPAddress.tcp(host: host, port: port))\(target)"
    }

    /// Certificates of pods are not verified: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#probes
    func destination(_ timeout: Duration) throws -> OneShotClient.Target {
        OneShotClient.Target(
            host: host, port: port, tls: isSecure ? try TLSClientContext(serverCAsPEM: nil, isVerified: false) : nil,
            timeout: timeout)
    }

    /// Where a `Location` header points: a whole URL, `//host/path`, an absolute or a relative path (RFC 9110, 10.2.2).
    /// `nil` if it is none of these.
    func following(_ location: String) -> ProbeURL? {
        var next = self
        var rest = Substring(location.prefix { $0 != "#" })
        if let scheme = ["http://", "https://"].first(where: { rest.lowercased().hasPrefix($0) }) {
            next.isSecure = scheme == "https://"
            next.port = next.isSecure ? 443 : 80
            rest = rest.dropFirst(scheme.count)
        } else if rest.hasPrefix("//") {
            next.port = isSecure ? 443 : 80
            rest = rest.dropFirst(2)
        } else if rest.hasPrefix("/") {
            next.target = String(rest)
            return next
        } else if rest.hasPrefix("?") {
            next.target = String(target.prefix { $0 != "?" }) + rest
            return next
        } else {
            guard !rest.contains("://") else { return nil }
            let path = target.prefix { $0 != "?" }
            let directory = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
            next.target = String(directory) + rest
            return next
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        rest = rest.dropFirst(authority.count)
        next.target = rest.hasPrefix("/") ? String(rest) : "/" + rest
        guard next.takeAuthority(authority) else { return nil }
        return next
    }

    /// `host`, `host:port`, `[address]` or `[address]:port`.
    private mutating func takeAuthority(_ text: Substring) -> Bool {
        let afterHost: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            host = String(text[text.index(after: text.startIndex)..<end])
            afterHost = text[text.index(after: end)...]
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            host = String(text[..<end])
            afterHost = text[end...]
        }
        if afterHost.isEmpty { return !host.isEmpty }
        guard afterHost.hasPrefix(":"), let number = Int(afterHost.dropFirst()), (1...65535).contains(number) else {
            return false
        }
        port = number
        return !host.isEmpty
    }
}

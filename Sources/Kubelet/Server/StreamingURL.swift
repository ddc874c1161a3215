internal import Transport

/// Where the runtime serves one exec, attach or port-forward: `http://127.0.0.1:PORT/exec/TOKEN`.
struct StreamingURL: Equatable {
    var host: String
    var port: Int
    /// Path and query.
    var target: String

    /// `nil` unless `text` is a plain HTTP URL. The runtime listens on this machine's loopback, without TLS.
    init?(_ text: String) {
        let scheme = "http://"
        guard text.utf8.starts(with: scheme.utf8) else { return nil }
        let rest = text.utf8.dropFirst(scheme.utf8.count)
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        guard let colon = rest[..<slash].lastIndex(of: UInt8(ascii: ":")),
            let port = Int(String(rest[rest.index(after: colon)..<slash]) ?? "")
        else { return nil }
        host = String(Substring(rest[..<colon])).filter { $0 != "[" && $0 != "]" }
        self.port = port
        target = slash == rest.endIndex ? "/" : String(Substring(rest[slash...]))
    }

    /// Opens the runtime's SPDY session. `protocols` are offered in this order; the choice is in the answer's headers.
    func openSPDY(_ protocols: [String]) async throws -> (headers: HTTPFields, stream: any ByteStream) {
        var request = HTTPClientRequest(method: "POST", target: target)
        request.headers = ["Connection": "Upgrade", "Upgrade": "SPDY/3.1"]
        for name in protocols { request.headers.add("X-Stream-Protocol-Version", name) }
        let client = HTTPClient(HTTPClient.Configuration(address: .tcp(host: host, port: port)))
        switch try await client.upgrade(request) {
        case .upgraded(let headers, let stream): return (headers, stream)
        case .refused(let reply):
            throw KubeletRefusal(reply.status, "InternalError", String(decoding: reply.body, as: UTF8.self))
        }
    }
}

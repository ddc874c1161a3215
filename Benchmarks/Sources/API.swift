internal import APIMachinery
internal import Transport

/// Requests to the cluster under test, as cheap for the client as can be: bodies are made before the clock starts,
/// answers are counted and dropped.
final class API: Sendable {
    private let http: HTTPClient

    /// Reads a kubeconfig with a client certificate; its current context is used.
    init(kubeconfig path: String) throws {
        let file = try Value(yaml: Array(try SmallFile.read(path).utf8))
        func entry(_ list: String, _ name: String?, _ part: String) -> Value? {
            file[list]?.array?.first { $0["name"]?.string == name }?[part]
        }
        let context = entry("contexts", file["current-context"]?.string, "context")
        guard let cluster = entry("clusters", context?["cluster"]?.string, "cluster"),
            let user = entry("users", context?["user"]?.string, "user"), let server = cluster["server"]?.string,
            let port = server.split(separator: ":").last.flatMap({ Int($0) })
        else { throw BenchmarkError(description: "\(path) has no whole context") }
        func decoded(_ value: Value?) throws -> [UInt8] {
            guard let bytes = value?.string.flatMap({ Base64.decode($0.utf8) }) else {
                throw BenchmarkError(description: "\(path) has no embedded certificates")
            }
            return bytes
        }
        let tls = try TLSClientContext(
            serverCAsPEM: try decoded(cluster["certificate-authority-data"]),
            certificateChainPEM: try decoded(user["client-certificate-data"]),
            privateKeyPEM: try decoded(user["client-key-data"]))
        var configuration = HTTPClient.Configuration(address: .tcp(host: "127.0.0.1", port: port), tls: tls)
        configuration.idleConnectionsMax = 256
        // A timer for each request would cost as much as the request.
        configuration.responseTimeout = nil
        http = HTTPClient(configuration)
    }

    func shutdown() {
        http.shutdown()
    }

    /// Sends a request and drops the answer's body. Returns the body's size; throws unless the status is 2xx.
    func drop(_ request: HTTPClientRequest) async throws -> Int {
        let reply = try await http.stream(request)
        guard (200..<300).contains(reply.status) else {
            let body = try await reply.collect(bytesMax: 1 << 20).body
            throw BenchmarkError(
                description: "\(request.method) \(request.target): \(reply.status) "
                    + String(decoding: body.prefix(300), as: UTF8.self))
        }
        var count = 0
        for try await chunk in reply.body { count += chunk.count }
        return count
    }

    /// The whole answer, decoded.
    @discardableResult
    func value(_ request: HTTPClientRequest) async throws -> Value {
        let reply = try await http.send(request)
        guard (200..<300).contains(reply.status) else {
            throw BenchmarkError(
                description: "\(request.method) \(request.target): \(reply.status) "
                    + String(decoding: reply.body.prefix(300), as: UTF8.self))
        }
        return try Value(json: reply.body)
    }

    func stream(_ target: String) async throws -> HTTPStreamingReply {
        try await http.stream(HTTPClientRequest(target: target, headers: ["Accept": "application/json"]))
    }

    // MARK: Namespaces

    func makeNamespace(_ name: String) async throws {
        try await value(.post("/api/v1/namespaces", Objects.namespace(name)))
        let account = HTTPClientRequest(target: "/api/v1/namespaces/\(name)/serviceaccounts/default")
        while try await http.send(account).status != 200 { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// Deletes the namespace and waits until it has gone, so that cleaning up does not disturb the next figure.
    func deleteNamespace(_ name: String) async throws {
        let target = "/api/v1/namespaces/\(name)"
        try await value(HTTPClientRequest(method: "DELETE", target: target))
        while try await http.send(HTTPClientRequest(target: target)).status != 404 {
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

extension HTTPClientRequest {
    static func get(_ target: String) -> HTTPClientRequest {
        HTTPClientRequest(target: target, headers: ["Accept": "application/json"])
    }

    static func post(_ target: String, _ body: [UInt8]) -> HTTPClientRequest {
        HTTPClientRequest(
            method: "POST", target: target,
            headers: ["Accept": "application/json", "Content-Type": "application/json"],
            body: body)
    }

    static func patch(_ target: String, type: String, _ body: [UInt8]) -> HTTPClientRequest {
        HTTPClientRequest(
            method: "PATCH", target: target, headers: ["Accept": "application/json", "Content-Type": type], body: body)
    }
}

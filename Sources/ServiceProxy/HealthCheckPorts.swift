internal import APIMachinery
internal import Logging
internal import Synchronization
internal import Transport

/// Answers at the `healthCheckNodePort` of Services: load balancers outside ask there whether this node has endpoints.
final class HealthCheckPorts: Sendable {
    struct Check: Equatable, Sendable {
        let port: Int
        /// Ready ones on this node.
        let endpoints: Int
    }

    private struct Key: Hashable {
        let namespace: String
        let name: String
    }

    private let wanted = Mutex<[Key: Check]>([:])
    private let marks = Marks<Key>()
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// `nil`: the Service has no such port any more.
    func update(_ namespace: String, _ name: String, _ check: Check?) {
        let key = Key(namespace: namespace, name: name)
        let isNew = wanted.withLock { wanted in
            defer { wanted[key] = check }
            return wanted[key]?.port != check?.port
        }
        if isNew { marks.add(key) }
    }

    /// Opens and closes ports until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            var servers: [Key: HTTPServer] = [:]
            await withTaskCancellationHandler {
                for await _ in marks.wakes {
                    for key in marks.take() {
                        if let server = servers.removeValue(forKey: key) { await server.shutdown() }
                        guard let check = wanted.withLock({ $0[key] }) else { continue }
                        guard let server = await open(key, check.port) else { continue }
                        servers[key] = server
                        group.addTask { try? await server.run() }
                    }
                }
            } onCancel: {
                marks.finish()
            }
            group.cancelAll()
        }
    }

    private func open(_ key: Key, _ port: Int) async -> HTTPServer? {
        let answer = Answer(namespace: key.namespace, name: key.name) { [self] in
            wanted.withLock { $0[key]?.endpoints ?? 0 }
        }
        let server = HTTPServer(HTTPServer.Configuration(host: "0.0.0.0", port: port, handler: answer))
        do {
            try await server.start()
            return server
        } catch {
            logger.warning("health checks of Service \(key.namespace)/\(key.name) have no answer: \(error)")
            return nil
        }
    }

    /// 200 where there are endpoints, 503 where there are none, with upstream's document.
    private struct Answer: HTTPHandler {
        let namespace: String
        let name: String
        let endpoints: @Sendable () -> Int

        func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
            let count = endpoints()
            let service: Value = ["namespace": .string(namespace), "name": .string(name)]
            let document: Value = [
                "service": service, "localEndpoints": .int(Int64(count)), "serviceProxyHealthy": true,
            ]
            var headers = HTTPFields()
            headers["Content-Type"] = "application/json"
            headers["X-Load-Balancing-Endpoint-Weight"] = String(count)
            responder.respond(
                status: count > 0 ? 200 : 503, headers: headers, body: .bytes(document.jsonBytes()))
        }
    }
}

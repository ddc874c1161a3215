import APIMachinery
import APIServer
import Glibc
import Logging
import PKI
import Storage
import Testing
import Transport

/// A real API server over a real store in a directory of its own, called in this process.
struct TestServer: Sendable {
    let server: APIServer
    let store: SQLiteStore
    let directory: String
    let configuration: APIServerConfiguration

    static let admin = UserInfo(name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"])

    /// Runs `body` against a bootstrapped server and takes everything away after it.
    static func with(
        nodeHandler: @escaping @Sendable (String) -> (any HTTPHandler)? = { _ in nil },
        delegates: [String: any HTTPHandler] = [:],
        configure: (inout APIServerConfiguration) -> Void = { _ in },
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let directory = "/tmp/skiff-apiserver-test-\(UInt64.random(in: 0...UInt64.max))"
        try #require(mkdir(directory, 0o700) == 0)
        defer { removeDirectory(directory) }
        let store = try await SQLiteStore.open(directory: directory, logger: Logger(label: "test"))
        var configuration = APIServerConfiguration(
            store: store, tokens: try ServiceAccountTokens.loadOrCreate(directory: directory),
            nodeHandler: nodeHandler)
        configuration.delegates = delegates
        configure(&configuration)
        let server = APIServer(configuration: configuration)
        try await server.bootstrap()
        let test = TestServer(server: server, store: store, directory: directory, configuration: configuration)
        _ = await test.post(
            "/api/v1/namespaces/default/serviceaccounts", ["metadata": ["name": "default"]])
        do {
            try await body(test)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    /// Another server over the same store, which knows nothing but what is stored: as after a crash.
    func restarted() async throws -> TestServer {
        let server = APIServer(configuration: configuration)
        try await server.bootstrap()
        return TestServer(server: server, store: store, directory: directory, configuration: configuration)
    }

    private static func removeDirectory(_ path: String) {
        for name in ["state.db", "state.db-wal", "state.db-shm", "lock", "state.lock", "service-account.key"] {
            unlink(path + "/" + name)
        }
        rmdir(path)
    }

    struct Reply: Sendable {
        var status: Int
        var headers: HTTPFields
        var bytes: [UInt8]
        var body: Value { (try? Value(json: bytes)) ?? .null }
        var message: String { body["message"]?.string ?? "" }
        var reason: String { body["reason"]?.string ?? "" }
    }

    func send(
        _ method: String, _ target: String, _ body: [UInt8] = [], headers: HTTPFields = HTTPFields(),
        as user: UserInfo? = TestServer.admin
    ) async -> Reply {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let request = HTTPRequest(
            method: method, path: parts[0], query: parts.count > 1 ? parts[1] : nil, headers: headers, body: body,
            connection: HTTPConnection(remoteAddress: "in-process", attachment: user))
        let reply = await InProcessHTTP.send(server, request)
        return Reply(status: reply.status, headers: reply.headers, bytes: reply.body)
    }

    func get(_ target: String, accept: String? = nil) async -> Reply {
        await send("GET", target, headers: accept.map { ["Accept": $0] } ?? HTTPFields())
    }

    func post(_ target: String, _ body: Value) async -> Reply { await send("POST", target, body.jsonBytes()) }

    func put(_ target: String, _ body: Value) async -> Reply { await send("PUT", target, body.jsonBytes()) }

    func delete(_ target: String, _ options: Value? = nil) async -> Reply {
        await send("DELETE", target, options?.jsonBytes() ?? [])
    }

    enum PatchType: String {
        case json = "application/json-patch+json"
        case merge = "application/merge-patch+json"
        case strategic = "application/strategic-merge-patch+json"
    }

    func patch(_ target: String, _ type: PatchType, _ body: Value) async -> Reply {
        await send("PATCH", target, body.jsonBytes(), headers: ["Content-Type": type.rawValue])
    }

    /// Opens a watch; its events come one by one from the stream.
    func watch(_ target: String) async -> WatchReader {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let request = HTTPRequest(
            method: "GET", path: parts[0], query: "watch=1" + (parts.count > 1 ? "&" + parts[1] : ""),
            connection: HTTPConnection(remoteAddress: "in-process", attachment: TestServer.admin))
        return WatchReader(await InProcessHTTP.stream(server, request))
    }
}

/// Splits a watch's bytes into its events.
final class WatchReader {
    private var iterator: AsyncThrowingStream<[UInt8], any Error>.AsyncIterator
    private var buffer: [UInt8] = []

    init(_ reply: HTTPStreamingReply) { iterator = reply.body.makeAsyncIterator() }

    /// `nil` at the end of the stream.
    func next() async throws -> Value? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[..<end])
                buffer.removeSubrange(...end)
                return try Value(json: line)
            }
            guard let chunk = try await iterator.next(isolation: #isolation) else { return nil }
            buffer += chunk
        }
    }

    /// The next event is of this type and name.
    func expect(_ line: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let next = try await nextLine()
        #expect(next == line, sourceLocation: sourceLocation)
    }

    /// Type and name of the next event.
    func nextLine() async throws -> String? {
        guard let event = try await next() else { return nil }
        return (event["type"]?.string ?? "") + " " + (event[path: "object", "metadata", "name"]?.string ?? "")
    }
}

/// Objects that tests make.
enum Sample {
    static func configMap(_ name: String, labels: Value = [:], data: Value = ["k": "v"]) -> Value {
        [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "labels": labels],
            "data": data,
        ]
    }

    static func pod(_ name: String, node: String? = nil) -> Value {
        var pod: Value = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)],
            "spec": ["containers": [["name": "c", "image": "nginx"]]],
        ]
        if let node { pod.set(.string(node), at: ["spec", "nodeName"]) }
        return pod
    }

    static func deployment(_ name: String, replicas: Int64 = 1) -> Value {
        [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name)],
            "spec": [
                "replicas": .int(replicas), "selector": ["matchLabels": ["app": "a"]],
                "template": [
                    "metadata": ["labels": ["app": "a"]],
                    "spec": ["containers": [["name": "c", "image": "nginx:1.0"]]],
                ],
            ],
        ]
    }
}

internal import APIMachinery
internal import Glibc
internal import KubeAPI
internal import KubeClient
internal import PKI
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Transport

/// Kills the whole server under a load of writes, again and again.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(5, images: []), .timeLimit(.minutes(10)))
struct `Skiff killed under load` {
    /// `SKIFF_TEST_KILLS` asks for more.
    private static let kills = getenv("SKIFF_TEST_KILLS").flatMap { Int(String(cString: $0)) } ?? 5
    private static let writers = 8

    @Test func `has every acknowledged write and nothing half-written`() async throws {
        let cluster = try cluster()
        let acknowledged = Acknowledged()
        for round in 0..<Self.kills {
            let http = try Self.makeClient(cluster)
            let client = Client(transport: HTTPSTransport(client: http))
            let load = Task {
                await withTaskGroup(of: Void.self) { group in
                    for writer in 0..<Self.writers {
                        group.addTask { await Self.write(client, "r\(round)-w\(writer)", acknowledged) }
                    }
                }
            }
            let wanted = acknowledged.count + 20 + round * 7 % 50
            try await eventually("there are writes") { acknowledged.count >= wanted }
            kill(try #require(cluster.serverPID), SIGKILL)
            await load.value
            http.shutdown()
            let up = try await cluster.up()
            #expect(up.isSuccess, "round \(round): \(up)")
        }
        try await Self.check(cluster, acknowledged.all)
    }

    /// Creates ConfigMaps until the connection breaks. An answer counts; a broken request may have gone either way.
    private static func write(_ client: Client, _ name: String, _ acknowledged: Acknowledged) async {
        for number in 0..<100_000 {
            var map = ConfigMap()
            map.metadata.namespace = "default"
            map.metadata.name = "\(name)-\(number)"
            map.data = ["key": String(repeating: "x", count: 1000)]
            guard let made = try? await client.create(map) else { return }
            acknowledged.add("\(name)-\(number)", uid: made.metadata.uid ?? "")
        }
    }

    private static func check(_ cluster: SkiffInstance, _ acknowledged: [String: String]) async throws {
        let http = try makeClient(cluster)
        defer { http.shutdown() }
        let client = Client(transport: HTTPSTransport(client: http))
        var found: [String: ConfigMap] = [:]
        for map in try await client.list(ConfigMap.self, namespace: "default").items {
            found[map.metadata.name ?? ""] = map
        }
        for (name, uid) in acknowledged {
            let map = try #require(found[name], "\(name) was acknowledged")
            #expect(map.metadata.uid == uid)
        }
        let written = found.values.filter { $0.metadata.name?.hasPrefix("r") == true }
        #expect(written.allSatisfy { $0.data["key"]?.utf8.count == 1000 })
        let revisions = found.values.compactMap { $0.metadata.resourceVersion }
        #expect(Set(revisions).count == revisions.count, "every write has a revision of its own")
    }

    private static func makeClient(_ cluster: SkiffInstance) throws -> HTTPClient {
        func read(_ name: String) throws -> [UInt8] {
            try #require(try PrivateFile.read(cluster.dataDirectory + "/tls/" + name))
        }
        let tls = try TLSClientContext(
            serverCAsPEM: try read("ca.crt"), certificateChainPEM: try read("admin.crt"),
            privateKeyPEM: try read("admin.key")
        )
        var configuration = HTTPClient.Configuration(address: .tcp(host: "127.0.0.1", port: cluster.port), tls: tls)
        configuration.idleConnectionsMax = writers
        return HTTPClient(configuration)
    }
}

/// Names and uids of the objects whose creation was answered.
private final class Acknowledged: Sendable {
    private let uids = Mutex<[String: String]>([:])

    var all: [String: String] { uids.withLock { $0 } }
    var count: Int { uids.withLock { $0.count } }

    func add(_ name: String, uid: String) {
        uids.withLock { $0[name] = uid }
    }
}

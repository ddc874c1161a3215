internal import APIMachinery
internal import Glibc
internal import KubeAPI
internal import KubeClient
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Transport

/// Kills the server in the middle of creates, updates and deletes, again and again.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .timeLimit(.minutes(10)))
struct `Server killed under load` {
    /// `SKIFF_KILLS` asks for more.
    private static let kills = getenv("SKIFF_KILLS").flatMap { Int(String(cString: $0)) } ?? 10
    private static let writers = 16

    @Test func `keeps what it acknowledged, never goes back, and lets watches resume or start over`() async throws {
        let server = try ServerProcess()
        try await server.start()
        let ledger = Ledger()
        for round in 0..<Self.kills {
            let begun = try await Self.revision(server)
            let http = try server.makeClient(connections: Self.writers)
            let client = Client(transport: HTTPSTransport(client: http))
            let load = Task {
                await withTaskGroup(of: Void.self) { group in
                    for writer in 0..<Self.writers {
                        group.addTask { await Self.write(client, writer, round, ledger) }
                    }
                }
            }
            let wanted = ledger.acknowledged + 50 + round * 37 % 200
            try await eventually("there are writes; the log: \(server.log)") { ledger.acknowledged >= wanted }
            server.kill()
            await load.value
            http.shutdown()
            try await server.start()
            try await Self.check(server, ledger, round)
            try await Self.checkWatch(server, after: begun, round)
        }
        print("\(Self.kills) kills, \(ledger.acknowledged) acknowledged writes")
        try await server.stop()
        try await server.start()
        try await Self.check(server, ledger, -1)
    }

    /// Creates, changes and deletes objects of its own until the connection breaks.
    private static func write(_ client: Client, _ writer: Int, _ round: Int, _ ledger: Ledger) async {
        for step in 0..<1_000_000 {
            let name = "w\(writer)-\(step / 3 % 40)"
            let key = ObjectKey(namespace: "default", name: name)
            do {
                guard let known = ledger.begin(name, step: step, round: round) else { return }
                switch known {
                case .absent(let wanted):
                    ledger.acknowledge(name, try await client.create(map(name, wanted)))
                case .present(let wanted):
                    ledger.acknowledge(name, try await client.update(map(name, wanted)))
                case .deleting:
                    try await client.delete(ConfigMap.self, key)
                    ledger.acknowledge(name, nil)
                }
            } catch {
                guard case .unreachable = error else {
                    ledger.complain("round \(round), \(name): \(error)")
                    return
                }
                return
            }
        }
    }

    /// Content that shows if only a part of it was written.
    private static func map(_ name: String, _ content: String) -> ConfigMap {
        var map = ConfigMap()
        map.metadata.namespace = "default"
        map.metadata.name = name
        map.data = ["content": content, "again": String(repeating: content + ";", count: 40)]
        return map
    }

    private static func revision(_ server: ServerProcess) async throws -> Int64 {
        let http = try server.makeClient()
        defer { http.shutdown() }
        let client = Client(transport: HTTPSTransport(client: http))
        let list = try await client.list(ConfigMap.self, namespace: "default")
        return try #require(list.metadata.resourceVersion.flatMap { Int64($0) })
    }

    private static func check(_ server: ServerProcess, _ ledger: Ledger, _ round: Int) async throws {
        let http = try server.makeClient()
        defer { http.shutdown() }
        let client = Client(transport: HTTPSTransport(client: http))
        let list = try await client.list(ConfigMap.self, namespace: "default")
        let revision = try #require(list.metadata.resourceVersion.flatMap { Int64($0) })
        #expect(revision >= ledger.newestRevision, "round \(round): the revision went back")
        var found: [String: (content: String, revision: Int64)] = [:]
        for map in list.items where map.metadata.name?.hasPrefix("w") == true {
            let content = map.data["content"] ?? ""
            #expect(
                map.data["again"] == String(repeating: content + ";", count: 40), "round \(round): half-written: \(map)"
            )
            found[map.metadata.name ?? ""] = (content, Int64(map.metadata.resourceVersion ?? "") ?? 0)
        }
        let revisions = found.values.map(\.revision)
        #expect(Set(revisions).count == revisions.count, "round \(round): two writes have one revision")
        #expect(revisions.allSatisfy { $0 <= revision }, "round \(round): an object is newer than the list")
        let complaints = ledger.settle(found)
        #expect(complaints == [], "round \(round)")
    }

    /// A watch from before the kill: every event after that revision, or 410.
    private static func checkWatch(_ server: ServerProcess, after revision: Int64, _ round: Int) async throws {
        let http = try server.makeClient()
        defer { http.shutdown() }
        let target = "/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1&resourceVersion=\(revision)"
        let reply = try await http.send(HTTPClientRequest(target: target))
        if reply.status == 410 { return }
        #expect(reply.status == 200, "round \(round): \(String(decoding: reply.body.prefix(500), as: UTF8.self))")
        var last = revision
        for line in reply.body.split(separator: UInt8(ascii: "\n")) {
            let event = try Value(json: Array(line))
            if event["type"]?.string == "ERROR" {
                #expect(event[path: "object", "code"]?.int == 410, "round \(round): \(event.jsonText)")
                return
            }
            let next = event[path: "object", "metadata", "resourceVersion"]?.string.flatMap { Int64($0) } ?? 0
            #expect(next > last, "round \(round): event \(next) after \(last)")
            last = next
        }
        #expect(last > revision, "round \(round): a watch from before the kill shows none of the writes")
    }
}

/// What the writers know: the last acknowledged state of each object, and what was asked for but not answered.
private final class Ledger: Sendable {
    enum Step: Sendable {
        case absent(String)
        case present(String)
        case deleting
    }

    private struct Entry {
        /// `nil`: not there.
        var content: String?
        /// What a broken request would have made of it.
        var pending: String??
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var acknowledged = 0
        var newestRevision: Int64 = 0
        var complaints: [String] = []
    }

    private let state = Mutex(State())

    var acknowledged: Int { state.withLock { $0.acknowledged } }
    var newestRevision: Int64 { state.withLock { $0.newestRevision } }

    /// What to do next with the object; noted as pending.
    func begin(_ name: String, step: Int, round: Int) -> Step? {
        state.withLock { state in
            let content = "r\(round)-s\(step)-\(name)"
            var entry = state.entries[name] ?? Entry()
            defer { state.entries[name] = entry }
            if entry.content == nil {
                entry.pending = .some(content)
                return .absent(content)
            }
            if step % 5 == 4 {
                entry.pending = .some(nil)
                return .deleting
            }
            entry.pending = .some(content)
            return .present(content)
        }
    }

    func acknowledge(_ name: String, _ map: ConfigMap?) {
        let revision = map?.metadata.resourceVersion.flatMap { Int64($0) } ?? 0
        state.withLock { state in
            state.entries[name] = Entry(content: map?.data["content"])
            state.acknowledged += 1
            state.newestRevision = max(state.newestRevision, revision)
        }
    }

    func complain(_ text: String) {
        state.withLock { $0.complaints.append(text) }
    }

    /// Compares with what the server has now, and takes that as the truth from here on.
    func settle(_ found: [String: (content: String, revision: Int64)]) -> [String] {
        state.withLock { state in
            var complaints = state.complaints
            state.complaints = []
            for (name, entry) in state.entries {
                let now = found[name]?.content
                let isExpected = now == entry.content || entry.pending.map { $0 == now } == true
                if !isExpected {
                    complaints.append(
                        "\(name) is \(now ?? "gone"), acknowledged was \(entry.content ?? "gone"), "
                            + "asked \(entry.pending.map { $0 ?? "delete" } ?? "nothing")")
                }
                state.entries[name] = Entry(content: now)
            }
            for name in found.keys where state.entries[name] == nil {
                complaints.append("\(name) was never written")
            }
            return complaints
        }
    }
}

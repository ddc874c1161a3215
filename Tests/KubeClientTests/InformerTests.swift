import APIMachinery
import KubeAPI
import Testing
import Transport

@testable import KubeClient

@Suite struct `Informer cache` {
    private enum Change: Equatable, Sendable {
        case added(String)
        case updated(String)
        case deleted(String)
    }

    /// A factory that runs against a scripted server, and what its ConfigMap informer reports.
    private final class Fixture: Sendable {
        let server = ScriptedServer()
        let informer: Informer<ConfigMap>
        let changes: AsyncStream<Change>
        private let running: Task<Void, Never>

        init() {
            let transport = InProcessTransport(
                handler: server, connection: HTTPConnection(remoteAddress: "in-process"))
            let factory = InformerFactory(client: Client(transport: transport))
            informer = factory.informer(for: ConfigMap.self)
            let (stream, continuation) = AsyncStream.makeStream(of: Change.self)
            changes = stream
            informer.addHandler(
                onAdd: { continuation.yield(.added($0.metadata.name ?? "")) },
                onUpdate: { _, new in continuation.yield(.updated(new.metadata.name ?? "")) },
                onDelete: { continuation.yield(.deleted($0.metadata.name ?? "")) })
            running = Task { await factory.run() }
        }

        deinit { running.cancel() }
    }

    private static func configMap(_ name: String, _ revision: Int, owner: String = "") -> String {
        let owners =
            owner.isEmpty
            ? ""
            : #","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"\#(owner)","controller":true}]"#
        return #"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"\#(name)","namespace":"ns","#
            + #""uid":"u-\#(name)","resourceVersion":"\#(revision)","managedFields":[{"manager":"m"}]\#(owners)}}"#
    }

    private static func bookmark(_ revision: Int, ending: Bool = false) -> String {
        let annotations = ending ? #","annotations":{"k8s.io/initial-events-end":"true"}"# : ""
        return #"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"\#(revision)"\#(annotations)}}"#
    }

    @Test func `opens with a streaming list, then follows changes`() async throws {
        let fixture = Fixture()
        var watches = fixture.server.watches.makeAsyncIterator()
        var changes = fixture.changes.makeAsyncIterator()
        let watch = try required(await watches.next())
        #expect(watch.query.contains("sendInitialEvents=true"))
        watch.send("ADDED", Self.configMap("a", 1))
        #expect(await changes.next() == .added("a"))
        #expect(!fixture.informer.hasSynced)
        watch.send("BOOKMARK", Self.bookmark(5, ending: true))
        await fixture.informer.waitForSync()
        watch.send("ADDED", Self.configMap("b", 6))
        watch.send("MODIFIED", Self.configMap("a", 7))
        watch.send("DELETED", Self.configMap("b", 8))
        #expect(await changes.next() == .added("b"))
        #expect(await changes.next() == .updated("a"))
        #expect(await changes.next() == .deleted("b"))
        let lister = fixture.informer.lister
        #expect(lister.keys == [ObjectKey(namespace: "ns", name: "a")])
        #expect(lister.all.first?.metadata.managedFields.isEmpty == true)
    }

    @Test func `resumes a broken watch from the last revision`() async throws {
        let fixture = Fixture()
        var watches = fixture.server.watches.makeAsyncIterator()
        let first = try required(await watches.next())
        first.send("ADDED", Self.configMap("a", 3))
        first.send("BOOKMARK", Self.bookmark(5, ending: true))
        first.send("BOOKMARK", Self.bookmark(9))
        first.end()
        let second = try required(await watches.next())
        #expect(second.query.contains("resourceVersion=9"))
        #expect(!second.query.contains("sendInitialEvents"))
    }

    @Test func `relists after 410 and reports what vanished meanwhile`() async throws {
        let fixture = Fixture()
        var watches = fixture.server.watches.makeAsyncIterator()
        var changes = fixture.changes.makeAsyncIterator()
        let first = try required(await watches.next())
        for name in ["a", "b", "c"] { first.send("ADDED", Self.configMap(name, 3)) }
        first.send("BOOKMARK", Self.bookmark(5, ending: true))
        for name in ["a", "b", "c"] { #expect(await changes.next() == .added(name)) }
        first.send("ERROR", #"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#)
        let second = try required(await watches.next())
        #expect(second.query.contains("sendInitialEvents=true"))
        second.send("ADDED", Self.configMap("a", 3))
        second.send("ADDED", Self.configMap("b", 20))
        second.send("BOOKMARK", Self.bookmark(21, ending: true))
        #expect(await changes.next() == .updated("b"))
        #expect(await changes.next() == .deleted("c"))
        #expect(fixture.informer.lister.count == 2)
    }

    @Test func `finds objects by controller, namespace and added indexes`() async throws {
        let fixture = Fixture()
        fixture.informer.addIndex(InformerIndex("initial") { [String($0.metadata.name?.first ?? "?")] })
        var watches = fixture.server.watches.makeAsyncIterator()
        let watch = try required(await watches.next())
        watch.send("ADDED", Self.configMap("apple", 1, owner: "x"))
        watch.send("ADDED", Self.configMap("avocado", 2))
        watch.send("MODIFIED", Self.configMap("avocado", 3, owner: "x"))
        watch.send("BOOKMARK", Self.bookmark(5, ending: true))
        await fixture.informer.waitForSync()
        let lister = fixture.informer.lister
        #expect(lister.list(controlledBy: "x").count == 2)
        #expect(lister.list(namespace: "ns").count == 2)
        #expect(lister.list(namespace: "other").isEmpty)
        #expect(lister.list(index: "initial", value: "a").count == 2)
    }

    @Test func `a handler added late is told of what is there`() async throws {
        let fixture = Fixture()
        var watches = fixture.server.watches.makeAsyncIterator()
        let watch = try required(await watches.next())
        watch.send("ADDED", Self.configMap("a", 1))
        watch.send("BOOKMARK", Self.bookmark(5, ending: true))
        await fixture.informer.waitForSync()
        let (names, continuation) = AsyncStream.makeStream(of: String.self)
        fixture.informer.addHandler(onAdd: { continuation.yield($0.metadata.name ?? "") })
        var iterator = names.makeAsyncIterator()
        #expect(await iterator.next() == "a")
    }
}

@Suite struct `Watch lines` {
    @Test func `are cut wherever the chunks break`() throws {
        var splitter = LineSplitter()
        let lines = try ["{\"a\":1}\n", "{\"b\"", ":2}\n{\"c\":3}\n{\"d", "\":4}\n"].flatMap {
            try splitter.split(Array($0.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(lines.map { $0.filter { $0 != "\n" } } == ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "{\"d\":4}"])
    }
}

/// `#require` for values of mutating calls.
private func required<Value>(_ value: Value?) throws -> Value { try #require(value) }

internal import Glibc
internal import Logging
internal import Testing

@testable internal import Storage

/// A directory under the temporary one that goes away with its owner.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/skiff-storage-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        path = try #require(made)
    }

    deinit {
        for name in ["state.db", "state.db-wal", "state.db-shm", "state.db-journal", "lock"] {
            unlink(path + "/" + name)
        }
        rmdir(path)
    }
}

let quiet: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with a fresh store, and closes it however that ends.
@discardableResult
func withStore<Result>(
    in directory: TemporaryDirectory? = nil, _ body: (SQLiteStore) async throws -> Result
) async throws -> Result {
    let directory = try directory ?? TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let store = try await SQLiteStore.open(directory: directory.path, logger: quiet)
    do {
        let result = try await body(store)
        await store.close()
        return result
    } catch {
        await store.close()
        throw error
    }
}

func bytes(_ text: String) -> UnrevisionedValue {
    UnrevisionedValue(bytes: Array(text.utf8), revisionOffset: -1)
}

extension StoredObject {
    var text: String { String(decoding: value, as: UTF8.self) }
}

extension Store {
    @discardableResult
    func put(
        _ key: String, _ text: String, _ precondition: StoreWrite.Precondition = .none,
        durability: StoreWrite.Durability = .durable, timeToLive: Duration? = nil
    ) async throws(StoreError) -> StoredObject {
        try await write(
            StoreWrite(
                key: key, operation: .put(bytes(text)), precondition: precondition, durability: durability,
                timeToLive: timeToLive
            )
        )
    }

    @discardableResult
    func delete(_ key: String, _ precondition: StoreWrite.Precondition = .none) async throws(StoreError) -> StoredObject
    {
        try await write(StoreWrite(key: key, operation: .delete(final: nil), precondition: precondition))
    }

    func keys(_ prefix: String, at revision: Int64? = nil) throws(StoreError) -> [String] {
        try list(prefix: prefix, startKey: nil, limit: 0, at: revision).objects.map(\.key)
    }
}

/// `created /pods/a@5`: an event in one line.
extension StoreEvent {
    var line: String { "\(change) \(object.key)" }
}

extension StoreWatcher {
    /// The lines of the next `count` events.
    func lines(_ count: Int) async throws -> [String] {
        var lines: [String] = []
        while lines.count < count, let events = try await next(max: count - lines.count) { lines += events.map(\.line) }
        return lines
    }
}

internal import Glibc
package import Logging
internal import Synchronization

/// The store of a single server: one SQLite file, read once at start; reads come from memory, writes go through one
/// thread that commits whatever is waiting as one transaction (`StoreWriter`).
package final class SQLiteStore: Store {
    /// State that the writer thread changes and everyone reads.
    final class Shared: Sendable {
        let index: Mutex<MemoryIndex>
        let clock: RevisionClock

        init(_ index: consuming sending MemoryIndex) {
            clock = RevisionClock(index.revision)
            self.index = Mutex(index)
        }
    }

    private let shared: Shared
    private let queue: WriteQueue
    private let directory: String
    private let closing: Mutex<Closing>

    private struct Closing {
        var isDone = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private init(shared: Shared, queue: WriteQueue, directory: String) {
        self.shared = shared
        self.queue = queue
        self.directory = directory
        closing = Mutex(Closing())
    }

    /// Opens or creates `DIRECTORY/state.db` and reads it. The directory must exist.
    ///
    /// - Throws: `.unavailable` if another process has it open, or the file is damaged, of another version, or cannot
    ///   be read or written.
    package static func open(directory: String, logger: Logger) async throws(StoreError) -> SQLiteStore {
        let result: Result<SQLiteStore, StoreError> = await withCheckedContinuation { continuation in
            startThread {
                // File and lock are released when `serve` returns; only then may the directory be opened again.
                serve(directory, logger, continuation)?.didClose()
            }
        }
        return try result.get()
    }

    /// The writer thread's life, from opening the file to closing it.
    private static func serve(
        _ directory: String, _ logger: Logger,
        _ continuation: CheckedContinuation<Result<SQLiteStore, StoreError>, Never>
    ) -> SQLiteStore? {
        do throws(StoreError) {
            let lock = try DirectoryLock(directory: directory)
            let database = try StateDatabase(path: directory + "/state.db")
            let content = try database.load()
            let shared = Shared(MemoryIndex(revision: content.reservedRevision, objects: content.objects))
            let queue = WriteQueue()
            let store = SQLiteStore(shared: shared, queue: queue, directory: directory)
            let writer = StoreWriter(
                shared: shared, queue: queue, database: database, content: content, lock: lock, logger: logger
            )
            continuation.resume(returning: .success(store))
            writer.run()
            return store
        } catch {
            continuation.resume(returning: .failure(error))
            return nil
        }
    }

    /// Writes what is pending, ends all watches with `.closed`, and closes the file. Idempotent.
    package func close() async {
        queue.close()
        await withCheckedContinuation { continuation in
            let isDone = closing.withLock { closing in
                if !closing.isDone { closing.waiters.append(continuation) }
                return closing.isDone
            }
            if isDone { continuation.resume() }
        }
    }

    private func didClose() {
        let waiters = closing.withLock { closing in
            closing.isDone = true
            defer { closing.waiters = [] }
            return closing.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    package var revision: Int64 { shared.clock.value }

    package func get(_ key: String) -> StoredObject? {
        shared.index.withLock { $0[key] }
    }

    package func list(
        prefix: String, startKey: String?, limit: Int, at revision: Int64?
    ) throws(StoreError) -> StoreList {
        let assembly = try shared.index.withLock { index throws(StoreError) in
            try index.prepareList(prefix: prefix, startKey: startKey, limit: limit, at: revision)
        }
        return assembly.list()
    }

    package func count(prefix: String) -> Int {
        shared.index.withLock { $0.count(prefix: prefix) }
    }

    package func write(_ write: StoreWrite) async throws(StoreError) -> StoredObject {
        let result: Result<StoredObject, StoreError> = await withCheckedContinuation { continuation in
            let refusal = queue.append(PendingWrite(write: write, continuation: continuation))
            if let refusal { continuation.resume(returning: .failure(refusal)) }
        }
        return try result.get()
    }

    package func watch(prefix: String, after revision: Int64) throws(StoreError) -> StoreWatcher {
        try shared.index.withLock { index throws(StoreError) in
            try makeWatcher(prefix, after: revision, &index)
        }
    }

    package func listAndWatch(prefix: String) throws(StoreError) -> (StoreList, StoreWatcher) {
        let (assembly, watcher) = try shared.index.withLock { index throws(StoreError) in
            let assembly = try index.prepareList(prefix: prefix, startKey: nil, limit: 0, at: nil)
            return (assembly, try makeWatcher(prefix, after: index.revision, &index))
        }
        return (assembly.list(), watcher)
    }

    private func makeWatcher(
        _ prefix: String, after revision: Int64, _ index: inout MemoryIndex
    ) throws(StoreError) -> StoreWatcher {
        if index.isClosed { throw .closed }
        let watcher = StoreWatcher(
            prefix: prefix, after: revision, backlog: try index.backlog(prefix: prefix, after: revision),
            published: shared.clock
        ) { [shared] watcher in
            shared.index.withLock { $0.remove(watcher) }
        }
        index.add(watcher)
        return watcher
    }

    /// Sizes, for metrics and `skiff status`.
    package var statistics: StoreStatistics {
        var statistics = shared.index.withLock { index in
            StoreStatistics(
                objects: index.objectCount, valueBytes: index.valueBytes, historyEvents: index.historySize.events,
                historyBytes: index.historySize.bytes, watchers: index.watcherCount
            )
        }
        statistics.fileBytes = Self.size(directory + "/state.db")
        statistics.logBytes = Self.size(directory + "/state.db-wal")
        return statistics
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

package struct StoreStatistics: Sendable {
    /// Live objects and the bytes of their values.
    package var objects: Int
    package var valueBytes: Int
    /// Events kept for watches and paging, and the bytes of their values.
    package var historyEvents: Int
    package var historyBytes: Int
    package var watchers: Int
    /// Size of the database and of its write-ahead log.
    package var fileBytes = 0
    package var logBytes = 0
}

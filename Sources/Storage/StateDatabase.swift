internal import Glibc

/// The file behind `SQLiteStore`: one row per live object, plus a few numbers. Used by the writer thread only.
///
/// The row id is the object's creation revision: unique, ascending (so a batch of creations fills neighbouring pages)
/// and known from memory, which spares an index on the key.
final class StateDatabase {
    /// "SKIF", so that another program's database is not taken for ours.
    static let applicationID: Int64 = 0x534b_4946
    static let formatVersion: Int64 = 1
    /// The write-ahead log is copied back once it has this many pages, and cut to the size below after that.
    static let logPagesMax = 2000
    static let logBytesMax = 8 << 20
    /// Page cache: reads come from memory, so it serves only the b-tree's upper pages.
    static let cacheKiB = 1024
    /// Free pages are kept for reuse up to here; more are given back to the file system, a step at a time.
    static let freePagesKept: Int64 = 512
    static let vacuumStepPages = 256

    /// A row to be written or, without an object, removed.
    struct Change {
        var object: StoredObject?
        /// Milliseconds since 1970.
        var expiry: Int64?
    }

    struct Content {
        /// In key order.
        var objects: [StoredObject]
        var expiries: [(key: String, time: Int64)]
        /// No revision above it can have been given out.
        var reservedRevision: Int64
    }

    private let connection: SQLiteConnection
    private let begin: SQLiteStatement
    private let commit: SQLiteStatement
    private let put: SQLiteStatement
    private let remove: SQLiteStatement
    private let reserve: SQLiteStatement
    private var isSyncing = true

    init(path: String) throws(StoreError) {
        do throws(SQLiteFailure) {
            Self.createPrivately(path)
            let connection = try SQLiteConnection(path: path)
            self.connection = connection
            // One process owns the file (`DirectoryLock`); excluding others also keeps their reads from holding the
            // log back, and needs no shared-memory file.
            try connection.run("PRAGMA locking_mode = EXCLUSIVE")
            try connection.run("PRAGMA auto_vacuum = INCREMENTAL")
            try connection.run("PRAGMA journal_mode = WAL")
            try connection.run("PRAGMA synchronous = FULL")
            try connection.run("PRAGMA journal_size_limit = \(Self.logBytesMax)")
            try connection.run("PRAGMA wal_autocheckpoint = \(Self.logPagesMax)")
            try connection.run("PRAGMA cache_size = -\(Self.cacheKiB)")
            try connection.run("PRAGMA temp_store = MEMORY")
            try Self.checkFormat(connection)
            begin = try SQLiteStatement(connection, "BEGIN IMMEDIATE")
            commit = try SQLiteStatement(connection, "COMMIT")
            put = try SQLiteStatement(
                connection,
                """
                INSERT OR REPLACE INTO objects (created, revision, revision_offset, expiry, key, value)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                """
            )
            remove = try SQLiteStatement(connection, "DELETE FROM objects WHERE created = ?1")
            reserve = try SQLiteStatement(connection, "UPDATE meta SET reserved_revision = ?1")
        } catch {
            throw error.isDamage ? Self.damage(path, error) : .unavailable(reason: error.text)
        }
    }

    /// The state holds secrets: readable by its owner only. SQLite gives its log the same mode.
    private static func createPrivately(_ path: String) {
        // Should anything here fail, SQLite's own attempt to open the file says why.
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        close(descriptor)
        // SQLite syncs what is in the file; that there is a file must last too.
        let directory = Glibc.open(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".", O_RDONLY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    private static func damage(_ path: String, _ error: SQLiteFailure) -> StoreError {
        .unavailable(
            reason: "the database \(path) is damaged (\(error.text)); put back a copy, or move it away to start empty"
        )
    }

    private static func checkFormat(_ connection: SQLiteConnection) throws(SQLiteFailure) {
        let application = try connection.number("PRAGMA application_id")
        let version = try connection.number("PRAGMA user_version")
        if application == 0, version == 0, try connection.number("SELECT count(*) FROM sqlite_master") == 0 {
            try connection.run("BEGIN IMMEDIATE")
            try connection.run(
                """
                CREATE TABLE objects (
                    created INTEGER PRIMARY KEY, revision INTEGER NOT NULL, revision_offset INTEGER NOT NULL,
                    expiry INTEGER, key TEXT NOT NULL, value BLOB NOT NULL
                )
                """
            )
            try connection.run("CREATE TABLE meta (reserved_revision INTEGER NOT NULL)")
            try connection.run("INSERT INTO meta VALUES (1)")
            try connection.run("PRAGMA application_id = \(applicationID)")
            try connection.run("PRAGMA user_version = \(formatVersion)")
            try connection.run("COMMIT")
            return
        }
        guard application == applicationID else {
            throw SQLiteFailure(code: 0, text: "\(connection.path) is another program's database, not Skiff's")
        }
        guard version == formatVersion else {
            throw SQLiteFailure(
                code: 0,
                text: "\(connection.path) has format \(version), this version of Skiff reads format \(formatVersion)"
            )
        }
    }

    func load() throws(StoreError) -> Content {
        do throws(SQLiteFailure) {
            var content = Content(
                objects: [], expiries: [], reservedRevision: try connection.number("SELECT reserved_revision FROM meta")
            )
            let rows = try SQLiteStatement(
                connection, "SELECT created, revision, revision_offset, expiry, key, value FROM objects"
            )
            while try rows.step() {
                let object = StoredObject(
                    key: rows.text(4), revision: rows.int(1), createdRevision: rows.int(0), value: rows.blob(5),
                    revisionOffset: Int(rows.int(2))
                )
                content.objects.append(object)
                if let time = rows.optionalInt(3) { content.expiries.append((object.key, time)) }
                content.reservedRevision = max(content.reservedRevision, object.revision)
            }
            content.objects.sort { KeyOrder.isBefore($0.key, $1.key) }
            connection.releaseMemory()
            return content
        } catch {
            throw error.isDamage ? Self.damage(connection.path, error) : .unavailable(reason: error.text)
        }
    }

    /// Commits `changes` (by row id), all or none, and with them a new bound on the revisions given out.
    ///
    /// If `isSynced` they are on disk when this returns. Otherwise a power failure (not a crash of this process) may
    /// lose them.
    func write(
        _ changes: some Sequence<(key: Int64, value: Change)>, reserving: Int64?, isSynced: Bool
    ) throws(StoreError) {
        do throws(SQLiteFailure) {
            if isSynced != isSyncing {
                try connection.run("PRAGMA synchronous = \(isSynced ? "FULL" : "NORMAL")")
                isSyncing = isSynced
            }
            try begin.execute()
            for (created, change) in changes { try write(created, change) }
            if let reserving {
                reserve.bind(1, reserving)
                try reserve.execute()
            }
            try commit.execute()
        } catch {
            if connection.isInTransaction {
                // A failure here leaves nothing to do: the next BEGIN reports whatever is still wrong.
                try? connection.run("ROLLBACK")
            }
            throw .unavailable(reason: error.text)
        }
    }

    private func write(_ created: Int64, _ change: Change) throws(SQLiteFailure) {
        guard let object = change.object else {
            remove.bind(1, created)
            try remove.execute()
            return
        }
        put.bind(1, created)
        put.bind(2, object.revision)
        put.bind(3, Int64(object.revisionOffset))
        put.bind(4, change.expiry)
        try put.execute(text: (5, object.key), blob: (6, object.value))
    }

    /// Gives a few free pages back to the file system. Returns whether there are more to give.
    func vacuumStep() -> Bool {
        do throws(SQLiteFailure) {
            let free = try connection.number("PRAGMA freelist_count") - Self.freePagesKept
            guard free > 0 else { return false }
            try connection.run("PRAGMA incremental_vacuum(\(min(free, Int64(Self.vacuumStepPages))))")
            return free > Int64(Self.vacuumStepPages)
        } catch {
            // Housekeeping: tried again after the next deletion.
            return false
        }
    }

    /// Moves the log into the database file and empties it.
    func checkpoint() {
        // If it fails the log is simply replayed at the next start.
        try? connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    }
}

internal import CSQLite

/// Why an SQLite call failed.
struct SQLiteFailure: Error {
    let code: Int32
    /// SQLite's own text, with the operation in front.
    let text: String

    /// The file's content makes no sense, as against a disk that is full or a file that may not be read.
    var isDamage: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }
}

/// One open database. Not `Sendable`: it belongs to the thread that made it.
final class SQLiteConnection {
    private let handle: OpaquePointer
    let path: String

    init(path: String) throws(SQLiteFailure) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            let text = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw SQLiteFailure(code: code & 0xff, text: "open \(path): \(text)")
        }
        handle = opened
        self.path = path
    }

    deinit {
        sqlite3_close_v2(handle)
    }

    /// Runs one statement, ignoring its rows.
    func run(_ sql: String) throws(SQLiteFailure) {
        let statement = try SQLiteStatement(self, sql)
        while try statement.step() {}
    }

    /// The first column of the first row, as a number; 0 if there is none.
    func number(_ sql: String) throws(SQLiteFailure) -> Int64 {
        let statement = try SQLiteStatement(self, sql)
        return try statement.step() ? statement.int(0) : 0
    }

    /// Whether a transaction is open; after some failures SQLite has already rolled back by itself.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func releaseMemory() {
        sqlite3_db_release_memory(handle)
    }

    fileprivate func prepare(_ sql: String) throws(SQLiteFailure) -> OpaquePointer {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code, "prepare") }
        return statement
    }

    fileprivate func failure(_ code: Int32, _ operation: String) -> SQLiteFailure {
        SQLiteFailure(code: code & 0xff, text: "\(operation) \(path): \(String(cString: sqlite3_errmsg(handle)))")
    }
}

/// A prepared statement, used again and again by the thread that owns the connection.
final class SQLiteStatement {
    private let connection: SQLiteConnection
    private let handle: OpaquePointer

    init(_ connection: SQLiteConnection, _ sql: String) throws(SQLiteFailure) {
        self.connection = connection
        handle = try connection.prepare(sql)
    }

    deinit {
        sqlite3_finalize(handle)
    }

    /// Whether there is a row.
    func step() throws(SQLiteFailure) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let failure = connection.failure(code, sqlite3_stmt_readonly(handle) == 0 ? "write" : "read")
            sqlite3_reset(handle)
            throw failure
        }
    }

    /// Runs to the end and makes ready for the next use.
    func execute() throws(SQLiteFailure) {
        while try step() {}
        sqlite3_reset(handle)
    }

    func bind(_ index: Int32, _ value: Int64?) {
        if let value { sqlite3_bind_int64(handle, index, value) } else { sqlite3_bind_null(handle, index) }
    }

    /// Binds without copying and runs: the pointers need only live as long as this call.
    func execute(text: (index: Int32, value: String), blob: (index: Int32, value: [UInt8])) throws(SQLiteFailure) {
        let result: Result<Void, SQLiteFailure> = KeyOrder.withBytes(text.value) { key in
            blob.value.withUnsafeBytes { bytes in
                sqlite3_bind_text(
                    handle, text.index, UnsafeRawPointer(key.baseAddress)?.assumingMemoryBound(to: CChar.self),
                    Int32(key.count), nil
                )
                sqlite3_bind_blob64(handle, blob.index, bytes.baseAddress, UInt64(bytes.count), nil)
                defer { sqlite3_clear_bindings(handle) }
                do throws(SQLiteFailure) {
                    try execute()
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
        }
        try result.get()
    }

    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func optionalInt(_ column: Int32) -> Int64? {
        sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : sqlite3_column_int64(handle, column)
    }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func blob(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(sqlite3_column_bytes(handle, column))
        return [UInt8](unsafeUninitializedCapacity: count) { target, size in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: UnsafeRawBufferPointer(start: start, count: count))
            size = count
        }
    }
}

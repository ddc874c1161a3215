/// Ordered keys, one revision counter, watch. Values are opaque bytes; the store never decodes them.
///
/// Reads are synchronous and come from memory; writes return after they are durable (see `Durability`).
/// Implementations: `SQLiteStore`.
package protocol Store: Sendable {
    /// The revision of the newest committed write; at least 1.
    var revision: Int64 { get }

    /// The live object at `key`.
    func get(_ key: String) -> StoredObject?

    /// Live objects whose keys begin with `prefix` (ending in `/`), ascending by key, as they were at one revision.
    ///
    /// Starts at `startKey`, inclusive (`nil`: with the first), and gives at most `limit` objects (0: all). `revision`
    /// is a past revision to read at, for consistent paging; `nil` is now.
    ///
    /// Throws `.compacted` if `revision` has left the history window, `.futureRevision` if it has not happened.
    func list(
        prefix: String, startKey: String?, limit: Int, at revision: Int64?
    ) throws(StoreError) -> StoreList

    /// Number of live objects below `prefix`.
    func count(prefix: String) -> Int

    /// Commits one write. Returns the object now stored (for a delete: its last state, carrying the new revision).
    func write(_ write: StoreWrite) async throws(StoreError) -> StoredObject

    /// Events of keys below `prefix` after `revision`, in revision order, each exactly once.
    ///
    /// Events since `revision` that are already committed are in the watcher's buffer when this returns.
    /// - Throws: `.compacted` if `revision` is older than the window of `prefix`, `.futureRevision` if newer than now.
    func watch(prefix: String, after revision: Int64) throws(StoreError) -> StoreWatcher

    /// A list and a watch that continues it without a gap.
    func listAndWatch(prefix: String) throws(StoreError) -> (StoreList, StoreWatcher)
}

/// A live object at one revision. Shared by reference between store, history and responses.
package final class StoredObject: Sendable {
    package let key: String
    /// Revision of the write that made this state.
    package let revision: Int64
    /// Revision of the write that created the object.
    package let createdRevision: Int64
    /// Exactly sized; `revision` is already written into it as decimal digits.
    package let value: [UInt8]
    /// Where in `value` the revision's digits begin; -1 if the value carries none.
    package let revisionOffset: Int

    package init(key: String, revision: Int64, createdRevision: Int64, value: [UInt8], revisionOffset: Int) {
        self.key = key
        self.revision = revision
        self.createdRevision = createdRevision
        self.value = value
        self.revisionOffset = revisionOffset
    }
}

/// A value to be stored. The store inserts its revision's decimal digits at `revisionOffset` (an empty string's place
/// between two quotes), since the revision is known only on commit.
package struct UnrevisionedValue: Sendable {
    package var bytes: [UInt8]
    /// -1 to store `bytes` as they are.
    package var revisionOffset: Int

    package init(bytes: [UInt8], revisionOffset: Int) {
        self.bytes = bytes
        self.revisionOffset = revisionOffset
    }
}

package struct StoreWrite: Sendable {
    package enum Operation: Sendable {
        case put(UnrevisionedValue)
        /// Removes the key; `final` is the state the deletion event shows (`nil`: the stored one with the new revision).
        case delete(final: UnrevisionedValue?)
    }
    package enum Precondition: Sendable, Equatable {
        case none
        /// The key must not exist.
        case absent
        /// The key must exist at exactly this revision.
        case revision(Int64)
    }
    package enum Durability: Sendable {
        /// Acknowledged after fsync.
        case durable
        /// Acknowledged once visible in memory; on disk with the next durable commit or within a few seconds
        /// (events, leases: an idle cluster must not wear out flash).
        case batched
    }

    package var key: String
    package var operation: Operation
    package var precondition: Precondition
    package var durability: Durability
    /// The store deletes the object this long after this write, unless it is written again. `nil`: lives on.
    package var timeToLive: Duration?

    package init(
        key: String, operation: Operation, precondition: Precondition = .none, durability: Durability = .durable,
        timeToLive: Duration? = nil
    ) {
        self.key = key
        self.operation = operation
        self.precondition = precondition
        self.durability = durability
        self.timeToLive = timeToLive
    }
}

package struct StoreList: Sendable {
    package let objects: [StoredObject]
    /// The revision the list is consistent at.
    package let revision: Int64
    /// Objects below the prefix after the last one returned; 0 if the list is complete.
    package let remaining: Int

    package init(objects: [StoredObject], revision: Int64, remaining: Int) {
        self.objects = objects
        self.revision = revision
        self.remaining = remaining
    }
}

/// Why the store refused. `APIError.init(_:)` maps each case to one `Status`.
package enum StoreError: Error, Equatable {
    /// A write expected `key` at revision `expected`; it is at `actual`.
    case conflict(key: String, expected: Int64, actual: Int64)
    /// A write expected `key` to be absent.
    case alreadyExists(key: String)
    /// A write or delete expected `key` to exist.
    case notFound(key: String)
    /// A read or watch asked for a revision older than `compacted`. Clients must relist.
    case compacted(requested: Int64, compacted: Int64)
    /// A read or watch asked for a revision that has not happened yet.
    case futureRevision(requested: Int64, current: Int64)
    /// The watcher fell further behind than its buffer holds.
    case tooSlow
    /// The database could not be read or written; `reason` is SQLite's or the system's own text.
    case unavailable(reason: String)
    /// The store is shut down.
    case closed
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .conflict(let key, let expected, let actual):
            "write \(key): expected revision \(expected), found \(actual)"
        case .alreadyExists(let key): "create \(key): it exists already"
        case .notFound(let key): "write \(key): it does not exist"
        case .compacted(let requested, let compacted):
            "read at revision \(requested): everything up to \(compacted) has left the history window"
        case .futureRevision(let requested, let current): "read at revision \(requested): the newest is \(current)"
        case .tooSlow: "the watcher fell too far behind"
        case .unavailable(let reason): reason
        case .closed: "the store is closed"
        }
    }
}

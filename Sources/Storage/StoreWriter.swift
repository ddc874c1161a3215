internal import Glibc
internal import Logging
internal import Synchronization

/// The writer thread: takes what is waiting, gives each write its revision, commits the group with one fsync, and only
/// then makes it visible, tells the watchers and answers the callers.
///
/// Batched writes are visible at once and wait for the next durable commit, or for `batchedDelay`. So that revisions
/// never go back after a crash that lost them, revisions are reserved on disk ahead of use.
final class StoreWriter {
    /// Batched writes reach the file at most this long after they were acknowledged.
    static let batchedDelayMilliseconds: Int64 = 3000
    /// Rows changed by batched writes that may wait; more are refused while the disk takes none.
    static let batchedRowsMax = 20_000
    /// Revisions reserved at a time.
    static let reservationStep: Int64 = 1000
    /// The file is made smaller only after this long without a write.
    static let idleMilliseconds: Int64 = 1000

    private let shared: SQLiteStore.Shared
    private let queue: WriteQueue
    private let database: StateDatabase
    private let lock: DirectoryLock
    private let logger: Logger
    private var expiries = ExpiryQueue()
    /// Rows whose newest state is in memory only, by row id.
    private var unwritten: [Int64: StateDatabase.Change] = [:]
    /// When `unwritten` must go to the file, in `now` time.
    private var flushTime: Int64?
    private var vacuumTime: Int64?
    /// Given to the next write. Numbers of failed commits are not used again, since a failure may hide a success.
    private var nextRevision: Int64
    private var reservedRevision: Int64
    private var isFailing = false

    init(
        shared: SQLiteStore.Shared, queue: WriteQueue, database: StateDatabase, content: StateDatabase.Content,
        lock: DirectoryLock, logger: Logger
    ) {
        self.shared = shared
        self.queue = queue
        self.database = database
        self.lock = lock
        self.logger = logger
        nextRevision = content.reservedRevision + 1
        reservedRevision = content.reservedRevision
        for (key, time) in content.expiries { expiries.set(key, to: time) }
    }

    /// Returns once the queue is closed and everything is written.
    func run() {
        while true {
            let (group, isLast) = queue.take(waitingAtMost: timeout())
            let now = Self.now()
            let expired = expiries.due(at: now, max: WriteQueue.groupWritesMax).map { key in
                PendingWrite(
                    write: StoreWrite(key: key, operation: .delete(final: nil), durability: .batched), continuation: nil
                )
            }
            if !group.isEmpty || !expired.isEmpty { commit(expired + group, now) }
            if let time = flushTime, time <= now { flush(now) }
            if let time = vacuumTime, time <= now, group.isEmpty {
                vacuumTime = database.vacuumStep() ? now : nil
            }
            if isLast { break }
        }
        finish()
    }

    /// Milliseconds until something is due; `nil` if nothing is, so that an idle store sleeps for good.
    private func timeout() -> Int64? {
        let next = [expiries.nextTime, flushTime, vacuumTime].compactMap { $0 }.min()
        return next.map { max(0, $0 - Self.now()) }
    }

    /// Milliseconds since 1970: expiry times outlive the process.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: One group

    /// A write that passed its precondition.
    private struct Accepted {
        let event: StoreEvent
        let expiry: Int64?
        let position: Int
    }

    private func commit(_ group: [PendingWrite], _ now: Int64) {
        var results = [Result<StoredObject, StoreError>?](repeating: nil, count: group.count)
        var accepted = evaluate(group, now, &results)
        let isDurable = accepted.contains { group[$0.position].write.durability == .durable }
        if isDurable || !isReserved || unwritten.count + accepted.count > Self.batchedRowsMax {
            if let failure = persist(accepted) {
                accepted = salvage(accepted, failure, group, now, &results)
            }
        } else {
            keepUnwritten(accepted, now)
        }
        publish(accepted, group, &results, now)
    }

    /// Whether every revision given out so far is covered by the reservation on disk.
    private var isReserved: Bool { nextRevision - 1 <= reservedRevision }

    /// After a failed commit: its durable writes fail. The batched ones are judged again without them and taken into
    /// memory, as long as there is room and no revision is at risk.
    private func salvage(
        _ accepted: [Accepted], _ failure: StoreError, _ group: [PendingWrite], _ now: Int64,
        _ results: inout [Result<StoredObject, StoreError>?]
    ) -> [Accepted] {
        let hasRoom =
            nextRevision - 1 + Int64(accepted.count) <= reservedRevision
            && unwritten.count + accepted.count <= Self.batchedRowsMax
        for change in accepted where !hasRoom || group[change.position].write.durability == .durable {
            results[change.position] = .failure(failure)
        }
        let salvaged = evaluate(group, now, &results)
        keepUnwritten(salvaged, now)
        return salvaged
    }

    /// Checks preconditions against memory and the group itself, and gives revisions. Writes that have a result
    /// already are passed over.
    private func evaluate(
        _ group: [PendingWrite], _ now: Int64, _ results: inout [Result<StoredObject, StoreError>?]
    ) -> [Accepted] {
        var accepted: [Accepted] = []
        accepted.reserveCapacity(group.count)
        let wanted = group.indices.filter { results[$0] == nil }
        let stored = shared.index.withLock { index in wanted.map { index[group[$0].write.key] } }
        var changed: [String: StoredObject?] = [:]
        for (offset, position) in wanted.enumerated() {
            let write = group[position].write
            let current = changed[write.key] ?? stored[offset]
            if let refusal = Self.refusal(of: write, current) {
                results[position] = .failure(refusal)
                continue
            }
            let event = Self.event(of: write, current, revision: nextRevision)
            nextRevision += 1
            changed.updateValue(event.change == .deleted ? nil : event.object, forKey: write.key)
            accepted.append(
                Accepted(event: event, expiry: write.timeToLive.map { now + $0.milliseconds }, position: position)
            )
        }
        return accepted
    }

    private static func refusal(of write: StoreWrite, _ current: StoredObject?) -> StoreError? {
        switch write.precondition {
        case .absent:
            if current != nil { return .alreadyExists(key: write.key) }
        case .revision(let expected):
            guard let current else { return .notFound(key: write.key) }
            if current.revision != expected {
                return .conflict(key: write.key, expected: expected, actual: current.revision)
            }
        case .none: break
        }
        if case .delete = write.operation, current == nil { return .notFound(key: write.key) }
        return nil
    }

    private static func event(of write: StoreWrite, _ current: StoredObject?, revision: Int64) -> StoreEvent {
        let created = current?.createdRevision ?? revision
        switch write.operation {
        case .put(let value), .delete(final: .some(let value)):
            let object = StoredObject(key: write.key, revision: revision, createdRevision: created, value: value)
            if case .delete = write.operation { return StoreEvent(change: .deleted, object: object, previous: current) }
            return StoreEvent(change: current == nil ? .created : .updated, object: object, previous: current)
        case .delete(final: nil):
            guard let current else { preconditionFailure("store: deletion of the absent \(write.key) was accepted") }
            return StoreEvent(change: .deleted, object: current.revised(to: revision), previous: current)
        }
    }

    // MARK: Disk

    private static func row(_ change: Accepted) -> (key: Int64, value: StateDatabase.Change) {
        let object = change.event.object
        let isDeleted = change.event.change == .deleted
        return (object.createdRevision, .init(object: isDeleted ? nil : object, expiry: change.expiry))
    }

    /// Commits `unwritten` and the changes, on disk when it returns. Reserves revisions along the way if few are left.
    private func persist(_ changes: [Accepted]) -> StoreError? {
        let lowWater = reservedRevision - Self.reservationStep / 2
        let reserving = nextRevision > lowWater ? nextRevision + Self.reservationStep : nil
        do throws(StoreError) {
            var rows = Array(unwritten)
            rows.reserveCapacity(rows.count + changes.count)
            for change in changes { rows.append(Self.row(change)) }
            try database.write(rows, reserving: reserving, isSynced: true)
        } catch {
            report(error)
            return error
        }
        recovered()
        unwritten.removeAll(keepingCapacity: unwritten.count < 64)
        flushTime = nil
        if let reserving { reservedRevision = reserving }
        return nil
    }

    /// Remembers changes that are acknowledged before they are in the file.
    private func keepUnwritten(_ changes: [Accepted], _ now: Int64) {
        guard !changes.isEmpty else { return }
        for change in changes {
            let row = Self.row(change)
            unwritten[row.key] = row.value
        }
        if flushTime == nil { flushTime = now + Self.batchedDelayMilliseconds }
    }

    private func flush(_ now: Int64) {
        do throws(StoreError) {
            try database.write(unwritten, reserving: nil, isSynced: false)
            unwritten.removeAll(keepingCapacity: false)
            flushTime = nil
            recovered()
        } catch {
            report(error)
            flushTime = now + Self.batchedDelayMilliseconds
        }
    }

    private func report(_ error: StoreError) {
        if !isFailing { logger.error("store: writes fail until the disk is mended", metadata: ["error": "\(error)"]) }
        isFailing = true
    }

    private func recovered() {
        if isFailing { logger.notice("store: writes succeed again") }
        isFailing = false
    }

    // MARK: Memory

    private func publish(
        _ accepted: [Accepted], _ group: [PendingWrite], _ results: inout [Result<StoredObject, StoreError>?],
        _ now: Int64
    ) {
        var wakes: [StoreWatcher.Wake] = []
        if !accepted.isEmpty {
            shared.index.withLock { index in
                for change in accepted { index.apply(change.event, waking: &wakes) }
                shared.clock.advance(to: index.revision)
            }
        }
        for change in accepted {
            results[change.position] = .success(change.event.object)
            expiries.set(change.event.object.key, to: change.event.change == .deleted ? nil : change.expiry)
            if change.event.change == .deleted { vacuumTime = now + Self.idleMilliseconds }
        }
        for (position, pending) in group.enumerated() {
            if let result = results[position] { pending.continuation?.resume(returning: result) }
        }
        for wake in wakes { wake() }
    }

    /// The last commit states exactly where revisions stand, so that a clean restart leaves no gap.
    private func finish() {
        do throws(StoreError) {
            try database.write(unwritten, reserving: nextRevision - 1, isSynced: true)
        } catch {
            report(error)
        }
        database.checkpoint()
        let wakes = shared.index.withLock { index in
            index.isClosed = true
            return index.finishWatchers(.closed)
        }
        for wake in wakes { wake() }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}

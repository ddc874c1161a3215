internal import Glibc
internal import Synchronization

/// A write that waits for the writer thread.
struct PendingWrite: Sendable {
    var write: StoreWrite
    /// `nil` for the store's own deletions of expired objects.
    var continuation: CheckedContinuation<Result<StoredObject, StoreError>, Never>?
}

/// Hands writes from any thread to the writer thread, which sleeps until there are some or a deadline passes.
///
/// `@unchecked Sendable`: everything mutable is guarded by the POSIX mutex; Swift's `Mutex` has no condition variable.
final class WriteQueue: @unchecked Sendable {
    /// More waiting writes than this are refused.
    static let writesMax = 16_384
    /// At most this much goes into one transaction.
    static let groupWritesMax = 512
    static let groupBytesMax = 4 << 20

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var waiting = Ring<PendingWrite>()
    private var isSleeping = false
    private var isClosed = false

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Queues a write. Returns why it was refused, or `nil`.
    func append(_ write: PendingWrite) -> StoreError? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if isClosed { return .closed }
        if waiting.count >= Self.writesMax {
            return .unavailable(reason: "\(Self.writesMax) writes are already waiting for the disk")
        }
        waiting.append(write)
        if isSleeping { pthread_cond_signal(condition) }
        return nil
    }

    /// Refuses further writes and wakes the writer to finish.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Everything waiting, up to one group's bounds. Sleeps for at most `milliseconds` (`nil`: without end) if there
    /// is nothing. `isLast` once the queue is closed and empty.
    func take(waitingAtMost milliseconds: Int64?) -> (group: [PendingWrite], isLast: Bool) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if waiting.isEmpty && !isClosed { sleep(milliseconds) }
        var group: [PendingWrite] = []
        var bytes = 0
        while group.count < Self.groupWritesMax, bytes < Self.groupBytesMax, let next = waiting.popFirst() {
            if case .put(let value) = next.write.operation { bytes += value.bytes.count }
            group.append(next)
        }
        return (group, isClosed && waiting.isEmpty)
    }

    private func sleep(_ milliseconds: Int64?) {
        isSleeping = true
        defer { isSleeping = false }
        guard let milliseconds else {
            while waiting.isEmpty && !isClosed { pthread_cond_wait(condition, mutex) }
            return
        }
        guard milliseconds > 0 else { return }
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        until.tv_sec += Int(milliseconds / 1000)
        until.tv_nsec += Int(milliseconds % 1000) * 1_000_000
        if until.tv_nsec >= 1_000_000_000 {
            until.tv_sec += 1
            until.tv_nsec -= 1_000_000_000
        }
        while waiting.isEmpty && !isClosed {
            if pthread_cond_timedwait(condition, mutex, &until) == ETIMEDOUT { return }
        }
    }
}

/// Runs `body` on a thread of its own, for work that blocks.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, box.toOpaque()
    )
    precondition(code == 0, "store: cannot start a thread: \(String(cString: strerror(code)))")
    pthread_detach(thread)
}

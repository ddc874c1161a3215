internal import APIMachinery
internal import KubeAPI
internal import Synchronization

/// A pod that is to be tried now.
struct SchedulingJob: Sendable {
    let pod: Pod
    /// How often it was tried before.
    let attempts: Int
    /// Tells changes that happened while the pod was being tried from those before.
    let eventsSeen: UInt64
}

/// Pods that wait for a node: ready to be tried by priority, backing off, or waiting for the cluster to change.
///
/// A pod that fits nowhere is not tried again until something happens that could help it. Bounded by the number of
/// pods without a node. Handed to one consumer.
final class SchedulingQueue: Sendable {
    private let state = Mutex(QueueState())

    /// Takes in a pod that has no node yet, or a change to one.
    func upsert(_ pod: Pod) { update { $0.upsert(pod, now: .now) } }

    /// The pod needs no node any more: it has one, is gone, or is somebody else's to schedule.
    func remove(_ key: ObjectKey) { update { $0.entries[key] = nil } }

    /// The pod was bound.
    func finish(_ job: SchedulingJob) {
        update { if $0.entry(of: job) != nil { $0.entries[job.pod.key] = nil } }
    }

    /// No node can take the pod: it waits for one of `events`, or, at the latest, five minutes.
    func wait(_ job: SchedulingJob, for events: Set<ClusterEvent>) {
        update { $0.wait(job, for: events, now: .now) }
    }

    /// Something went wrong that says nothing about the cluster: another try after a back-off.
    func retry(_ job: SchedulingJob) { update { $0.backOff(job, now: .now) } }

    /// The cluster changed: pods that it may help are tried again.
    func note(_ event: ClusterEvent) { update { $0.note(event, now: .now) } }

    /// The pod to try next; `nil` once the task is cancelled.
    func next() async -> SchedulingJob? {
        while !Task.isCancelled {
            if let job = state.withLock({ $0.pop() }) { return job }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if state.hasReady || Task.isCancelled { return true }
                        state.waiter = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.waiter.take() }?.resume()
            }
        }
        return nil
    }

    /// Changes the state, then wakes the consumer and the timer as needed, outside the lock.
    private func update(_ change: (inout QueueState) -> Void) {
        let (waiter, deadline) = state.withLock { state in
            change(&state)
            return (state.hasReady ? state.waiter.take() : nil, state.takeTimerToSet())
        }
        waiter?.resume()
        guard let deadline else { return }
        // Unstructured, for it must outlive this call; it ends by itself at the deadline and holds the queue weakly.
        Task { [weak self] in
            try? await Task.sleep(until: deadline, clock: .continuous)
            self?.update { $0.timerFired(now: .now) }
        }
    }
}

/// The state machine of `SchedulingQueue`. Pure: time comes in as an argument.
struct QueueState {
    typealias Instant = ContinuousClock.Instant

    /// As upstream: `podInitialBackoffSeconds`, `podMaxBackoffSeconds`, `podMaxInUnschedulablePodsDuration`.
    static let backoffMin: Duration = .seconds(1)
    static let backoffMax: Duration = .seconds(10)
    static let waitMax: Duration = .seconds(300)

    enum Place: Equatable {
        /// In `ready`, under this ticket; other tickets of the pod are void.
        case ready(ticket: UInt64)
        case backingOff(until: Instant)
        case waiting(until: Instant)
        /// Being tried or bound.
        case inFlight
        /// Has scheduling gates: not to be tried at all.
        case gated
    }

    struct Entry {
        var pod: Pod
        var place: Place
        var attempts = 0
        var lastTried: Instant?
        var retryEvents: Set<ClusterEvent> = []
        /// Changed while in flight, so that the outcome may be out of date.
        var isChanged = false
    }

    var entries: [ObjectKey: Entry] = [:]
    var waiter: CheckedContinuation<Void, Never>?
    private var ready: [Int32: ReadyLine] = [:]
    private var nextTicket: UInt64 = 0
    /// Numbers the events; `lastEvent` has the number of the last one of each kind.
    private var eventCount: UInt64 = 0
    private var lastEvent: [ClusterEvent: UInt64] = [:]
    /// When the earliest back-off ends, and until when a timer is set.
    private var deadline: Instant?
    private var timer: Instant?

    private struct ReadyLine {
        var line: [(key: ObjectKey, ticket: UInt64)] = []
        var start = 0
    }

    var hasReady: Bool { !ready.isEmpty }

    /// The entry that the job is about, if it is still the same pod in flight.
    func entry(of job: SchedulingJob) -> Entry? {
        guard let entry = entries[job.pod.key], entry.place == .inFlight,
            entry.pod.metadata.uid == job.pod.metadata.uid
        else { return nil }
        return entry
    }

    mutating func upsert(_ pod: Pod, now: Instant) {
        let key = pod.key
        guard var entry = entries[key], entry.pod.metadata.uid == pod.metadata.uid else {
            entries[key] = Entry(pod: pod, place: .gated)
            if pod.spec.schedulingGates.isEmpty { makeReady(key) }
            return
        }
        // A change of status, such as our own condition, makes no difference to where the pod fits.
        let isChanged = entry.pod.spec != pod.spec || entry.pod.metadata.labels != pod.metadata.labels
        entry.pod = pod
        if isChanged, entry.place == .inFlight { entry.isChanged = true }
        entries[key] = entry
        guard isChanged else { return }
        switch entry.place {
        case .gated: if pod.spec.schedulingGates.isEmpty { makeReady(key) }
        case .waiting: makeReadyAfterBackoff(key, now: now)
        case .ready, .backingOff, .inFlight: break
        }
    }

    /// The ready pod of the highest priority that waited longest, now in flight.
    mutating func pop() -> SchedulingJob? {
        while let priority = ready.keys.max(), var line = ready[priority] {
            let (key, ticket) = line.line[line.start]
            line.start += 1
            ready[priority] = line.start == line.line.count ? nil : line
            guard var entry = entries[key], entry.place == .ready(ticket: ticket) else { continue }
            entry.place = .inFlight
            entry.isChanged = false
            entries[key] = entry
            return SchedulingJob(pod: entry.pod, attempts: entry.attempts, eventsSeen: eventCount)
        }
        return nil
    }

    mutating func wait(_ job: SchedulingJob, for events: Set<ClusterEvent>, now: Instant) {
        guard var entry = entry(of: job) else { return }
        let isOutdated = entry.isChanged || events.contains { (lastEvent[$0] ?? 0) > job.eventsSeen }
        entry.attempts += 1
        entry.lastTried = now
        entry.retryEvents = events
        entry.place = .waiting(until: now + Self.waitMax)
        entries[job.pod.key] = entry
        // Something happened while the pod was being tried that could have helped it.
        if isOutdated { makeReadyAfterBackoff(job.pod.key, now: now) } else { expect(now + Self.waitMax) }
    }

    mutating func backOff(_ job: SchedulingJob, now: Instant) {
        guard var entry = entry(of: job) else { return }
        entry.attempts += 1
        entry.lastTried = now
        entries[job.pod.key] = entry
        makeReadyAfterBackoff(job.pod.key, now: now)
    }

    mutating func note(_ event: ClusterEvent, now: Instant) {
        eventCount += 1
        lastEvent[event] = eventCount
        for (key, entry) in entries {
            if case .waiting = entry.place, entry.retryEvents.contains(event) { makeReadyAfterBackoff(key, now: now) }
        }
    }

    /// A deadline that a timer has to be set for.
    mutating func takeTimerToSet() -> Instant? {
        guard let deadline, timer.map({ deadline < $0 }) ?? true else { return nil }
        timer = deadline
        return deadline
    }

    mutating func timerFired(now: Instant) {
        guard let due = timer, due <= now else { return }
        timer = nil
        deadline = nil
        for (key, entry) in entries {
            switch entry.place {
            case .backingOff(let until), .waiting(let until):
                if until <= now { makeReady(key) } else { expect(until) }
            case .ready, .inFlight, .gated: break
            }
        }
    }

    private mutating func makeReadyAfterBackoff(_ key: ObjectKey, now: Instant) {
        guard let entry = entries[key] else { return }
        let doublings = min(max(entry.attempts - 1, 0), 4)
        let backoff = min(Self.backoffMin * (1 << doublings), Self.backoffMax)
        guard let until = entry.lastTried.map({ $0 + backoff }), until > now else { return makeReady(key) }
        entries[key]?.place = .backingOff(until: until)
        expect(until)
    }

    private mutating func makeReady(_ key: ObjectKey) {
        nextTicket += 1
        entries[key]?.place = .ready(ticket: nextTicket)
        let priority = entries[key]?.pod.spec.priority ?? 0
        ready[priority, default: ReadyLine()].line.append((key, nextTicket))
    }

    private mutating func expect(_ instant: Instant) {
        if deadline.map({ instant < $0 }) ?? true { deadline = instant }
    }
}

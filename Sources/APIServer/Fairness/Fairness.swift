internal import APIMachinery
internal import Storage
internal import Synchronization

/// Priority and fairness: how many requests run at once, and who waits when there are more.
///
/// Reads are answered on the event loop at once and need no seat; what runs on beside others (writes) takes a seat of
/// its priority level, waits for one in a bounded queue, or is refused with 429. Long-running requests take none.
///
/// Costs a match and a lock while nobody waits. The objects are read again only when one of them was written.
final class Fairness: Sendable {
    /// Upstream's default of requests in flight, reading and writing together.
    static let seatsMax = 600
    /// Longest wait for a seat: a quarter of upstream's request timeout.
    static let waitMax = Duration.seconds(15)
    private static let markingDelay = Duration.seconds(2)

    /// What a request was found to be.
    struct Match: Sendable {
        let schemaUID: String
        let levelUID: String
        fileprivate let level: Int?
        fileprivate let flow: Int
    }

    /// What matching needs; replaced as a whole.
    private struct Rules {
        var schemas: [FlowRules] = []
        /// Names of the levels to their places.
        var places: [String: Int] = [:]
        var uids: [String] = []
        var exempt: [Bool] = []
    }

    private struct State {
        var rules = Rules()
        var levels: [PriorityLevel] = []
        /// Counts configurations: seats of an earlier one are not given back to a later one.
        var generation = 0
        var nextID: UInt64 = 0
        var isMarkingDue = false
    }

    /// A seat in use.
    struct Seat: Sendable {
        fileprivate let level: Int?
        fileprivate let generation: Int
    }

    private let state = Mutex(State())
    private let store: any Store
    private let schemasPrefix: String
    private let levelsPrefix: String
    private let status: FlowSchemaStatus?

    init(_ configuration: APIServerConfiguration, _ registry: ResourceRegistry) {
        store = configuration.store
        let group = "flowcontrol.apiserver.k8s.io"
        schemasPrefix = registry.resource(group, "flowschemas")?.keyPrefix ?? "/registry/flowschemas/"
        levelsPrefix =
            registry.resource(group, "prioritylevelconfigurations")?.keyPrefix
            ?? "/registry/prioritylevelconfigurations/"
        status = FlowSchemaStatus(configuration, registry, levelsPrefix: levelsPrefix)
    }

    // MARK: Configuration

    /// Reads the objects again.
    func reload() {
        func all(_ prefix: String) -> [Value] {
            let list = try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil)
            return (list?.objects ?? []).compactMap { try? Value(json: $0.value) }
        }
        var levels = all(levelsPrefix).map(PriorityLevel.init)
        let schemas = all(schemasPrefix).map(FlowRules.init).sorted {
            ($0.precedence, $0.name) < ($1.precedence, $1.name)
        }
        let shares = max(1, levels.reduce(0) { $0 + $1.shares })
        for index in levels.indices {
            let part = (Double(Self.seatsMax) * Double(levels[index].shares) / Double(shares)).rounded(.up)
            levels[index].seats = max(1, Int(part))
        }
        let places = Dictionary(levels.enumerated().map { ($1.name, $0) }) { first, _ in first }
        let freed = state.withLock { state in
            let waiting = state.levels.indices.flatMap { state.levels[$0].removeAll() }
            state.levels = levels
            state.rules = Rules(
                schemas: schemas, places: places, uids: levels.map(\.uid), exempt: levels.map(\.isExempt))
            state.generation += 1
            return waiting
        }
        // Who waited under the old rules runs under none: there are few of them, and writes of these objects are rare.
        for waiter in freed { waiter.resume(true) }
    }

    /// Reads the objects again, and says in them what was found once they have been left alone for a moment: who
    /// writes one, reads it and writes it again must not meet us in between.
    func refresh() {
        reload()
        let isNew = state.withLock { state in
            defer { state.isMarkingDue = true }
            return !state.isMarkingDue
        }
        guard isNew, let status else { return }
        // Unstructured: the writer need not wait for it. One at most.
        Task {
            try? await Task.sleep(for: Self.markingDelay)
            state.withLock { $0.isMarkingDue = false }
            await status.mark()
        }
    }

    // MARK: Matching

    /// `nil` before there are any objects.
    func match(_ user: UserInfo, _ info: RequestInfo) -> Match? {
        let rules = state.withLock { $0.rules }
        guard let schema = rules.schemas.first(where: { rules.places[$0.level] != nil && $0.matches(user, info) }),
            let place = rules.places[schema.level]
        else { return nil }
        let isExempt = rules.exempt[place]
        var hasher = Hasher()
        if !isExempt {
            hasher.combine(schema.name)
            hasher.combine(schema.flow(user, info))
        }
        return Match(
            schemaUID: schema.uid, levelUID: rules.uids[place], level: isExempt ? nil : place,
            flow: isExempt ? 0 : hasher.finalize())
    }

    // MARK: Seats

    enum Entry: Sendable {
        /// It may run; `leave` when it is done.
        case entered(Seat)
        /// All seats are taken, and the level keeps nobody waiting.
        case refused
        /// All seats are taken: `wait`.
        case full
    }

    /// A seat, if one is free now and nobody waits for it.
    func enter(_ match: Match?) -> Entry {
        guard let match, let level = match.level else { return .entered(Seat(level: nil, generation: 0)) }
        return state.withLock { state in
            guard state.levels.indices.contains(level) else { return .entered(Seat(level: nil, generation: 0)) }
            if state.levels[level].waiting == 0, Self.hasSeat(state, level) {
                state.levels[level].running += 1
                return .entered(Seat(level: level, generation: state.generation))
            }
            return state.levels[level].queueCount > 0 ? .full : .refused
        }
    }

    /// Waits for a seat. `nil`: the queue is full, or it took too long.
    func wait(_ match: Match) async -> Seat? {
        guard let level = match.level else { return Seat(level: nil, generation: 0) }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        // Unstructured: nothing else wakes a request whose turn never comes. Bounded by the queues.
        let alarm = Task { [weak self] in
            try await Task.sleep(for: Self.waitMax)
            self?.expire(id, level)
        }
        defer { alarm.cancel() }
        return await withCheckedContinuation { (continuation: CheckedContinuation<Seat?, Never>) in
            enum Outcome {
                case now(Seat?)
                case later
            }
            let outcome = state.withLock { state -> Outcome in
                guard state.levels.indices.contains(level) else { return .now(Seat(level: nil, generation: 0)) }
                let seat = Seat(level: level, generation: state.generation)
                if state.levels[level].waiting == 0, Self.hasSeat(state, level) {
                    state.levels[level].running += 1
                    return .now(seat)
                }
                let waiter = PriorityLevel.Waiter(id: id) { continuation.resume(returning: $0 ? seat : nil) }
                return state.levels[level].enqueue(waiter, flow: match.flow) ? .later : .now(nil)
            }
            if case .now(let seat) = outcome { continuation.resume(returning: seat) }
        }
    }

    private func expire(_ id: UInt64, _ level: Int) {
        let waiter = state.withLock { state -> PriorityLevel.Waiter? in
            guard state.levels.indices.contains(level) else { return nil }
            return state.levels[level].remove(id)
        }
        waiter?.resume(false)
    }

    func leave(_ seat: Seat) {
        guard let level = seat.level else { return }
        let next = state.withLock { state -> [PriorityLevel.Waiter] in
            guard state.generation == seat.generation, state.levels.indices.contains(level) else { return [] }
            state.levels[level].running -= 1
            var next: [PriorityLevel.Waiter] = []
            // The own level first; then those that borrow.
            for index in [level] + state.levels.indices.filter({ $0 != level && state.levels[$0].waiting > 0 }) {
                while state.levels[index].waiting > 0, Self.hasSeat(state, index) {
                    guard let waiter = state.levels[index].dequeue() else { break }
                    state.levels[index].running += 1
                    next.append(waiter)
                }
            }
            return next
        }
        for waiter in next { waiter.resume(true) }
    }

    /// A level may use its own seats, and those of others that are free and not reserved.
    private static func hasSeat(_ state: State, _ level: Int) -> Bool {
        let own = state.levels[level]
        if own.running < own.reserved { return true }
        guard own.running < own.seatsMax else { return false }
        var taken = 0
        for other in state.levels where !other.isExempt {
            taken += other.name == own.name ? other.running : max(other.running, other.reserved)
        }
        return taken < seatsMax || own.running < own.seats
    }
}

/// Tells fairness that its objects were written.
struct FairnessRefresh: AdmissionPlugin {
    let fairness: Fairness

    func concerns(_ resource: Resource) -> Bool { resource.id.group == "flowcontrol.apiserver.k8s.io" }

    func commit(_ request: AdmissionRequest) {
        if !request.isDryRun, request.subresource.isEmpty { fairness.refresh() }
    }
}

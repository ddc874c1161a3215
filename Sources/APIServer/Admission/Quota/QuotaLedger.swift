internal import APIMachinery
internal import Storage
internal import Synchronization

/// Keeps `status.used` of all quotas exact, however many requests race.
///
/// Within a namespace one thing happens at a time: a charge (check, then write the new usage) or a recount (count what
/// the store holds, then write that). A charge whose object is not stored yet is remembered as under way, and a recount
/// adds it: between the two writes the object is in no list.
///
/// A charge is written as what may wait for the disk: the object's own write, which follows, carries it there.
final class QuotaLedger: Sendable {
    /// A charge that is under way.
    struct Charge: Sendable {
        let id: UInt64
        /// Key of the object that is to be made; `nil` for one that changes.
        let created: String?
        /// By quota.
        let amounts: [String: QuotaAmounts]
    }

    private struct Namespace {
        var isHeld = false
        /// Bounded by the requests the server works on.
        var waiters: [CheckedContinuation<Void, Never>] = []
        var underWay: [UInt64: Charge] = [:]
        /// A recount met a change under way, of which no list tells whether it is done.
        var isUncertain = false
        var isRecountDue = false
        /// What each object counted when it was last looked at, by its key. Holds live objects only.
        var counted: [String: (revision: Int64, amounts: QuotaAmounts)] = [:]

        var isIdle: Bool { !isHeld && waiters.isEmpty && underWay.isEmpty && !isRecountDue && counted.isEmpty }
    }

    private struct State {
        var nextID: UInt64 = 0
        var namespaces: [String: Namespace] = [:]
    }

    private let state = Mutex(State())
    private let store: any Store
    private let codec: StorageCodec
    private let quotas: Resource?
    private let resources: [Resource]
    private let clock: @Sendable () -> Time

    /// Attempts at a quota that others write at the same time.
    private static let attemptsMax = 16

    init(_ configuration: APIServerConfiguration, _ registry: ResourceRegistry) {
        store = configuration.store
        codec = StorageCodec(schema: configuration.schema)
        clock = configuration.clock
        quotas = registry.resource("", "resourcequotas")
        var seen = Set<ResourceID>()
        resources = registry.all.filter {
            $0.isNamespaced && $0.supports("list") && $0.id.plural != "events" && seen.insert($0.id).inserted
        }
    }

    func hasQuotas(_ namespace: String) -> Bool {
        guard let quotas else { return false }
        return store.count(prefix: quotas.prefix(namespace: namespace)) > 0
    }

    // MARK: Charging

    /// - Throws: the refusal, if a quota would be exceeded.
    func charge(_ request: AdmissionRequest) async throws(APIError) -> Charge? {
        let namespace = request.namespace
        await acquire(namespace)
        defer { release(namespace) }
        for _ in 0..<Self.attemptsMax {
            let drafts = try drafts(request)
            guard !drafts.isEmpty, !request.isDryRun else { return nil }
            if let charge = try await write(drafts, request) { return charge }
        }
        throw .conflict(
            ResourceID(group: "", plural: "resourcequotas"), request.object.name, APIError.staleWrite)
    }

    private struct Draft {
        let stored: StoredObject
        let quota: Value
        let added: QuotaAmounts
        let used: QuotaAmounts
    }

    /// The quotas that change, with what they become.
    private func drafts(_ request: AdmissionRequest) throws(APIError) -> [Draft] {
        let evaluator = QuotaEvaluator(request.resource.id)
        let now = clock()
        let usage = evaluator.usage(of: request.object, now: now)
        let before = request.old.map { evaluator.usage(of: $0, now: now) }
        var drafts: [Draft] = []
        for stored in list(request.namespace) {
            guard let quota = try? Value(json: stored.value) else { continue }
            let hard = Self.hard(quota)
            let names = hard.keys.filter { evaluator.covers($0) }
            guard !names.isEmpty, QuotaScope.matches(quota, request.object, evaluator) else { continue }
            if let why = evaluator.missing(request.object, for: names) {
                throw request.forbidden("failed quota: \(quota.name): \(why)")
            }
            let negative = usage.filter { $0.value.sign < 0 }.keys.sorted()
            guard negative.isEmpty else {
                throw request.forbidden(
                    "quota usage is negative for resource(s): \(negative.joined(separator: ","))")
            }
            var added = usage
            if let old = request.old, let before, QuotaScope.matches(quota, old, evaluator) {
                for (name, amount) in before { added[name] = (added[name] ?? .zero) - amount }
            }
            added = added.only(Array(hard.keys)).filter { $0.value.sign > 0 }
            guard !added.isEmpty else { continue }
            let used = self.used(quota, request.namespace)
            let total = used + added
            let exceeded = added.keys.filter { name in hard[name].map { (total[name] ?? .zero) > $0 } ?? false }
            guard exceeded.isEmpty else {
                throw request.forbidden(
                    "exceeded quota: \(quota.name), requested: \(added.only(exceeded).text), "
                        + "used: \(used.only(exceeded).text), limited: \(hard.only(exceeded).text)")
            }
            drafts.append(Draft(stored: stored, quota: quota, added: added, used: total))
        }
        return drafts
    }

    /// `nil`: somebody else wrote one of the quotas; what was charged is taken back by a recount.
    private func write(_ drafts: [Draft], _ request: AdmissionRequest) async throws(APIError) -> Charge? {
        let namespace = request.namespace
        for draft in drafts {
            guard try await put(draft.quota, used: draft.used, over: draft.stored, .batched) else {
                recount(namespace)
                return nil
            }
        }
        let amounts = Dictionary(uniqueKeysWithValues: drafts.map { ($0.quota.name, $0.added) })
        let created =
            request.operation == .create
            ? request.resource.key(namespace: namespace, name: request.object.name) : nil
        return state.withLock { state in
            state.nextID += 1
            let charge = Charge(id: state.nextID, created: created, amounts: amounts)
            state.namespaces[namespace, default: Namespace()].underWay[charge.id] = charge
            return charge
        }
    }

    /// The object of a charge is stored, or will never be.
    func settle(_ charge: Charge, _ namespace: String) {
        let isUncertain = state.withLock { state -> Bool in
            guard var own = state.namespaces[namespace] else { return false }
            own.underWay[charge.id] = nil
            let isUncertain = own.isUncertain && own.underWay.isEmpty
            if isUncertain { own.isUncertain = false }
            state.namespaces[namespace] = own.isIdle ? nil : own
            return isUncertain
        }
        if isUncertain { recount(namespace) }
    }

    // MARK: Counting

    /// Has the usage of a namespace's quotas counted soon. Cheap where there are none.
    func recount(_ namespace: String) {
        guard hasQuotas(namespace) else {
            state.withLock { state in
                state.namespaces[namespace]?.counted = [:]
                if state.namespaces[namespace]?.isIdle == true { state.namespaces[namespace] = nil }
            }
            return
        }
        let isNew = state.withLock { state in
            let isDue = state.namespaces[namespace]?.isRecountDue ?? false
            state.namespaces[namespace, default: Namespace()].isRecountDue = true
            return !isDue
        }
        guard isNew else { return }
        // Unstructured: the request that made it due need not wait for it. One a namespace at most.
        Task { await count(namespace) }
    }

    /// For the start: what was charged for objects that a crash kept from being stored is free again.
    func recountAll() {
        guard let quotas, let list = try? store.list(prefix: quotas.keyPrefix, startKey: nil, limit: 0, at: nil) else {
            return
        }
        for namespace in Set(list.objects.map { MetadataScanner(json: $0.value).metadata.namespace }) {
            recount(namespace)
        }
    }

    private func count(_ namespace: String) async {
        await acquire(namespace)
        defer { release(namespace) }
        // From here on a further change makes a further recount due.
        state.withLock { state in state.namespaces[namespace]?.isRecountDue = false }
        for stored in list(namespace) {
            guard let quota = try? Value(json: stored.value) else { continue }
            let used = counted(quota, namespace)
            // A conflict is another's write, which has a recount of its own.
            let isWritten = try? await put(quota, used: used, over: stored, .durable)
            if isWritten == false { recount(namespace) }
        }
        prune(namespace)
    }

    /// What counts towards `quota` now, charges under way included.
    private func counted(_ quota: Value, _ namespace: String) -> QuotaAmounts {
        // Read before the lists: a charge that ends in between is counted twice rather than not at all.
        let underWay = state.withLock { state in
            state.namespaces[namespace]?.underWay.values.filter { $0.amounts[quota.name] != nil } ?? []
        }
        let awaited = Set(underWay.compactMap(\.created))
        var arrived = Set<String>()
        let names = Array(Self.specHard(quota).keys)
        var used: QuotaAmounts = [:]
        for resource in resources {
            let evaluator = QuotaEvaluator(resource.id)
            let own = names.filter { evaluator.covers($0) }
            guard !own.isEmpty else { continue }
            for name in own { used[name] = used[name] ?? .zero }
            for object in objects(resource, namespace) {
                if !awaited.isEmpty, awaited.contains(object.key) { arrived.insert(object.key) }
                guard let amounts = amounts(object, evaluator, quota, namespace) else { continue }
                used = used + amounts.only(own)
            }
        }
        for charge in underWay {
            if let key = charge.created, arrived.contains(key) { continue }
            if charge.created == nil {
                state.withLock { state in state.namespaces[namespace]?.isUncertain = true }
            }
            used = used + (charge.amounts[quota.name] ?? [:]).only(names)
        }
        return used
    }

    private func objects(_ resource: Resource, _ namespace: String) -> [StoredObject] {
        let prefix = resource.prefix(namespace: namespace)
        return (try? store.list(prefix: prefix, startKey: nil, limit: 0, at: nil))?.objects ?? []
    }

    /// `nil` for an object outside the quota's scopes.
    private func amounts(
        _ object: StoredObject, _ evaluator: QuotaEvaluator, _ quota: Value, _ namespace: String
    ) -> QuotaAmounts? {
        let isScoped = !QuotaScope.selectors(quota).isEmpty
        if !isScoped {
            if case .objects = evaluator { return evaluator.usage(of: .null, now: clock()) }
            let known = state.withLock { state in state.namespaces[namespace]?.counted[object.key] }
            if let known, known.revision == object.revision { return known.amounts }
        }
        guard let value = try? Value(json: object.value) else { return nil }
        if isScoped, !QuotaScope.matches(quota, value, evaluator) { return nil }
        let amounts = evaluator.usage(of: value, now: clock())
        // What is being deleted stops counting without being written.
        if !isScoped, !value.isBeingDeleted {
            state.withLock { state in
                state.namespaces[namespace]?.counted[object.key] = (object.revision, amounts)
            }
        }
        return amounts
    }

    private func prune(_ namespace: String) {
        let known = state.withLock { state in
            (state.namespaces[namespace]?.counted ?? [:]).map { ($0.key, $0.value.revision) }
        }
        let gone = known.filter { store.get($0.0)?.revision != $0.1 }.map(\.0)
        state.withLock { state in
            for key in gone { state.namespaces[namespace]?.counted[key] = nil }
        }
    }

    // MARK: Quotas

    private func list(_ namespace: String) -> [StoredObject] {
        guard let quotas else { return [] }
        return objects(quotas, namespace)
    }

    private static func specHard(_ quota: Value) -> QuotaAmounts { PodResources.list(quota["spec"] ?? [:], "hard") }

    /// What is enforced. A quota that was not counted yet is enforced from the start, as `used` counts it at once.
    private static func hard(_ quota: Value) -> QuotaAmounts {
        let observed = PodResources.list(quota["status"] ?? [:], "hard")
        return observed.isEmpty ? specHard(quota) : observed
    }

    private func used(_ quota: Value, _ namespace: String) -> QuotaAmounts {
        let observed = PodResources.list(quota["status"] ?? [:], "used")
        return observed.isEmpty ? counted(quota, namespace) : observed
    }

    /// Writes the status. False: `stored` is not the newest state.
    private func put(
        _ quota: Value, used: QuotaAmounts, over stored: StoredObject, _ durability: StoreWrite.Durability
    ) async throws(APIError) -> Bool {
        guard let quotas else { return true }
        let hard = Self.specHard(quota)
        guard
            PodResources.list(quota["status"] ?? [:], "used") != used
                || PodResources.list(quota["status"] ?? [:], "hard") != hard
        else { return true }
        var quota = quota
        quota["status"] = ["hard": quota[path: "spec", "hard"] ?? [:], "used": used.list]
        do {
            _ = try await store.write(
                StoreWrite(
                    key: stored.key, operation: .put(codec.encode(quota, as: quotas)),
                    precondition: .revision(stored.revision), durability: durability))
            return true
        } catch .conflict, .notFound {
            return false
        } catch {
            throw APIError(error)
        }
    }

    // MARK: One at a time

    private func acquire(_ namespace: String) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                let isHeld = state.namespaces[namespace]?.isHeld ?? false
                state.namespaces[namespace, default: Namespace()].isHeld = true
                if isHeld { state.namespaces[namespace]?.waiters.append(continuation) }
                return !isHeld
            }
            if isFree { continuation.resume() }
        }
    }

    private func release(_ namespace: String) {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard var own = state.namespaces[namespace] else { return nil }
            if !own.waiters.isEmpty {
                let next = own.waiters.removeFirst()
                state.namespaces[namespace]?.waiters.removeFirst()
                return next
            }
            own.isHeld = false
            state.namespaces[namespace] = own.isIdle ? nil : own
            return nil
        }
        next?.resume()
    }
}

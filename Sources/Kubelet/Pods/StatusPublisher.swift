internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Brings one pod's status to the API server: only differences, only the newest, one request at a time.
actor StatusPublisher {
    private let client: Client
    private let logger: Logger
    private let key: ObjectKey
    /// `nil` while there is nothing in the API to write to: a static pod without its mirror.
    private var uid: String?
    /// The newest status, for a mirror that comes later.
    private var newest: PodStatus?
    /// What the server has, as far as we know.
    private var published: PodStatus
    private var revision: Int64
    private var wanted: PodStatus?
    private var isSending = false
    private var idleWaiters: [CheckedContinuation<Void, Never>] = []
    private static let retryDelay = Duration.milliseconds(500)

    init(client: Client, logger: Logger, pod: Pod, isStatic: Bool = false) {
        self.client = client
        self.logger = logger
        key = pod.key
        uid = isStatic ? nil : pod.metadata.uid ?? ""
        published = pod.status
        revision = Self.revision(of: pod)
    }

    /// Makes `status` the wanted one. Returns at once if a request is under way: that one's end takes it along.
    func publish(_ status: PodStatus) async {
        newest = status
        guard uid != nil else { return }
        wanted = status
        guard !isSending else { return }
        isSending = true
        while let next = wanted {
            wanted = nil
            await send(next)
        }
        isSending = false
        for waiter in idleWaiters { waiter.resume() }
        idleWaiters = []
    }

    /// Writes to `mirror` from now on; `nil` writes nowhere.
    func address(_ mirror: Pod?) async {
        guard let mirror, let other = mirror.metadata.uid else {
            uid = nil
            wanted = nil
            return
        }
        if uid == other { return observed(mirror) }
        uid = other
        published = mirror.status
        revision = Self.revision(of: mirror)
        if let newest { await publish(newest) }
    }

    /// Returns when nothing is under way.
    func waitUntilIdle() async {
        guard isSending else { return }
        await withCheckedContinuation { idleWaiters.append($0) }
    }

    /// Another's write (the scheduler's condition, a readiness gate) was seen. Older versions than our last write
    /// are passed over.
    func observed(_ pod: Pod) {
        let seen = Self.revision(of: pod)
        guard !isSending, seen > revision else { return }
        revision = seen
        published = pod.status
    }

    private static func revision(of pod: Pod) -> Int64 { Int64(pod.metadata.resourceVersion ?? "") ?? 0 }

    private func send(_ status: PodStatus) async {
        guard let uid, let patch = Self.patch(from: published, to: status, uid: uid) else { return }
        do {
            let pod = try await client.patch(Pod.self, key, .strategic(patch), subresource: "status")
            published = pod.status
            revision = Self.revision(of: pod)
        } catch {
            // A pod that is gone, or another of its name, needs no status.
            if error.isNotFound || error.isConflict { return }
            guard !Task.isCancelled else { return }
            logger.warning("cannot write the status of pod \(key): \(error.message)")
            // The same words will be refused again; others may not be. An end of the pod must not wait for them.
            if error.isInvalid { return }
            try? await Task.sleep(for: Self.retryDelay)
            if wanted == nil, !Task.isCancelled { wanted = status }
        }
    }

    /// The fields that differ, `null` for those that went; `nil` if none do.
    static func patch(from old: PodStatus, to new: PodStatus, uid: String) -> Value? {
        guard old != new, let oldFields = fields(old), let newFields = fields(new) else { return nil }
        var changed = OrderedFields()
        for (name, value) in newFields.entries where oldFields[name] != value { changed[name] = value }
        for name in oldFields.keys where newFields[name] == nil { changed[name] = .null }
        if changed["conditions"] != nil { changed["conditions"] = conditions(from: old, to: new) }
        // These lists merge: what is in them no more has to be said.
        for name in ["podIPs", "hostIPs"] {
            guard let new = changed[name]?.array, let old = oldFields[name]?.array else { continue }
            let gone = old.filter { !new.contains($0) }.map { address -> Value in
                var deletion = address
                deletion["$patch"] = "delete"
                return deletion
            }
            changed[name] = .array(new + gone)
        }
        guard !changed.isEmpty else { return nil }
        var metadata = OrderedFields()
        metadata["uid"] = .string(uid)
        var patch = OrderedFields()
        patch["metadata"] = .object(metadata)
        patch["status"] = .object(changed)
        return .object(patch)
    }

    /// The list is merged by type: what went, of it or of a condition, must be taken away by name.
    private static func conditions(from old: PodStatus, to new: PodStatus) -> Value {
        let gone = old.conditions.map(\.type).filter { type in !new.conditions.contains { $0.type == type } }
        let kept = new.conditions.compactMap { condition -> Value? in
            guard var fields = (try? Value(json: condition.jsonBytes()))?.fields else { return nil }
            let before = old.conditions.first { $0.type == condition.type }
            if before?.reason != nil, condition.reason == nil { fields["reason"] = .null }
            if before?.message != nil, condition.message == nil { fields["message"] = .null }
            return .object(fields)
        }
        return .array(kept + gone.map { .object(OrderedFields([("$patch", "delete"), ("type", .string($0))])) })
    }

    private static func fields(_ status: PodStatus) -> OrderedFields? {
        (try? Value(json: status.jsonBytes()))?.fields
    }
}

internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging
internal import Synchronization

/// Follows the ConfigMaps and Secrets that this node's pods use, and tells whose content may have changed.
///
/// One watch an object, however many pods use it: a node may look at nothing but what its pods name.
final class ReferencedContent: Sendable {
    enum Reference: Hashable, Sendable {
        case configMap(ObjectKey)
        case secret(ObjectKey)
        /// Told by `claimChanged`, not watched here.
        case claim(ObjectKey)
    }

    private struct State {
        var references: [String: Set<Reference>] = [:]
        var users: [Reference: Set<String>] = [:]
        var watches: [Reference: Task<Void, Never>] = [:]
        /// Told, not yet taken: bounds the stream by the number of pods.
        var pending: Set<String> = []
    }

    private let client: Client
    private let logger: Logger
    private let state = Mutex(State())
    private let changes: AsyncStream<String>
    private let change: AsyncStream<String>.Continuation

    init(client: Client, logger: Logger) {
        self.client = client
        self.logger = logger
        (changes, change) = AsyncStream.makeStream(of: String.self)
    }

    /// Hands out the uids of pods to look at again, until the task is cancelled, which also ends the watches.
    func run(_ body: (String) async -> Void) async {
        for await uid in changes {
            _ = state.withLock { $0.pending.remove(uid) }
            await body(uid)
        }
        let watches = state.withLock { state in
            defer { state = State() }
            return Array(state.watches.values)
        }
        for watch in watches { watch.cancel() }
    }

    /// From now on changes of what `pod` uses are told.
    func follow(_ pod: Pod) {
        guard let uid = pod.metadata.uid else { return }
        let wanted = Self.references(of: pod)
        let ended = state.withLock { state -> [Task<Void, Never>] in
            let old = state.references[uid] ?? []
            guard old != wanted else { return [] }
            state.references[uid] = wanted.isEmpty ? nil : wanted
            for reference in wanted.subtracting(old) {
                state.users[reference, default: []].insert(uid)
                if state.watches[reference] == nil { state.watches[reference] = watch(reference) }
            }
            return Self.drop(old.subtracting(wanted), of: uid, &state)
        }
        for watch in ended { watch.cancel() }
    }

    func forget(_ uid: String) {
        let ended = state.withLock { state -> [Task<Void, Never>] in
            guard let old = state.references.removeValue(forKey: uid) else { return [] }
            return Self.drop(old, of: uid, &state)
        }
        for watch in ended { watch.cancel() }
    }

    private static func drop(
        _ references: Set<Reference>, of uid: String, _ state: inout State
    ) -> [Task<Void, Never>] {
        references.compactMap { reference in
            state.users[reference]?.remove(uid)
            guard state.users[reference]?.isEmpty ?? true else { return nil }
            state.users[reference] = nil
            return state.watches.removeValue(forKey: reference)
        }
    }

    /// Unstructured: a watch lives as long as a pod names its object, and `run` ends what is left.
    private func watch(_ reference: Reference) -> Task<Void, Never>? {
        switch reference {
        case .configMap(let key): Task { await follow(ConfigMap.self, key, reference) }
        case .secret(let key): Task { await follow(Secret.self, key, reference) }
        case .claim: nil
        }
    }

    private func follow<T: APIObject>(_ type: T.Type, _ key: ObjectKey, _ reference: Reference) async {
        let scope = WatchScope(
            resource: T.resource, namespace: key.namespace, fieldSelector: "metadata.name=\(key.name)")
        await Reflector<T>(client: client, scope: scope, logger: logger) { [weak self] event in
            switch event {
            case .upserted, .deleted: self?.tell(reference)
            case .replaceBegan, .replaceEnded: break
            }
        }.run()
    }

    /// A claim was bound, or otherwise changed.
    func claimChanged(_ key: ObjectKey) { tell(.claim(key)) }

    private func tell(_ reference: Reference) {
        let users = state.withLock { state in
            (state.users[reference] ?? []).filter { state.pending.insert($0).inserted }
        }
        for uid in users { change.yield(uid) }
    }

    /// What the pod's volumes and environments are made of.
    static func references(of pod: Pod) -> Set<Reference> {
        var found: Set<Reference> = []
        func key(_ name: String) -> ObjectKey { ObjectKey(namespace: pod.metadata.namespace ?? "", name: name) }
        for volume in pod.spec.volumes {
            if let source = volume.configMap { found.insert(.configMap(key(source.name))) }
            if let name = volume.secret?.secretName { found.insert(.secret(key(name))) }
            if let name = volume.persistentVolumeClaim?.claimName { found.insert(.claim(key(name))) }
            if volume.ephemeral != nil { found.insert(.claim(key("\(pod.key.name)-\(volume.name)"))) }
            for part in volume.projected?.sources ?? [] {
                if let source = part.configMap { found.insert(.configMap(key(source.name))) }
                if let source = part.secret { found.insert(.secret(key(source.name))) }
            }
        }
        for container in pod.runnableContainers {
            for variable in container.env {
                if let source = variable.valueFrom?.configMapKeyRef { found.insert(.configMap(key(source.name))) }
                if let source = variable.valueFrom?.secretKeyRef { found.insert(.secret(key(source.name))) }
            }
            for all in container.envFrom {
                if let source = all.configMapRef { found.insert(.configMap(key(source.name))) }
                if let source = all.secretRef { found.insert(.secret(key(source.name))) }
            }
        }
        return found.filter { reference in
            switch reference {
            case .configMap(let key), .secret(let key), .claim(let key): !key.name.isEmpty
            }
        }
    }
}

internal import APIMachinery
internal import Storage
internal import Synchronization

/// A RoleBinding or ClusterRoleBinding, as far as authorization needs it.
final class RoleGrant: Sendable {
    struct Subject: Sendable {
        let kind: String
        let name: String
        let namespace: String

        /// What a user or one of its groups is looked up by.
        func key(bindingNamespace: String) -> String {
            switch kind {
            case "Group": return "g:" + name
            case "ServiceAccount":
                let owner = namespace.isEmpty ? bindingNamespace : namespace
                return "u:system:serviceaccount:\(owner):\(name)"
            default: return "u:" + name
            }
        }
    }

    let name: String
    /// Empty for a ClusterRoleBinding.
    let namespace: String
    let roleKind: String
    let roleName: String
    let subjects: [Subject]

    init(_ binding: Value) {
        name = binding.name
        namespace = binding.namespace
        roleKind = binding[path: "roleRef", "kind"]?.string ?? ""
        roleName = binding[path: "roleRef", "name"]?.string ?? ""
        subjects = binding.list("subjects").map {
            Subject(kind: $0.text("kind"), name: $0.text("name"), namespace: $0.text("namespace"))
        }
    }

    /// `RoleBinding "rb/ns" of Role "r" to User "bob"`: why somebody is let in.
    func reason(_ subject: Subject) -> String {
        let binding =
            namespace.isEmpty ? "ClusterRoleBinding \(quoted(name))" : "RoleBinding \(quoted(name + "/" + namespace))"
        return "\(binding) of \(roleKind) \(quoted(roleName)) to \(describe(subject))"
    }

    private func describe(_ subject: Subject) -> String {
        guard subject.kind == "ServiceAccount" else { return "\(subject.kind) \(quoted(subject.name))" }
        let owner = subject.namespace.isEmpty ? namespace : subject.namespace
        return "ServiceAccount \(quoted(subject.name + "/" + owner))"
    }
}

/// Who is bound to which role: all bindings of the store, by namespace and subject.
///
/// The store queues a binding's event before it answers the writer, and every look-up takes what is queued first: so a
/// binding is in force for the request that follows its creation.
final class RoleBindingIndex: Sendable {
    private static let eventsAtOnceMax = 256

    private let store: any Store
    private let prefixes: [String]
    private let state = Mutex(State())

    struct Match: Sendable {
        let grant: RoleGrant
        let subject: RoleGrant.Subject
    }

    private struct State {
        var watchers: [StoreWatcher] = []
        var grants: [String: RoleGrant] = [:]
        /// Namespace (empty for the cluster) to subject to keys of `grants`, sorted.
        var bySubject: [String: [String: [String]]] = [:]
    }

    /// `prefixes`: where ClusterRoleBindings and RoleBindings rest.
    init(store: any Store, prefixes: [String]) {
        self.store = store
        self.prefixes = prefixes
    }

    /// The grants to `user` in the whole cluster, then those in `namespace` (none if empty).
    func matches(_ user: UserInfo, namespace: String) -> [Match] {
        let keys = ["u:" + user.name] + user.groups.map { "g:" + $0 }
        return state.withLock { state in
            catchUp(&state)
            var found: [Match] = []
            for scope in namespace.isEmpty ? [""] : ["", namespace] {
                guard let subjects = state.bySubject[scope] else { continue }
                var seen: Set<String> = []
                for key in keys {
                    for id in subjects[key] ?? [] where seen.insert(id).inserted {
                        guard let grant = state.grants[id],
                            let subject = grant.subjects.first(where: {
                                keys.contains($0.key(bindingNamespace: grant.namespace))
                            })
                        else { continue }
                        found.append(Match(grant: grant, subject: subject))
                    }
                }
            }
            return found
        }
    }

    private func catchUp(_ state: inout State) {
        if state.watchers.isEmpty { load(&state) }
        for watcher in state.watchers {
            while true {
                let batch = watcher.drain(max: Self.eventsAtOnceMax)
                for event in batch.events { apply(event, &state) }
                if batch.end != nil {
                    // Fell behind, or the store is closing: begin anew with the next look-up.
                    for watcher in state.watchers { watcher.cancel() }
                    state.watchers = []
                    return
                }
                if batch.events.count < Self.eventsAtOnceMax { break }
            }
        }
    }

    private func load(_ state: inout State) {
        var watchers: [StoreWatcher] = []
        var grants: [String: RoleGrant] = [:]
        for prefix in prefixes {
            guard let (list, watcher) = try? store.listAndWatch(prefix: prefix) else { return }
            watchers.append(watcher)
            for object in list.objects {
                if let binding = try? Value(json: object.value) { grants[object.key] = RoleGrant(binding) }
            }
        }
        state = State(watchers: watchers)
        for (id, grant) in grants { add(id, grant, &state) }
    }

    private func apply(_ event: StoreEvent, _ state: inout State) {
        let id = event.object.key
        if let old = state.grants.removeValue(forKey: id) { remove(id, old, &state) }
        guard event.change != .deleted, let binding = try? Value(json: event.object.value) else { return }
        add(id, RoleGrant(binding), &state)
    }

    private func add(_ id: String, _ grant: RoleGrant, _ state: inout State) {
        state.grants[id] = grant
        for key in Set(grant.subjects.map({ $0.key(bindingNamespace: grant.namespace) })) {
            var list = state.bySubject[grant.namespace]?[key] ?? []
            list.insert(id, at: list.firstIndex { $0 > id } ?? list.endIndex)
            state.bySubject[grant.namespace, default: [:]][key] = list
        }
    }

    private func remove(_ id: String, _ grant: RoleGrant, _ state: inout State) {
        for subject in grant.subjects {
            let key = subject.key(bindingNamespace: grant.namespace)
            state.bySubject[grant.namespace]?[key]?.removeAll { $0 == id }
            if state.bySubject[grant.namespace]?[key]?.isEmpty ?? false {
                state.bySubject[grant.namespace]?[key] = nil
            }
        }
        if state.bySubject[grant.namespace]?.isEmpty ?? false { state.bySubject[grant.namespace] = nil }
    }
}

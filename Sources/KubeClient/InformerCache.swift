package import APIMachinery
internal import Synchronization

/// A way to look objects up by something other than their key.
package struct InformerIndex<T: APIObject>: Sendable {
    package let name: String
    /// The values under which an object is found; empty if under none.
    package let values: @Sendable (T) -> [String]

    package init(_ name: String, values: @escaping @Sendable (T) -> [String]) {
        self.name = name
        self.values = values
    }

    /// By namespace. Every informer has it.
    static var namespace: InformerIndex { InformerIndex("namespace") { [$0.metadata.namespace ?? ""] } }

    /// By the UID of the controlling owner. Every informer has it.
    static var controller: InformerIndex {
        InformerIndex("controller") { object in
            object.metadata.ownerReferences.first { $0.controller == true }.map { [$0.uid] } ?? []
        }
    }
}

/// The objects of an informer and their indexes.
final class InformerCache<T: APIObject>: Sendable {
    enum Change {
        case added
        case updated(old: T)
    }

    /// Boxed: a dictionary of large structs wastes what its load factor leaves empty.
    private final class Entry: Sendable {
        let object: T
        init(_ object: T) { self.object = object }
    }

    private struct Index {
        let definition: InformerIndex<T>
        var entries: [String: [ObjectKey: Entry]] = [:]

        mutating func insert(_ entry: Entry, _ key: ObjectKey) {
            for value in definition.values(entry.object) { entries[value, default: [:]][key] = entry }
        }

        mutating func remove(_ entry: Entry, _ key: ObjectKey) {
            for value in definition.values(entry.object) {
                entries[value]?[key] = nil
                if entries[value]?.isEmpty == true { entries[value] = nil }
            }
        }
    }

    private struct State {
        var entries: [ObjectKey: Entry] = [:]
        var indexes: [String: Index] = [:]
    }

    private let state: Mutex<State>

    init() {
        var indexes: [String: Index] = [:]
        for index in [InformerIndex<T>.namespace, .controller] { indexes[index.name] = Index(definition: index) }
        state = Mutex(State(indexes: indexes))
    }

    func addIndex(_ definition: InformerIndex<T>) {
        state.withLock { state in
            guard state.indexes[definition.name] == nil else { return }
            var index = Index(definition: definition)
            for (key, entry) in state.entries { index.insert(entry, key) }
            state.indexes[definition.name] = index
        }
    }

    /// Keeps `object`. `nil` if that revision was there already.
    func upsert(_ object: T) -> Change? {
        let key = object.key
        let entry = Entry(object)
        return state.withLock { state in
            let old = state.entries.updateValue(entry, forKey: key)
            for name in state.indexes.keys {
                if let old { state.indexes[name]?.remove(old, key) }
                state.indexes[name]?.insert(entry, key)
            }
            guard let old else { return .added }
            let isSame =
                old.object.metadata.resourceVersion == object.metadata.resourceVersion
                && old.object.metadata.uid == object.metadata.uid
            return isSame ? nil : .updated(old: old.object)
        }
    }

    func remove(_ key: ObjectKey) -> T? {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: key) else { return nil }
            for name in state.indexes.keys { state.indexes[name]?.remove(entry, key) }
            return entry.object
        }
    }

    subscript(key: ObjectKey) -> T? { state.withLock { $0.entries[key]?.object } }

    var count: Int { state.withLock { $0.entries.count } }
    var keys: [ObjectKey] { state.withLock { Array($0.entries.keys) } }
    var all: [T] { state.withLock { $0.entries.values.map(\.object) } }

    /// Objects under `value` of an index; empty if the index does not exist.
    func list(index: String, value: String) -> [T] {
        state.withLock { state in
            state.indexes[index]?.entries[value]?.values.map(\.object) ?? []
        }
    }
}

/// Reads of an informer's cache. Each call sees one consistent state; the objects are values, so nobody can change
/// what is cached.
package struct Lister<T: APIObject>: Sendable {
    private let cache: InformerCache<T>

    init(cache: InformerCache<T>) {
        self.cache = cache
    }

    package subscript(key: ObjectKey) -> T? { cache[key] }
    package var count: Int { cache.count }
    package var keys: [ObjectKey] { cache.keys }
    /// In no particular order, as all lists here.
    package var all: [T] { cache.all }

    package func list(namespace: String) -> [T] { cache.list(index: "namespace", value: namespace) }

    /// Objects whose controlling owner has this UID.
    package func list(controlledBy uid: String) -> [T] { cache.list(index: "controller", value: uid) }

    /// Objects under `value` of an index that was added to the informer.
    package func list(index: String, value: String) -> [T] { cache.list(index: index, value: value) }
}

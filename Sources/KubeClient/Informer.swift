package import APIMachinery
internal import Logging
internal import Synchronization

/// One shared, always current copy of a collection, with handlers that are told of each change.
///
/// Obtained from an `InformerFactory`, whose `run` keeps it current.
package final class Informer<T: APIObject>: Sendable {
    /// Snapshot reads.
    package let lister: Lister<T>
    let scope: WatchScope
    private let cache: InformerCache<T>
    private let transform: (@Sendable (inout T) -> Void)?
    private let delivery = Mutex(Delivery())

    private struct Handler: Sendable {
        let onAdd: @Sendable (T) -> Void
        let onUpdate: @Sendable (_ old: T, _ new: T) -> Void
        let onDelete: @Sendable (T) -> Void
    }

    private struct Delivery {
        var handlers: [Handler] = []
        /// Calls to be made, in order. Bounded: the reflector reads nothing while it delivers, so only calls of a
        /// handler being added can wait here.
        var queue: [@Sendable () -> Void] = []
        var isDelivering = false
        var hasSynced = false
        var syncWaiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
        /// Keys seen since `.replaceBegan`; `nil` outside a full list.
        var listed: Set<ObjectKey>?
    }

    /// `transform`: drops what no consumer needs, before an object is kept. Must keep metadata's identity.
    init(scope: WatchScope, transform: (@Sendable (inout T) -> Void)?) {
        self.scope = scope
        self.transform = transform
        cache = InformerCache()
        lister = Lister(cache: cache)
    }

    /// True once the first full list is in the cache.
    package var hasSynced: Bool { delivery.withLock { $0.hasSynced } }

    /// Returns once the first full list is in the cache and all handlers were told; also when the task is cancelled.
    package func waitForSync() async {
        let id = delivery.withLock { delivery in
            delivery.nextWaiter += 1
            return delivery.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = delivery.withLock { delivery in
                    if delivery.hasSynced || Task.isCancelled { return true }
                    delivery.syncWaiters[id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            delivery.withLock { $0.syncWaiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Keeps `index` current, so that `lister.list(index:value:)` can use it. Adding one of the same name again is free.
    package func addIndex(_ index: InformerIndex<T>) {
        cache.addIndex(index)
    }

    /// Calls the closures for every change from now on, in order, and `onAdd` for each object already known.
    /// They run on the reflector's task: return quickly, as adding a key to a `WorkQueue` does.
    package func addHandler(
        onAdd: @escaping @Sendable (T) -> Void = { _ in },
        onUpdate: @escaping @Sendable (_ old: T, _ new: T) -> Void = { _, _ in },
        onDelete: @escaping @Sendable (T) -> Void = { _ in }
    ) {
        let handler = Handler(onAdd: onAdd, onUpdate: onUpdate, onDelete: onDelete)
        delivery.withLock { delivery in
            delivery.handlers.append(handler)
            for object in cache.all { delivery.queue.append { onAdd(object) } }
        }
        deliverQueued()
    }

    /// Adds the same handler for every change: the usual shape for a level-based controller.
    package func addHandler(onAny: @escaping @Sendable (T) -> Void) {
        addHandler(onAdd: onAny, onUpdate: { _, new in onAny(new) }, onDelete: onAny)
    }

    /// Takes in what the reflector saw.
    func apply(_ event: ReflectorEvent<T>) {
        switch event {
        case .replaceBegan:
            delivery.withLock { $0.listed = [] }
        case .upserted(var object):
            object.metadata.managedFields = []
            transform?(&object)
            upsert(object)
        case .deleted(let object):
            remove(object.key, last: object)
        case .replaceEnded:
            endReplace()
        }
        deliverQueued()
    }

    private func upsert(_ object: T) {
        delivery.withLock { delivery in
            delivery.listed?.insert(object.key)
            guard let change = cache.upsert(object) else { return }
            for handler in delivery.handlers {
                switch change {
                case .added: delivery.queue.append { handler.onAdd(object) }
                case .updated(let old): delivery.queue.append { handler.onUpdate(old, object) }
                }
            }
        }
    }

    private func remove(_ key: ObjectKey, last: T?) {
        delivery.withLock { delivery in
            guard let removed = cache.remove(key) else { return }
            var object = last ?? removed
            object.metadata.managedFields = []
            let final = object
            for handler in delivery.handlers { delivery.queue.append { handler.onDelete(final) } }
        }
    }

    private func endReplace() {
        let listed = delivery.withLock { $0.listed.take() } ?? []
        if listed.count != cache.count {
            for key in cache.keys where !listed.contains(key) { remove(key, last: nil) }
        }
        delivery.withLock { delivery in
            guard !delivery.hasSynced else { return }
            delivery.queue.append { [weak self] in self?.markSynced() }
        }
    }

    private func markSynced() {
        let waiters = delivery.withLock { delivery in
            delivery.hasSynced = true
            defer { delivery.syncWaiters = [:] }
            return delivery.syncWaiters.values
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Makes the queued calls, outside the lock, by one thread at a time so that their order holds.
    private func deliverQueued() {
        guard
            delivery.withLock({ delivery in
                guard !delivery.isDelivering, !delivery.queue.isEmpty else { return false }
                delivery.isDelivering = true
                return true
            })
        else { return }
        while true {
            let calls = delivery.withLock { delivery -> [@Sendable () -> Void] in
                defer { delivery.queue = [] }
                if delivery.queue.isEmpty { delivery.isDelivering = false }
                return delivery.queue
            }
            guard !calls.isEmpty else { return }
            for call in calls { call() }
        }
    }
}

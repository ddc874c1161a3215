/// A list in the making: references taken under the store's lock, put together outside it.
struct ListAssembly: Sendable {
    let slices: [ArraySlice<StoredObject>]
    /// Number of objects from the start key on, now.
    let total: Int
    /// Events after the wanted revision, which the list must not show; in revision order within a bucket.
    let undone: [StoreEvent]
    let startKey: String
    let limit: Int
    let revision: Int64
    /// The slices come from several buckets and must be put in order.
    let isMerged: Bool

    func list() -> StoreList {
        var objects: [StoredObject] = []
        objects.reserveCapacity(slices.reduce(0) { $0 + $1.count })
        for slice in slices { objects.append(contentsOf: slice) }
        if !undone.isEmpty { undo(in: &objects) }
        if isMerged || !undone.isEmpty { objects.sort { KeyOrder.isBefore($0.key, $1.key) } }
        let available = undone.isEmpty ? total : objects.count
        if limit > 0, objects.count > limit { objects.removeLast(objects.count - limit) }
        return StoreList(objects: objects, revision: revision, remaining: available - objects.count)
    }

    /// Gives every key that changed since back the state it had: the one before its first undone event.
    private func undo(in objects: inout [StoredObject]) {
        var before: [String: StoredObject?] = [:]
        for event in undone where before[event.object.key] == nil {
            before.updateValue(event.previous, forKey: event.object.key)
        }
        objects.removeAll { before[$0.key] != nil }
        for case let object? in before.values where !KeyOrder.isBefore(object.key, startKey) {
            objects.append(object)
        }
    }
}

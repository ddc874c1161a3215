/// Everything the store answers from: live objects, recent events and watchers. Guarded by the store's mutex; only the
/// writer thread changes objects, any thread reads.
struct MemoryIndex {
    /// Bound on the events' values of all buckets together.
    static let historyBytesMax = 24 << 20

    private struct Bucket {
        /// Common prefix of its keys, ending in `/`.
        let name: String
        var objects = OrderedObjects()
        var history: EventHistory
        var watchers: [StoreWatcher] = []
    }

    /// Newest committed revision.
    private(set) var revision: Int64
    /// Events up to here have not been seen by this process.
    private let openRevision: Int64
    /// In order of name.
    private var buckets: [Bucket] = []
    /// Watchers of prefixes that span several buckets.
    private var wideWatchers: [StoreWatcher] = []
    private var historyBytes = 0
    private(set) var valueBytes = 0
    var isClosed = false

    /// `objects` are all live objects, in key order.
    init(revision: Int64, objects: [StoredObject]) {
        self.revision = revision
        openRevision = revision
        var start = 0
        while start < objects.count {
            let name = Self.bucketName(objects[start].key)
            var end = start
            while end < objects.count, Self.bucketName(objects[end].key) == name { end += 1 }
            // Keys directly in a directory and keys of buckets below it are neighbours, so a name can come twice.
            if let known = buckets.firstIndex(where: { $0.name == name }) {
                for object in objects[start..<end] { buckets[known].objects.put(object) }
            } else {
                buckets.append(
                    Bucket(
                        name: name, objects: OrderedObjects(sorted: objects[start..<end]),
                        history: EventHistory(compactedRevision: revision)
                    )
                )
            }
            start = end
        }
        buckets.sort { KeyOrder.isBefore($0.name, $1.name) }
        valueBytes = objects.reduce(0) { $0 + $1.value.count }
    }

    // MARK: Reading

    subscript(key: String) -> StoredObject? {
        let found = bucketIndex(ofKey: key)
        return found.isPresent ? buckets[found.index].objects[key] : nil
    }

    func count(prefix: String) -> Int {
        let start = prefix
        let end = KeyOrder.end(ofPrefix: prefix)
        return bucketIndices(prefix: prefix).reduce(0) { total, index in
            let objects = buckets[index].objects
            return total + objects.count(from: objects.position(atOrAfter: start), to: objects.position(atOrAfter: end))
        }
    }

    /// What `list` needs, taken under the lock without copying objects; `ListAssembly` finishes it outside.
    func prepareList(prefix: String, startKey: String?, limit: Int, at wanted: Int64?) throws(StoreError)
        -> ListAssembly
    {
        let at = wanted ?? revision
        if at > revision { throw .futureRevision(requested: at, current: revision) }
        let indices = bucketIndices(prefix: prefix)
        var undone: [StoreEvent] = []
        if at < revision {
            let compacted = compactedRevision(of: indices)
            if at < compacted { throw .compacted(requested: at, compacted: compacted) }
            for index in indices { undone += buckets[index].history.events(after: at, prefix: prefix) }
        }
        let start = startKey.map { KeyOrder.isBefore($0, prefix) ? prefix : $0 } ?? prefix
        let end = KeyOrder.end(ofPrefix: prefix)
        let isPlain = undone.isEmpty && indices.count <= 1
        var slices: [ArraySlice<StoredObject>] = []
        var total = 0
        for index in indices {
            let objects = buckets[index].objects
            let from = objects.position(atOrAfter: start)
            let to = objects.position(atOrAfter: end)
            total += objects.count(from: from, to: to)
            slices += objects.slices(from: from, to: to, limit: isPlain && limit > 0 ? limit : objects.count)
        }
        return ListAssembly(
            slices: slices, total: total, undone: undone, startKey: start, limit: limit, revision: at,
            isMerged: indices.count > 1
        )
    }

    /// The committed events a watch from `after` has missed.
    func backlog(prefix: String, after: Int64) throws(StoreError) -> [StoreEvent] {
        if after > revision { throw .futureRevision(requested: after, current: revision) }
        if after == revision { return [] }
        let indices = bucketIndices(prefix: prefix)
        let compacted = compactedRevision(of: indices)
        if after < compacted { throw .compacted(requested: after, compacted: compacted) }
        var events = indices.flatMap { buckets[$0].history.events(after: after, prefix: prefix) }
        if indices.count > 1 { events.sort { $0.revision < $1.revision } }
        return events
    }

    private func compactedRevision(of indices: Range<Int>) -> Int64 {
        indices.reduce(openRevision) { max($0, buckets[$1].history.compactedRevision) }
    }

    var objectCount: Int { buckets.reduce(0) { $0 + $1.objects.count } }
    var watcherCount: Int { buckets.reduce(wideWatchers.count) { $0 + $1.watchers.count } }
    var historySize: (events: Int, bytes: Int) { (buckets.reduce(0) { $0 + $1.history.count }, historyBytes) }

    // MARK: Watchers

    mutating func add(_ watcher: StoreWatcher) {
        guard let name = BucketRule.bucket(ofPrefix: watcher.prefix) else {
            wideWatchers.append(watcher)
            return
        }
        buckets[makeBucket(name)].watchers.append(watcher)
    }

    mutating func remove(_ watcher: StoreWatcher) {
        guard let name = BucketRule.bucket(ofPrefix: watcher.prefix) else {
            wideWatchers.removeAll { $0 === watcher }
            return
        }
        let found = bucketIndex(named: name)
        if found.isPresent { buckets[found.index].watchers.removeAll { $0 === watcher } }
    }

    /// Ends every watch. The wakes are to be called outside the lock.
    mutating func finishWatchers(_ error: StoreError) -> [StoreWatcher.Wake] {
        var wakes = wideWatchers.compactMap { $0.finish(error) }
        wideWatchers = []
        for index in buckets.indices {
            wakes += buckets[index].watchers.compactMap { $0.finish(error) }
            buckets[index].watchers = []
        }
        return wakes
    }

    // MARK: Changing (writer thread)

    /// Makes a committed change visible and queues it for its watchers.
    mutating func apply(_ event: StoreEvent, waking wakes: inout [StoreWatcher.Wake]) {
        let index = makeBucket(Self.bucketName(event.object.key))
        if event.change == .deleted {
            buckets[index].objects.remove(event.object.key)
        } else {
            buckets[index].objects.put(event.object)
            valueBytes += event.object.value.count
        }
        valueBytes -= event.previous?.value.count ?? 0
        revision = event.revision
        historyBytes -= buckets[index].history.bytes
        buckets[index].history.append(event)
        historyBytes += buckets[index].history.bytes
        trimHistory()
        buckets[index].watchers.deliver(event, waking: &wakes)
        if !wideWatchers.isEmpty { wideWatchers.deliver(event, waking: &wakes) }
    }

    /// Over the total bound, the bucket that holds most gives up its oldest events.
    private mutating func trimHistory() {
        while historyBytes > Self.historyBytesMax {
            guard
                let largest = buckets.indices.max(by: { buckets[$0].history.bytes < buckets[$1].history.bytes })
            else { return }
            historyBytes -= buckets[largest].history.bytes
            buckets[largest].history.dropOldest()
            historyBytes += buckets[largest].history.bytes
        }
    }

    // MARK: Buckets

    private static func bucketName(_ key: String) -> String {
        KeyOrder.withBytes(key) { String(decoding: $0[..<BucketRule.length($0).bytes], as: UTF8.self) }
    }

    private func bucketIndex(ofKey key: String) -> (index: Int, isPresent: Bool) {
        KeyOrder.withBytes(key) { bytes in
            bucketIndex(UnsafeBufferPointer(rebasing: bytes[..<BucketRule.length(bytes).bytes]))
        }
    }

    private func bucketIndex(named name: String) -> (index: Int, isPresent: Bool) {
        KeyOrder.withBytes(name) { bucketIndex($0) }
    }

    private func bucketIndex(_ name: UnsafeBufferPointer<UInt8>) -> (index: Int, isPresent: Bool) {
        var low = 0
        var high = buckets.count
        while low < high {
            let middle = (low + high) / 2
            let order = KeyOrder.withBytes(buckets[middle].name) { KeyOrder.compare($0, name) }
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    private mutating func makeBucket(_ name: String) -> Int {
        let found = bucketIndex(named: name)
        if !found.isPresent {
            buckets.insert(
                Bucket(name: name, history: EventHistory(compactedRevision: openRevision)), at: found.index
            )
        }
        return found.index
    }

    /// The buckets that may hold keys below `prefix`: one, or for a short prefix a run of neighbours.
    private func bucketIndices(prefix: String) -> Range<Int> {
        if let name = BucketRule.bucket(ofPrefix: prefix) {
            let found = bucketIndex(named: name)
            return found.isPresent ? found.index..<found.index + 1 : 0..<0
        }
        let start = bucketIndex(named: prefix).index
        return start..<max(start, bucketIndex(named: KeyOrder.end(ofPrefix: prefix)).index)
    }
}

extension [StoreWatcher] {
    /// Queues `event` for those whose prefix it has, and drops those that have ended or overflow.
    fileprivate mutating func deliver(_ event: StoreEvent, waking wakes: inout [StoreWatcher.Wake]) {
        var hasEnded = false
        for watcher in self where KeyOrder.hasPrefix(event.object.key, watcher.prefix) {
            if !watcher.push(event, waking: &wakes) { hasEnded = true }
        }
        if hasEnded { removeAll { $0.hasEnded } }
    }
}

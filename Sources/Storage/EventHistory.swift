/// The newest events of one bucket: what a watch resumes from and a past list is rebuilt from.
struct EventHistory {
    static let eventsMax = 4096
    static let bytesMax = 4 << 20
    /// Events that may keep their encoded frames; watchers that keep up never need older ones.
    static let framedEventsMax = 128

    private var events = Ring<StoreEvent>()
    /// Size of the values held, the previous states not counted: they are mostly earlier events' values.
    private(set) var bytes = 0
    /// Every event after this revision is held.
    private(set) var compactedRevision: Int64

    init(compactedRevision: Int64) {
        self.compactedRevision = compactedRevision
    }

    var count: Int { events.count }

    mutating func append(_ event: StoreEvent) {
        events.append(event)
        bytes += event.object.value.count
        if events.count > Self.framedEventsMax { events[events.count - 1 - Self.framedEventsMax].retireFrames() }
        while events.count > Self.eventsMax || (bytes > Self.bytesMax && events.count > 1) { dropOldest() }
    }

    mutating func dropOldest() {
        guard let oldest = events.popFirst() else { return }
        bytes -= oldest.object.value.count
        compactedRevision = oldest.revision
    }

    /// Events after `revision` whose key begins with `prefix`, oldest first.
    func events(after revision: Int64, prefix: String) -> [StoreEvent] {
        var found: [StoreEvent] = []
        for offset in firstOffset(after: revision)..<events.count
        where KeyOrder.hasPrefix(events[offset].object.key, prefix) {
            found.append(events[offset])
        }
        return found
    }

    private func firstOffset(after revision: Int64) -> Int {
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].revision <= revision { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

internal import Synchronization

/// One committed change. One instance is shared by the history and all watchers.
package final class StoreEvent: Sendable {
    package enum Change: Sendable { case created, updated, deleted }

    /// How many encodings of one event can be kept (`frame`).
    package static let frameSlots = 4

    package let change: Change
    /// The state after the change; for `.deleted` the last state, carrying the deletion's revision.
    package let object: StoredObject
    /// The state before the change; `nil` for `.created`.
    package let previous: StoredObject?
    private let frames = Mutex(Frames())

    private struct Frames {
        var bySlot: [[UInt8]?] = []
        var isRetired = false
    }

    package init(change: Change, object: StoredObject, previous: StoredObject?) {
        self.change = change
        self.object = object
        self.previous = previous
    }

    package var revision: Int64 { object.revision }

    /// The event encoded for one wire format, made by the first watcher that needs it and shared by the others.
    ///
    /// `make` runs outside any lock; two threads that come at the same instant may both run it. Frames are kept
    /// only while the event is recent, so that history does not hold everything twice.
    /// What each of the `frameSlots` stands for is the caller's affair.
    package func frame(_ slot: Int, make: () -> [UInt8]) -> [UInt8] {
        if let ready = frames.withLock({ $0.bySlot.isEmpty ? nil : $0.bySlot[slot] }) { return ready }
        let made = make()
        return frames.withLock { frames in
            guard !frames.isRetired else { return made }
            if frames.bySlot.isEmpty { frames.bySlot = Array(repeating: nil, count: Self.frameSlots) }
            if let earlier = frames.bySlot[slot] { return earlier }
            frames.bySlot[slot] = made
            return made
        }
    }

    /// Forgets all frames and keeps none from now on.
    func retireFrames() {
        frames.withLock { frames in
            frames.bySlot = []
            frames.isRetired = true
        }
    }
}

internal import APIMachinery
internal import Storage
internal import Transport

/// The body of one watch. The transport pulls; this pulls from the store's watcher. No task, no buffer of its own.
final class WatchStream: HTTPBodyStream {
    private let watcher: StoreWatcher
    private let selector: ObjectSelector
    private let encoder: WatchEncoder
    private let initialRevision: Int64
    private let wantsBookmarks: Bool
    private let state: Guarded<State>

    /// Events taken from the store at once.
    private static let batchMax = 128
    private static let chunkBytes = 64 * 1024

    private struct State: Sendable {
        var initial: [StoredObject]
        var next = 0
        var owesEndMark: Bool
        /// Set by the clock: a bookmark is due, or the time is over.
        var owesBookmark = false
        var isOver = false
        var isFirstFrame = true
        /// Newest revision the client has heard of.
        var sent: Int64
        var wake: (@Sendable () -> Void)?
    }

    init(source: WatchSource, selector: ObjectSelector, encoder: WatchEncoder, options: ListOptions) {
        watcher = source.watcher
        self.selector = selector
        self.encoder = encoder
        initialRevision = source.revision
        wantsBookmarks = options.allowsBookmarks
        state = Guarded(
            State(
                initial: source.initial, owesEndMark: source.marksEnd && options.allowsBookmarks, sent: source.revision)
        )
    }

    func setWaker(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.wake = wake }
        watcher.setWaker(wake)
    }

    func read() -> HTTPBodyPart {
        if let frames = initialFrames() { return .bytes(frames) }
        var frames: [[UInt8]] = []
        var bytes = 0
        while bytes < Self.chunkBytes {
            let batch = watcher.drain(max: Self.batchMax)
            for event in batch.events { bytes += append(event, to: &frames) }
            if let end = batch.end { return finish(&frames, end) }
            if batch.events.isEmpty { break }
        }
        let (isOver, owesBookmark) = state.withLock { state in
            let owes = state.owesBookmark && frames.isEmpty
            if owes { state.owesBookmark = false }
            return (state.isOver, owes)
        }
        if owesBookmark { frames.append(encoder.bookmark(watcher.progressRevision, marksEnd: false)) }
        if frames.isEmpty, isOver { return end() }
        return frames.isEmpty ? .wait : .bytes(frames)
    }

    private func end() -> HTTPBodyPart {
        cancel()
        return .end
    }

    func cancel() {
        watcher.cancel()
        state.withLock { state in
            state.isOver = true
            state.initial = []
        }
        encoder.server.watches.remove(self)
    }

    /// The next chunk of the initial state, or `nil` once it is through.
    private func initialFrames() -> [[UInt8]]? {
        state.withLock { state in
            guard state.next < state.initial.count || state.owesEndMark else { return nil }
            var frames: [[UInt8]] = []
            var bytes = 0
            while state.next < state.initial.count, bytes < Self.chunkBytes {
                let object = state.initial[state.next]
                state.next += 1
                guard selector.matches(object) else { continue }
                bytes += object.value.count
                frames += encoder.frame(.added, object.value, isFirst: state.isFirstFrame)
                state.isFirstFrame = false
            }
            if state.next == state.initial.count {
                state.initial = []
                state.next = 0
                if state.owesEndMark { frames.append(encoder.bookmark(initialRevision, marksEnd: true)) }
                state.owesEndMark = false
            }
            return frames.isEmpty ? nil : frames
        }
    }

    /// How a change looks through the selector. Returns the bytes added.
    private func append(_ event: StoreEvent, to frames: inout [[UInt8]]) -> Int {
        let isFirst = state.withLock { state in
            state.sent = event.revision
            state.owesBookmark = false
            return state.isFirstFrame
        }
        guard let (kind, object) = visible(event) else { return 0 }
        if isFirst { state.withLock { $0.isFirstFrame = false } }
        frames += encoder.frame(kind, object, isFirst: isFirst)
        return object.count
    }

    private func visible(_ event: StoreEvent) -> (WatchEncoder.EventKind, [UInt8])? {
        if selector.isEmpty {
            switch event.change {
            case .created: return (.added, event.object.value)
            case .updated: return (.modified, event.object.value)
            case .deleted: return (.deleted, event.object.value)
            }
        }
        let did = event.previous.map(selector.matches) ?? false
        switch event.change {
        case .deleted:
            return did ? (.deleted, event.object.value) : nil
        case .created, .updated:
            let does = selector.matches(event.object)
            switch (did, does) {
            case (true, true): return (.modified, event.object.value)
            case (false, true): return (.added, event.object.value)
            case (true, false):
                // It left the selection: the client is shown what it knew, at the revision of the change.
                guard let previous = event.previous else { return nil }
                return (.deleted, StorageCodec.rerevised(previous, event.revision))
            case (false, false): return nil
            }
        }
    }

    private func finish(_ frames: inout [[UInt8]], _ end: StoreError) -> HTTPBodyPart {
        let isFirst = state.withLock { state in
            defer { state.isOver = true }
            return !state.isOver
        }
        if isFirst, end != .closed { frames.append(encoder.error(APIError(end))) }
        return frames.isEmpty ? self.end() : .bytes(frames)
    }

    /// The clock's tick for bookmarks.
    func bookmarkIsDue() {
        let wake = state.withLock { state in
            state.owesBookmark = true
            return state.wake
        }
        wake?()
    }

    /// `timeoutSeconds` are over: the stream ends after what is already there.
    func expire() {
        let wake = state.withLock { state in
            state.isOver = true
            return state.wake
        }
        wake?()
    }
}

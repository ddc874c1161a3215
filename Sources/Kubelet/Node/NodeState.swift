internal import Synchronization

/// What the node's own watchers found out, for its status and for the admission of pods.
final class NodeState: Sendable {
    struct Value: Sendable, Equatable {
        var pressures: Set<EvictionSignal.Pressure> = []
        var isShuttingDown = false
    }

    private let value = Mutex(Value())
    /// Something changed, for the one who reports it.
    let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    init() {
        (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    var current: Value { value.withLock { $0 } }

    /// Asks for a report.
    func report() { change.yield() }

    func update(_ body: (inout Value) -> Void) {
        let isChanged = value.withLock { value in
            let before = value
            body(&value)
            return value != before
        }
        if isChanged { change.yield() }
    }
}

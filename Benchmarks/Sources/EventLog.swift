internal import APIMachinery
internal import Synchronization
internal import Transport

/// What a watch has shown, with the time of each event.
final class EventLog: Sendable {
    struct Event: Sendable {
        let type: String
        let object: Value
        let at: ContinuousClock.Instant

        var name: String { object[path: "metadata", "name"]?.string ?? "" }

        /// Whether the pod is running and Ready.
        var isReadyPod: Bool {
            guard type != "DELETED", object[path: "status", "phase"]?.string == "Running",
                object[path: "metadata", "deletionTimestamp"] == nil
            else { return false }
            let conditions = object[path: "status", "conditions"]?.array ?? []
            return conditions.contains { $0["type"]?.string == "Ready" && $0["status"]?.string == "True" }
        }
    }

    private let events = Mutex<[Event]>([])

    /// How many events there are: a place to look on from.
    var count: Int { events.withLock { $0.count } }

    /// Watches `collection` from now on while `body` runs.
    static func following<Result: Sendable>(
        _ collection: String, _ api: API, _ body: (EventLog) async throws -> Result
    ) async throws -> Result {
        let log = EventLog()
        let list = try await api.value(.get(collection))
        let revision = list[path: "metadata", "resourceVersion"]?.string ?? "0"
        let stream = try await api.stream(collection + "?watch=true&resourceVersion=\(revision)")
        let reader = Task { try await log.read(stream) }
        defer { reader.cancel() }
        return try await body(log)
    }

    private func read(_ stream: HTTPStreamingReply) async throws {
        var partial: [UInt8] = []
        for try await chunk in stream.body {
            let now = ContinuousClock.now
            partial += chunk
            while let end = partial.firstIndex(of: UInt8(ascii: "\n")) {
                let frame = try Value(json: Array(partial[..<end]))
                partial.removeFirst(end + 1)
                guard let type = frame["type"]?.string, let object = frame["object"] else { continue }
                events.withLock { $0.append(Event(type: type, object: object, at: now)) }
            }
        }
    }

    /// Waits for an event that satisfies `predicate`, which sees each event from number `start` on once, in order.
    @discardableResult
    func first(
        _ what: String, from start: Int, seconds: Int = 120, where predicate: (Event) -> Bool
    ) async throws -> Event {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var next = start
        while true {
            let fresh = events.withLock { Array($0[min(next, $0.count)...]) }
            next += fresh.count
            if let event = fresh.first(where: predicate) { return event }
            guard ContinuousClock.now < deadline else {
                throw BenchmarkError(description: "not within \(seconds) s: \(what)")
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}

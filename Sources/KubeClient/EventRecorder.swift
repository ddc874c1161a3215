package import APIMachinery
package import KubeAPI
package import Logging
internal import Synchronization

/// `Normal` or `Warning`, the types of an Event.
package enum EventSeverity: String, Sendable {
    case normal = "Normal"
    case warning = "Warning"
}

/// Reports what happened to objects as core/v1 Events, without making anyone wait.
///
/// Repeated events become one with a count; what comes faster than the server can take it, or too often for one
/// object, is dropped (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/: best effort).
package final class EventRecorder: Sendable {
    /// Events waiting to be sent; more are dropped.
    private static let queueMax = 1000

    private let client: Client
    private let source: EventSource
    private let logger: Logger
    private let queue: AsyncStream<Event>
    private let enqueue: AsyncStream<Event>.Continuation

    /// `component`: what reports: `deployment-controller`.
    /// `host`: the node it reports from; empty for cluster-wide components.
    package init(client: Client, component: String, host: String = "", logger: Logger = Logger(label: "events")) {
        self.client = client
        self.logger = logger
        var source = EventSource()
        source.component = component
        source.host = host.isEmpty ? nil : host
        self.source = source
        (queue, enqueue) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(Self.queueMax))
    }

    /// Reports about `object`. Returns at once.
    package func record(_ object: some APIObject, _ type: EventSeverity, reason: String, _ message: String) {
        record(ObjectReference(to: object), type, reason: reason, message)
    }

    /// Reports about whatever `reference` names (its `fieldPath` may name a container). Returns at once.
    package func record(_ reference: ObjectReference, _ type: EventSeverity, reason: String, _ message: String) {
        let now = Time.now()
        var event = Event()
        event.metadata.namespace = reference.namespace ?? "default"
        event.involvedObject = reference
        event.type = type.rawValue
        event.reason = reason
        event.message = String(message.prefix(Self.messageLengthMax))
        event.source = source
        event.reportingComponent = source.component ?? ""
        event.reportingInstance = source.host ?? ""
        event.firstTimestamp = now
        event.lastTimestamp = now
        event.count = 1
        enqueue.yield(event)
    }

    /// Bound of a message, as the server's validation has it.
    private static let messageLengthMax = 1024

    /// Sends until the task is cancelled. Called once.
    package func run() async {
        var correlator = EventCorrelator()
        for await event in queue {
            guard let step = correlator.correlate(event, now: .now()) else { continue }
            await send(step, &correlator)
        }
    }

    private func send(_ step: EventCorrelator.Step, _ correlator: inout EventCorrelator) async {
        // Tried again when the server is away, a few times only: events are worth little when old.
        for attempt in 0..<4 {
            do {
                try await sendOnce(step, &correlator)
                return
            } catch .unreachable(let text) {
                logger.debug("event: \(text)")
                try? await Task.sleep(for: .milliseconds(250 << attempt))
            } catch  where error.isNamespaceTerminating || error.isNotFound {
                return
            } catch {
                if !Task.isCancelled { logger.debug("event \(step.event.reason ?? ""): \(error.message)") }
                return
            }
        }
    }

    private func sendOnce(_ step: EventCorrelator.Step, _ correlator: inout EventCorrelator) async throws(APIError) {
        if step.isRepeat {
            do {
                let patch = Self.repeatPatch(step.event)
                try await client.patch(Event.resource, step.event.key, patch)
                return
            } catch .notFound {
                // It expired; begin a new one.
            }
        }
        var event = step.event
        event.metadata.resourceVersion = nil
        event.metadata.name = Self.makeName(for: event)
        try await client.create(event)
        correlator.remember(event, as: step.key)
    }

    private static func repeatPatch(_ event: Event) -> Patch {
        var patch = Value.object(OrderedFields())
        patch["count"] = .int(Int64(event.count ?? 1))
        patch["lastTimestamp"] = event.lastTimestamp.map { .string($0.description) }
        patch["message"] = event.message.map { .string($0) }
        return .merge(patch)
    }

    /// `NAME.HEX`, as upstream: the object's name and the time in nanoseconds.
    private static func makeName(for event: Event) -> String {
        let now = MicroTime.now()
        let nanos = UInt64(bitPattern: now.seconds &* 1_000_000_000 &+ Int64(now.nanos))
        // Distinguishes events of one microsecond.
        let unique = nanos &+ UInt64.random(in: 0..<1000)
        return (event.involvedObject.name ?? "") + "." + String(unique, radix: 16)
    }
}

extension ObjectReference {
    /// Refers to `object` as it is now.
    package init(to object: some APIObject) {
        self.init()
        let resource = type(of: object).resource
        kind = resource.kind
        apiVersion = resource.apiVersion
        namespace = object.metadata.namespace
        name = object.metadata.name
        uid = object.metadata.uid
        resourceVersion = object.metadata.resourceVersion
    }
}

package import APIMachinery
package import Logging

/// What a reflector sees, in order.
package enum ReflectorEvent<T: APIObject>: Sendable {
    /// A new full list begins: `.upserted` events follow for every object that exists, then `.replaceEnded`.
    case replaceBegan
    case upserted(T)
    case deleted(T)
    /// Objects not upserted since `.replaceBegan` do not exist any more.
    case replaceEnded
}

/// What a reflector watches.
package struct WatchScope: Hashable, Sendable {
    package var resource: ResourceName
    /// `nil` for all namespaces.
    package var namespace: String?
    package var labelSelector: String?
    package var fieldSelector: String?

    package init(
        resource: ResourceName, namespace: String? = nil, labelSelector: String? = nil, fieldSelector: String? = nil
    ) {
        self.resource = resource
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
    }

    /// A watch after `revision`, or a streaming list that goes on as a watch where there is none
    /// (https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists).
    func target(after revision: String?, timeoutSeconds: Int?) -> String {
        var query = RequestQuery()
        query.add("watch", "true")
        query.add("allowWatchBookmarks", "true")
        if let revision {
            query.add("resourceVersion", revision)
        } else {
            query.add("sendInitialEvents", "true")
            query.add("resourceVersionMatch", "NotOlderThan")
        }
        query.add("timeoutSeconds", timeoutSeconds.map { String($0) })
        query.add("labelSelector", labelSelector)
        query.add("fieldSelector", fieldSelector)
        return resource.path(namespace: namespace) + query.text
    }
}

/// Follows one collection for ever: a streaming list, then a watch, resumed where it broke off; a new list where the
/// server no longer has the revision.
package struct Reflector<T: APIObject>: Sendable {
    private let client: Client
    private let scope: WatchScope
    private let logger: Logger
    private let deliver: @Sendable (ReflectorEvent<T>) -> Void

    /// `deliver`: called in order from one task; while it runs, nothing more is read.
    package init(
        client: Client, scope: WatchScope, logger: Logger = Logger(label: "reflector"),
        deliver: @escaping @Sendable (ReflectorEvent<T>) -> Void
    ) {
        self.client = client
        self.scope = scope
        self.logger = logger
        self.deliver = deliver
    }

    /// Runs until the task is cancelled.
    package func run() async {
        var revision: String?
        var backoff = Backoff()
        while !Task.isCancelled {
            let began = ContinuousClock.now
            do {
                try await follow(&revision)
            } catch let error as APIError where error.isGone {
                logger.debug("\(scope.resource.plural): relisting: \(error.message)")
                revision = nil
            } catch {
                if !Task.isCancelled { logger.debug("\(scope.resource.plural): watch: \(error)") }
            }
            if began.duration(to: .now) > .seconds(5) { backoff.reset() }
            do {
                try await Task.sleep(for: backoff.next(), tolerance: .milliseconds(5))
            } catch {
                return
            }
        }
    }

    /// One request's worth of events. Advances `revision` with each.
    private func follow(_ revision: inout String?) async throws {
        let seconds = client.transport.watchSeconds.map { Int.random(in: $0) }
        let request = ClientRequest(
            method: "GET", target: scope.target(after: revision, timeoutSeconds: seconds), userAgent: client.userAgent)
        let chunks = try await client.transport.stream(request)
        var isListing = revision == nil
        if isListing { deliver(.replaceBegan) }
        var lines = LineSplitter()
        for try await chunk in chunks {
            for line in try lines.split(chunk) {
                let frame = try WatchFrame<T>(json: line)
                switch frame.event {
                case .upserted(let object): deliver(.upserted(object))
                case .deleted(let object): deliver(.deleted(object))
                case .bookmark(let endsInitialEvents):
                    if isListing, endsInitialEvents {
                        isListing = false
                        deliver(.replaceEnded)
                    }
                case .failed(let error):
                    throw error
                }
                // While listing, objects come in any order: only the closing bookmark is a place to resume from.
                if !isListing, let version = frame.revision { revision = version }
            }
        }
    }
}

/// Delays between tries: doubling with jitter, bounded.
struct Backoff {
    private let min: Duration = .milliseconds(20)
    private let max: Duration = .seconds(15)
    private var current: Duration = .milliseconds(20)

    mutating func next() -> Duration {
        defer { current = Swift.min(current * 2, max) }
        return current * Double.random(in: 0.75...1.25)
    }

    mutating func reset() { current = min }
}

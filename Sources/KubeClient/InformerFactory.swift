package import APIMachinery
package import Logging
internal import Synchronization

/// Makes informers, one per watched collection, shared by all who ask, and keeps them current.
package final class InformerFactory: Sendable {
    package let client: Client
    private let logger: Logger
    private let informers = Mutex<[WatchScope: any FactoryInformer]>([:])
    private let started: AsyncStream<any FactoryInformer>
    private let start: AsyncStream<any FactoryInformer>.Continuation

    package init(client: Client, logger: Logger = Logger(label: "informer")) {
        self.client = client
        self.logger = logger
        // Bounded by the number of collections.
        (started, start) = AsyncStream.makeStream(of: (any FactoryInformer).self)
    }

    /// The informer of a collection. Watching begins at once if `run` is running, else with it.
    ///
    /// `type`: how objects are decoded: the kind's struct, or `PartialObjectMetadata`.
    /// `resource`: what is watched, where `type` does not say it.
    /// `transform`: drops what no consumer needs before an object is kept. The first caller's counts.
    package func informer<T: APIObject>(
        for type: T.Type, resource: ResourceName? = nil, namespace: String? = nil, labelSelector: String? = nil,
        fieldSelector: String? = nil, transform: (@Sendable (inout T) -> Void)? = nil
    ) -> Informer<T> {
        let scope = WatchScope(
            resource: resource ?? T.resource, namespace: namespace, labelSelector: labelSelector,
            fieldSelector: fieldSelector)
        let informer = informers.withLock { informers in
            if let shared = informers[scope] as? Informer<T> { return shared }
            precondition(informers[scope] == nil, "\(scope.resource.plural) is watched as another type already")
            let informer = Informer<T>(scope: scope, transform: transform)
            informers[scope] = informer
            start.yield(informer)
            return informer
        }
        return informer
    }

    /// Keeps all informers current until the task is cancelled. Called once.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await informer in started {
                group.addTask { [client, logger] in await informer.follow(client: client, logger: logger) }
            }
            group.cancelAll()
        }
    }

    /// Returns once all informers made so far have synced; also when the task is cancelled.
    package func waitForSync() async {
        for informer in informers.withLock({ Array($0.values) }) { await informer.waitForSync() }
    }
}

/// What the factory needs of an informer of any kind.
private protocol FactoryInformer: Sendable {
    func follow(client: Client, logger: Logger) async
    func waitForSync() async
}

extension Informer: FactoryInformer {
    fileprivate func follow(client: Client, logger: Logger) async {
        let reflector = Reflector<T>(client: client, scope: scope, logger: logger) { self.apply($0) }
        await reflector.run()
    }
}

package import APIMachinery
package import Logging

/// Brings the world to what one object asks for. Level-based: acts on what is true now, whatever queued the key.
package protocol Reconciler: Sendable {
    associatedtype Key: Hashable & Sendable = ObjectKey

    /// Called for one key at a time, never twice at once for the same key. Throwing retries it with back-off.
    func reconcile(_ key: Key) async throws -> Requeue
}

/// When a key is to be looked at again if nothing else happens.
package enum Requeue: Equatable, Sendable {
    case never
    case after(Duration)
    /// As after an error, without one.
    case backoff
}

/// Runs a reconciler over a queue with a fixed number of workers.
package struct ControllerRunner<R: Reconciler>: Sendable {
    package let name: String
    package let queue: WorkQueue<R.Key>
    private let reconciler: R
    private let workers: Int
    private let logger: Logger

    /// `workers`: how many keys are worked on at once; at least 1.
    package init(
        name: String, reconciler: R, queue: WorkQueue<R.Key> = WorkQueue(), workers: Int = 4,
        logger: Logger = Logger(label: "controller")
    ) {
        self.name = name
        self.reconciler = reconciler
        self.queue = queue
        self.workers = max(1, workers)
        self.logger = logger
    }

    /// Works until the task is cancelled. Start it once the informers that the reconciler reads have synced.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<workers { group.addTask { await work() } }
        }
        queue.shutDown()
    }

    private func work() async {
        while !Task.isCancelled, let key = await queue.next() {
            await handle(key)
            queue.done(key)
        }
    }

    private func handle(_ key: R.Key) async {
        do {
            switch try await reconciler.reconcile(key) {
            case .never:
                queue.forget(key)
            case .after(let delay):
                queue.forget(key)
                queue.add(key, after: delay)
            case .backoff:
                queue.addRateLimited(key)
            }
        } catch is CancellationError {
            queue.add(key)
        } catch let error as APIError where error.isConflict {
            // The cache lagged behind another writer; the retry reads what it wrote.
            logger.debug("\(name): \(key): \(error.message)")
            queue.addRateLimited(key)
        } catch {
            guard !Task.isCancelled else { return }
            logger.warning("\(name): \(key): \(error)")
            queue.addRateLimited(key)
        }
    }
}

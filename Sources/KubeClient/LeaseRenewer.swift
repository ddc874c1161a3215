package import APIMachinery
package import KubeAPI
package import Logging

/// Keeps one Lease fresh: a node's heartbeat
/// (https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats).
package struct LeaseRenewer: Sendable {
    private let client: Client
    private let key: ObjectKey
    private let holder: String
    private let duration: Duration
    private let interval: Duration
    private let owner: @Sendable () -> OwnerReference?
    private let logger: Logger

    /// `duration`: how long the lease is good for without renewal.
    /// `interval`: time between renewals; a quarter of `duration` upstream.
    /// `owner`: whose end takes the lease along, once known.
    package init(
        client: Client, key: ObjectKey, holder: String, duration: Duration = .seconds(40),
        interval: Duration = .seconds(10), owner: @escaping @Sendable () -> OwnerReference? = { nil },
        logger: Logger = Logger(label: "lease")
    ) {
        self.client = client
        self.key = key
        self.holder = holder
        self.duration = duration
        self.interval = interval
        self.owner = owner
        self.logger = logger
    }

    /// Renews until the task is cancelled.
    package func run() async {
        var current: Lease?
        var backoff = Backoff()
        while !Task.isCancelled {
            var pause = interval
            do {
                current = try await renew(current)
                backoff.reset()
            } catch {
                if !Task.isCancelled { logger.warning("lease \(key): \(error.message)") }
                current = nil
                pause = min(backoff.next(), interval)
            }
            do {
                // A heartbeat may be late by a second; waking together with others saves power.
                try await Task.sleep(for: pause, tolerance: .milliseconds(100))
            } catch {
                return
            }
        }
    }

    /// One renewal, creating the lease where it is missing. `previous` spares a read.
    package func renew(_ previous: Lease?) async throws(APIError) -> Lease {
        var lease: Lease
        if let previous {
            lease = previous
        } else {
            do {
                lease = try await client.get(Lease.self, key)
            } catch  where error.isNotFound {
                return try await client.create(stamped(Lease()))
            }
        }
        lease = stamped(lease)
        return try await client.update(lease)
    }

    private func stamped(_ lease: Lease) -> Lease {
        var lease = lease
        lease.metadata.namespace = key.namespace
        lease.metadata.name = key.name
        if lease.metadata.ownerReferences.isEmpty, let owner = owner() { lease.metadata.ownerReferences = [owner] }
        lease.spec.holderIdentity = holder
        lease.spec.leaseDurationSeconds = Int32(duration.components.seconds)
        lease.spec.renewTime = .now()
        return lease
    }
}

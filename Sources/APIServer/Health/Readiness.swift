internal import Synchronization

/// What `/readyz` waits for besides the server itself.
final class Readiness: Sendable {
    private let isBootstrapped = Atomic<Bool>(false)
    private let extra: [(name: String, isReady: @Sendable () -> Bool)]

    init(checks: [(name: String, isReady: @Sendable () -> Bool)]) { extra = checks }

    func bootstrapIsDone() { isBootstrapped.store(true, ordering: .releasing) }

    /// Name and state of every check, in a fixed order.
    func checks(includingStart: Bool) -> [(name: String, isReady: Bool)] {
        var checks: [(name: String, isReady: Bool)] = [("ping", true), ("log", true), ("etcd", true)]
        guard includingStart else { return checks }
        checks.append(("poststarthook/bootstrap-objects", isBootstrapped.load(ordering: .acquiring)))
        return checks + extra.map { ($0.name, $0.isReady()) }
    }
}

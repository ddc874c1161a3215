internal import APIMachinery
internal import KubeAPI

extension Pod {
    /// Neither finished nor on its way out: counts as a replica.
    var isActive: Bool { !isTerminal && !isBeingDeleted }

    /// All containers have ended for good.
    var isTerminal: Bool { status.phase == "Succeeded" || status.phase == "Failed" }

    /// Stopping, not yet stopped.
    var isTerminating: Bool { isBeingDeleted && !isTerminal }

    func condition(_ type: String) -> PodCondition? { status.conditions.first { $0.type == type } }

    var isReady: Bool { condition("Ready")?.status == "True" }

    /// Since when it is ready; `nil` if it is not, or if that is not known.
    var readySince: Time? { isReady ? condition("Ready")?.lastTransitionTime : nil }

    /// Ready for at least `minReadySeconds`.
    func isAvailable(minReadySeconds: Int32, now: Time) -> Bool {
        guard isReady else { return false }
        if minReadySeconds == 0 { return true }
        guard let since = readySince else { return false }
        return since + .seconds(minReadySeconds) <= now
    }

    /// How long until it is available if it stays ready; `nil` if it is not ready or available already.
    func timeToAvailable(minReadySeconds: Int32, now: Time) -> Duration? {
        guard let since = readySince else { return nil }
        let left = since + .seconds(minReadySeconds) - now
        return left > .zero ? left : nil
    }

    var restartsMax: Int32 { status.containerStatuses.map(\.restartCount).max() ?? 0 }
}

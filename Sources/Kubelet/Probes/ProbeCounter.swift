internal import KubeAPI

/// Turns tries of one probe into a verdict: so many good ones in a row, or so many bad ones. Pure.
struct ProbeCounter: Sendable, Equatable {
    private let successThreshold: Int
    private let failureThreshold: Int
    private var isGoodRun: Bool?
    private var run = 0

    init(_ probe: Probe) {
        successThreshold = Int(max(probe.successThreshold ?? 1, 1))
        failureThreshold = Int(max(probe.failureThreshold ?? 3, 1))
    }

    /// Counts a try.
    /// - Returns: the verdict once the run is long enough, again at every further try of the run; `nil` before.
    mutating func count(_ isGood: Bool) -> Bool? {
        if isGoodRun == isGood {
            run += 1
        } else {
            isGoodRun = isGood
            run = 1
        }
        return run >= (isGood ? successThreshold : failureThreshold) ? isGood : nil
    }
}

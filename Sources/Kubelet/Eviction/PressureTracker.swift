internal import APIMachinery

/// One signal at one moment.
struct SignalReading: Sendable, Equatable {
    let available: Int64
    let capacity: Int64
}

/// Follows the signals: which thresholds ask for evictions now, and which pressures the node shows. Pure.
struct PressureTracker: Sendable {
    typealias Pressure = EvictionSignal.Pressure

    let thresholds: [EvictionThreshold]
    let transitionPeriod: Duration
    private var firstSeen: [EvictionThreshold: ContinuousClock.Instant] = [:]
    private var lastSeen: [Pressure: ContinuousClock.Instant] = [:]
    /// Thresholds that ask for evictions, in the order in which they are served. They do until the signal is back
    /// above the threshold and what is to be reclaimed beyond it.
    private(set) var due: [EvictionThreshold] = []
    private(set) var pressures: Set<Pressure> = []

    init(_ settings: EvictionSettings) {
        thresholds = settings.thresholds
        transitionPeriod = settings.transitionPeriod
    }

    mutating func observe(_ readings: [EvictionSignal: SignalReading], at now: ContinuousClock.Instant) {
        let below = thresholds.filter { threshold in
            isMet(threshold, readings, withReclaim: due.contains(threshold))
        }
        firstSeen = Dictionary(uniqueKeysWithValues: below.map { ($0, firstSeen[$0] ?? now) })
        for threshold in below { lastSeen[threshold.signal.pressure] = now }
        pressures = Set(lastSeen.filter { now - $0.value < transitionPeriod || now == $0.value }.keys)
        due = below.filter { now - (firstSeen[$0] ?? now) >= $0.grace }.sorted { Self.order($0) < Self.order($1) }
    }

    /// Memory is served first: it runs out in moments.
    private static func order(_ threshold: EvictionThreshold) -> Int {
        switch threshold.signal.pressure {
        case .memory: 0
        case .disk: 1
        case .pid: 2
        }
    }

    private func isMet(
        _ threshold: EvictionThreshold, _ readings: [EvictionSignal: SignalReading], withReclaim: Bool
    ) -> Bool {
        guard let reading = readings[threshold.signal] else { return false }
        var bound = threshold.amount.bytes(of: reading.capacity)
        if withReclaim, let more = threshold.minimumReclaim { bound += more.bytes(of: reading.capacity) }
        return reading.available < bound
    }

    /// Whether any of `chosen` still holds with what is to be reclaimed.
    func isAnyMet(_ chosen: [EvictionThreshold], _ readings: [EvictionSignal: SignalReading]) -> Bool {
        chosen.contains { isMet($0, readings, withReclaim: true) }
    }

    /// Whether a signal that can run out within seconds is near its threshold, so that it pays to look often.
    func isNear(_ readings: [EvictionSignal: SignalReading]) -> Bool {
        thresholds.contains { threshold in
            guard threshold.signal.pressure != .disk, let reading = readings[threshold.signal] else { return false }
            let bound = threshold.amount.bytes(of: reading.capacity)
            return bound > 0 && reading.available < bound + max(bound, reading.capacity / 20)
        }
    }
}

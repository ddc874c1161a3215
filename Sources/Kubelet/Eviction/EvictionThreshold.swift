internal import APIMachinery

/// What the node watches: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#eviction-signals
enum EvictionSignal: String, Sendable, Hashable, CaseIterable {
    case memoryAvailable = "memory.available"
    /// Memory that pods may still take before they have all that is theirs.
    case allocatableMemoryAvailable = "allocatableMemory.available"
    case nodefsAvailable = "nodefs.available"
    case nodefsInodesFree = "nodefs.inodesFree"
    case imagefsAvailable = "imagefs.available"
    case imagefsInodesFree = "imagefs.inodesFree"
    case pidAvailable = "pid.available"

    /// The condition that the node shows.
    enum Pressure: String, Sendable, Hashable, CaseIterable {
        case memory = "MemoryPressure"
        case disk = "DiskPressure"
        case pid = "PIDPressure"
    }

    var pressure: Pressure {
        switch self {
        case .memoryAvailable, .allocatableMemoryAvailable: .memory
        case .pidAvailable: .pid
        default: .disk
        }
    }

    /// What runs short, as messages name it.
    var resource: String {
        switch self {
        case .memoryAvailable, .allocatableMemoryAvailable: "memory"
        case .nodefsAvailable, .imagefsAvailable: "ephemeral-storage"
        case .nodefsInodesFree, .imagefsInodesFree: "inodes"
        case .pidAvailable: "pids"
        }
    }
}

/// An amount below which a signal means pressure.
struct EvictionThreshold: Sendable, Hashable {
    enum Amount: Sendable, Hashable {
        case quantity(Quantity)
        /// Of the capacity, 0 to 1.
        case share(Double)

        func bytes(of capacity: Int64) -> Int64 {
            switch self {
            case .quantity(let quantity): quantity.value
            case .share(let share): Int64(Double(capacity) * share)
            }
        }
    }

    let signal: EvictionSignal
    let amount: Amount
    /// How long the signal has to stay below; zero for a hard threshold.
    var grace = Duration.zero
    /// How far above the threshold the signal has to rise before the pressure is over.
    var minimumReclaim: Amount?

    var isHard: Bool { grace == .zero }

    /// `memory.available<100Mi,nodefs.available<10%`.
    static func parse(_ text: String) throws(SettingText.Refusal) -> [EvictionThreshold] {
        var found: [EvictionThreshold] = []
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "<", maxSplits: 1).map(String.init)
            guard sides.count == 2 else {
                throw SettingText.Refusal("\"\(part)\" must be SIGNAL<AMOUNT, such as memory.available<100Mi")
            }
            let signal = try self.signal(sides[0])
            guard !found.contains(where: { $0.signal == signal }) else {
                throw SettingText.Refusal("\(sides[0]) must be there only once")
            }
            // 0% and 100% switch a threshold off, as upstream has it.
            guard sides[1] != "0%", sides[1] != "100%" else { continue }
            found.append(EvictionThreshold(signal: signal, amount: try amount(sides[1])))
        }
        return found
    }

    static func durations(_ text: String) throws(SettingText.Refusal) -> [EvictionSignal: Duration] {
        var result: [EvictionSignal: Duration] = [:]
        for (name, value) in try SettingText.pairs(text) { result[try signal(name)] = try SettingText.duration(value) }
        return result
    }

    static func amounts(_ text: String) throws(SettingText.Refusal) -> [EvictionSignal: Amount] {
        var result: [EvictionSignal: Amount] = [:]
        for (name, value) in try SettingText.pairs(text) { result[try signal(name)] = try amount(value) }
        return result
    }

    private static func signal(_ name: String) throws(SettingText.Refusal) -> EvictionSignal {
        guard let signal = EvictionSignal(rawValue: name), signal != .allocatableMemoryAvailable else {
            throw SettingText.Refusal("\(name) is no signal of an eviction")
        }
        return signal
    }

    private static func amount(_ text: String) throws(SettingText.Refusal) -> Amount {
        if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), (0...100).contains(percent) else {
                throw SettingText.Refusal("\"\(text)\" must be between 0% and 100%")
            }
            return .share(percent / 100)
        }
        guard let quantity = Quantity(text), quantity.sign >= 0 else {
            throw SettingText.Refusal("\"\(text)\" is neither an amount such as 100Mi nor a share such as 10%")
        }
        return .quantity(quantity)
    }
}

/// When pods have to go: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
struct EvictionSettings: Sendable, Equatable {
    var hard: [EvictionThreshold] = [
        EvictionThreshold(signal: .memoryAvailable, amount: .quantity(Quantity(100 << 20, format: .binarySI))),
        EvictionThreshold(signal: .nodefsAvailable, amount: .share(0.1)),
        EvictionThreshold(signal: .nodefsInodesFree, amount: .share(0.05)),
        EvictionThreshold(signal: .imagefsAvailable, amount: .share(0.15)),
        EvictionThreshold(signal: .imagefsInodesFree, amount: .share(0.05)),
    ]
    var soft: [EvictionThreshold] = []
    var softGrace: [EvictionSignal: Duration] = [:]
    var minimumReclaim: [EvictionSignal: EvictionThreshold.Amount] = [:]
    /// Seconds of grace of a pod that a soft threshold ends.
    var podGraceMax: Int64 = 0
    /// How long the node shows a pressure after it was last seen.
    var transitionPeriod = Duration.seconds(300)

    /// Every threshold with all that was said of its signal. Hard ones about memory also hold for what pods together
    /// may have, as upstream has it.
    var thresholds: [EvictionThreshold] {
        var all: [EvictionThreshold] = []
        for threshold in hard {
            var threshold = threshold
            threshold.minimumReclaim = minimumReclaim[threshold.signal]
            all.append(threshold)
            guard threshold.signal == .memoryAvailable else { continue }
            all.append(
                EvictionThreshold(
                    signal: .allocatableMemoryAvailable, amount: threshold.amount,
                    minimumReclaim: threshold.minimumReclaim))
        }
        for threshold in soft {
            var threshold = threshold
            threshold.grace = softGrace[threshold.signal] ?? .zero
            threshold.minimumReclaim = minimumReclaim[threshold.signal]
            all.append(threshold)
        }
        return all
    }

    func check() throws(NodeSettingsError) {
        for threshold in soft where softGrace[threshold.signal].map({ $0 > .zero }) != true {
            let name = threshold.signal.rawValue
            throw NodeSettingsError("eviction-soft", "eviction-soft-grace-period must say how long \(name) may last")
        }
    }

    /// What hard thresholds keep from pods, so that they are not evicted for using what is theirs.
    func kept(_ name: String, of capacity: Int64) -> Int64 {
        let signal: EvictionSignal? =
            switch name {
            case "memory": .memoryAvailable
            case "ephemeral-storage": .nodefsAvailable
            default: nil
            }
        guard let signal, let threshold = hard.first(where: { $0.signal == signal }) else { return 0 }
        return threshold.amount.bytes(of: capacity)
    }
}

internal import Synchronization

/// Names of requests: unique, and cheaper than asking the kernel for random bits each time.
enum AuditID {
    private static let counter = Atomic<UInt64>(0)
    private static let seed = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

    static func next() -> String {
        let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
        return UUIDText.text(mixed(seed.0 &+ number), mixed(seed.1 ^ number))
    }

    /// The finaliser of SplitMix64.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var word = value
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

internal import Glibc

/// A moment, to the second, as Kubernetes' `metav1.Time`: RFC 3339 in UTC (`2026-01-02T15:04:05Z`).
///
/// Fractions and offsets are accepted on input; fractions are dropped.
package struct Time: Hashable, Comparable, Sendable, CustomStringConvertible {
    private var instant: Instant

    /// Seconds since 1970 in UTC.
    package var seconds: Int64 { instant.seconds }
    /// Always 0 for times read from text; kept for times taken from the clock, never written.
    package var nanos: Int32 { instant.nanos }

    package init(seconds: Int64, nanos: Int32 = 0) {
        instant = Instant(seconds: seconds, nanos: nanos)
    }

    /// `nil` unless `text` is an RFC 3339 time.
    package init?(_ text: some StringProtocol) {
        guard let instant = Instant(rfc3339: text) else { return nil }
        self.instant = Instant(seconds: instant.seconds, nanos: 0)
    }

    /// The wall clock, cut to the second so that it equals what is read back.
    package static func now() -> Time {
        Time(seconds: Instant.now().seconds)
    }

    package var description: String { instant.rfc3339(fractionDigits: 0) }

    package static func < (lhs: Time, rhs: Time) -> Bool { lhs.instant < rhs.instant }

    package static func + (lhs: Time, rhs: Duration) -> Time {
        let sum = lhs.instant + rhs
        return Time(seconds: sum.seconds, nanos: sum.nanos)
    }

    package static func - (lhs: Time, rhs: Duration) -> Time { lhs + (.zero - rhs) }

    package static func - (lhs: Time, rhs: Time) -> Duration { lhs.instant - rhs.instant }
}

/// A moment to the microsecond, as Kubernetes' `metav1.MicroTime` (`2026-01-02T15:04:05.000001Z`).
package struct MicroTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    private var instant: Instant

    /// Seconds since 1970 in UTC.
    package var seconds: Int64 { instant.seconds }
    /// A multiple of 1,000.
    package var nanos: Int32 { instant.nanos }

    package init(seconds: Int64, nanos: Int32 = 0) {
        instant = Instant(seconds: seconds, nanos: nanos / 1_000 * 1_000)
    }

    /// `nil` unless `text` is an RFC 3339 time; digits past the sixth are dropped.
    package init?(_ text: some StringProtocol) {
        guard let instant = Instant(rfc3339: text) else { return nil }
        self.init(seconds: instant.seconds, nanos: instant.nanos)
    }

    package static func now() -> MicroTime {
        let now = Instant.now()
        return MicroTime(seconds: now.seconds, nanos: now.nanos)
    }

    /// The same moment, without the fraction.
    package var time: Time { Time(seconds: seconds) }

    package var description: String { instant.rfc3339(fractionDigits: 6) }

    package static func < (lhs: MicroTime, rhs: MicroTime) -> Bool { lhs.instant < rhs.instant }

    package static func + (lhs: MicroTime, rhs: Duration) -> MicroTime {
        let sum = lhs.instant + rhs
        return MicroTime(seconds: sum.seconds, nanos: sum.nanos)
    }

    package static func - (lhs: MicroTime, rhs: MicroTime) -> Duration { lhs.instant - rhs.instant }
}

extension Instant {
    fileprivate static func now() -> Instant {
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME, &clock)
        return Instant(seconds: Int64(clock.tv_sec), nanos: Int32(clock.tv_nsec))
    }
}

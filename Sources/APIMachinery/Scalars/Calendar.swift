/// The proleptic Gregorian calendar in UTC, by Howard Hinnant's day-count algorithms: all that RFC 3339 needs.
struct CivilTime {
    var year: Int64
    var month: Int64
    var day: Int64
    var hour: Int64 = 0
    var minute: Int64 = 0
    var second: Int64 = 0

    /// The fields of a Unix time.
    init(secondsSince1970 seconds: Int64) {
        var days = seconds / 86_400
        var rest = seconds % 86_400
        if rest < 0 {
            rest += 86_400
            days -= 1
        }
        // Years start in March here, so that the leap day comes last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = rest / 3_600
        minute = rest % 3_600 / 60
        second = rest % 60
    }

    /// `nil` unless every field is in its range for that month and year.
    init?(year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64) {
        guard (0...9_999).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.days(inMonth: month, of: year), (0...23).contains(hour), (0...59).contains(minute),
            (0...59).contains(second)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    var secondsSince1970: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// An instant, and its RFC 3339 text; what `Time` and `MicroTime` share.
struct Instant: Hashable, Comparable {
    var seconds: Int64
    /// 0 to 999,999,999, also before 1970.
    var nanos: Int32

    static func < (lhs: Instant, rhs: Instant) -> Bool {
        (lhs.seconds, lhs.nanos) < (rhs.seconds, rhs.nanos)
    }

    static func + (lhs: Instant, rhs: Duration) -> Instant {
        let (seconds, attoseconds) = rhs.components
        var sum = Instant(seconds: lhs.seconds + seconds, nanos: lhs.nanos + Int32(attoseconds / 1_000_000_000))
        if sum.nanos < 0 {
            sum.nanos += 1_000_000_000
            sum.seconds -= 1
        } else if sum.nanos >= 1_000_000_000 {
            sum.nanos -= 1_000_000_000
            sum.seconds += 1
        }
        return sum
    }

    static func - (lhs: Instant, rhs: Instant) -> Duration {
        .seconds(lhs.seconds - rhs.seconds) + .nanoseconds(Int64(lhs.nanos) - Int64(rhs.nanos))
    }

    /// Parses `2006-01-02T15:04:05[.fraction](Z|±hh:mm)`, as Go's `time.Parse(time.RFC3339)` does.
    init?(rfc3339 text: some StringProtocol) {
        var scanner = DigitScanner(bytes: Array(text.utf8))
        guard let year = scanner.digits(4), scanner.take(UInt8(ascii: "-")), let month = scanner.digits(2),
            scanner.take(UInt8(ascii: "-")), let day = scanner.digits(2), scanner.take(UInt8(ascii: "T")),
            let hour = scanner.digits(2), scanner.take(UInt8(ascii: ":")), let minute = scanner.digits(2),
            scanner.take(UInt8(ascii: ":")), let second = scanner.digits(2),
            let civil = CivilTime(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        guard let nanos = scanner.fraction(), let offset = scanner.offset(), scanner.isAtEnd else { return nil }
        self.init(seconds: civil.secondsSince1970 - offset, nanos: nanos)
    }

    init(seconds: Int64, nanos: Int32) {
        self.seconds = seconds
        self.nanos = nanos
    }

    /// The UTC text with `fractionDigits` digits after the seconds (0, or 6).
    func rfc3339(fractionDigits: Int) -> String {
        let civil = CivilTime(secondsSince1970: seconds)
        return String(unsafeUninitializedCapacity: 40) { buffer in
            var end = 0
            func put(_ number: Int64, width: Int) {
                var rest = number.magnitude
                for place in stride(from: end + width - 1, through: end, by: -1) {
                    buffer[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                end += width
            }
            func put(_ character: Unicode.Scalar) {
                buffer[end] = UInt8(ascii: character)
                end += 1
            }
            put(civil.year, width: 4)
            put("-")
            put(civil.month, width: 2)
            put("-")
            put(civil.day, width: 2)
            put("T")
            put(civil.hour, width: 2)
            put(":")
            put(civil.minute, width: 2)
            put(":")
            put(civil.second, width: 2)
            if fractionDigits > 0 {
                put(".")
                put(Int64(nanos / 1_000), width: fractionDigits)
            }
            put("Z")
            return end
        }
    }
}

/// Reads the fixed-width fields of an RFC 3339 time.
private struct DigitScanner {
    let bytes: [UInt8]
    var index = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { index == bytes.count }

    mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    mutating func digit() -> Int64? {
        guard index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) else { return nil }
        index += 1
        return Int64(bytes[index - 1] - UInt8(ascii: "0"))
    }

    mutating func digits(_ count: Int) -> Int64? {
        var number: Int64 = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    /// Nanoseconds of an optional `.digits`; digits past the ninth are dropped. `nil` for a point without digits.
    mutating func fraction() -> Int32? {
        guard take(UInt8(ascii: ".")) || take(UInt8(ascii: ",")) else { return 0 }
        var nanos: Int64 = 0
        var place: Int64 = 100_000_000
        guard let first = digit() else { return nil }
        nanos = first * place
        while let next = digit() {
            place /= 10
            nanos += next * place
        }
        return Int32(nanos)
    }

    /// Seconds east of UTC.
    mutating func offset() -> Int64? {
        if take(UInt8(ascii: "Z")) { return 0 }
        let sign: Int64
        if take(UInt8(ascii: "+")) {
            sign = 1
        } else if take(UInt8(ascii: "-")) {
            sign = -1
        } else {
            return nil
        }
        guard let hours = digits(2), hours <= 24, take(UInt8(ascii: ":")), let minutes = digits(2), minutes < 60 else {
            return nil
        }
        return sign * (hours * 3_600 + minutes * 60)
    }
}

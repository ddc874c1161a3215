/// Why a text is no time, in the words of Go's `time.Parse`: the part of the layout that it stumbled over.
struct TimeFailure {
    static let seconds = "2006-01-02T15:04:05Z07:00"
    static let micros = "2006-01-02T15:04:05.000000Z07:00"

    private let layout: String
    private let text: String
    private var rest: Substring.UTF8View
    private var year = 0
    private var month = 1
    private var day = 1

    /// `nil` for a text that fits the layout.
    static func text(of text: String, layout: String) -> String? {
        var parser = TimeFailure(layout: layout, text: text, rest: Substring(text).utf8)
        return parser.run()
    }

    private mutating func run() -> String? {
        let steps: [(inout TimeFailure) -> String?] = [
            { $0.takeYear() }, { $0.take("-") }, { $0.takeMonth() }, { $0.take("-") }, { $0.takeDay() },
            { $0.take("T") }, { $0.takeNumber("15", max: 23, "hour", isFixed: false) }, { $0.take(":") },
            { $0.takeNumber("04", max: 59, "minute") }, { $0.take(":") },
            { $0.takeNumber("05", max: 59, "second") }, { $0.takeFraction() }, { $0.takeZone() },
        ]
        for step in steps {
            if let failure = step(&self) { return failure }
        }
        guard rest.isEmpty else { return outOfRange("extra text: " + Self.quoted(String(rest) ?? "")) }
        guard day >= 1, day <= Self.days(inMonth: month, of: year) else { return outOfRange("day out of range") }
        return nil
    }

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }

    private func cannotParse(_ rest: Substring.UTF8View, _ element: String) -> String {
        "parsing time \(Self.quoted(text)) as \"\(layout)\": cannot parse \(Self.quoted(String(rest) ?? "")) as "
            + "\"\(element)\""
    }

    private func outOfRange(_ why: String) -> String { "parsing time \(Self.quoted(text)): \(why)" }

    private mutating func take(_ mark: String) -> String? {
        guard rest.first == mark.utf8.first else { return cannotParse(rest, mark) }
        rest = rest.dropFirst()
        return nil
    }

    /// Exactly so many digits, or one fewer where the layout allows it.
    private mutating func digits(_ count: Int, isFixed: Bool = true) -> Int? {
        let run = rest.prefix(count).prefix { $0 &- 0x30 < 10 }
        guard run.count == count || (!isFixed && run.count == 1) else { return nil }
        rest = rest.dropFirst(run.count)
        return run.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private mutating func takeYear() -> String? {
        guard let number = digits(4) else { return cannotParse(rest, "2006") }
        year = number
        return nil
    }

    private mutating func takeMonth() -> String? {
        guard let number = digits(2) else { return cannotParse(rest, "01") }
        month = number
        return (1...12).contains(number) ? nil : outOfRange("month out of range")
    }

    private mutating func takeDay() -> String? {
        guard let number = digits(2) else { return cannotParse(rest, "02") }
        day = number
        return nil
    }

    private mutating func takeNumber(_ element: String, max: Int, _ name: String, isFixed: Bool = true) -> String? {
        let start = rest
        guard let number = digits(2, isFixed: isFixed) else { return cannotParse(start, element) }
        return number <= max ? nil : outOfRange(name + " out of range")
    }

    /// Any number of digits, or exactly six where the layout has them.
    private mutating func takeFraction() -> String? {
        let run = rest.dropFirst().prefix { $0 &- 0x30 < 10 }
        let hasMark = rest.first == UInt8(ascii: ".") || rest.first == UInt8(ascii: ",")
        guard layout == Self.micros else {
            if hasMark, !run.isEmpty { rest = rest.dropFirst(1 + run.count) }
            return nil
        }
        guard hasMark, run.count >= 6 else { return cannotParse(rest, ".000000") }
        rest = rest.dropFirst(7)
        return nil
    }

    private mutating func takeZone() -> String? {
        if rest.first == UInt8(ascii: "Z") {
            rest = rest.dropFirst()
            return nil
        }
        let start = rest
        guard rest.count >= 6, let sign = rest.popFirst(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = digits(2), rest.popFirst() == UInt8(ascii: ":"), let minutes = digits(2)
        else { return cannotParse(start, "Z07:00") }
        if hours > 24 { return outOfRange("time zone offset hour out of range") }
        return minutes > 60 ? outOfRange("time zone offset minute out of range") : nil
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// A number or a text: ports by number or name, `maxSurge: 25%`.
package enum IntOrString: Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral
{
    case int(Int32)
    case string(String)

    package init(integerLiteral value: Int32) {
        self = .int(value)
    }

    package init(stringLiteral value: String) {
        self = .string(value)
    }

    package var description: String {
        switch self {
        case .int(let value): String(value)
        case .string(let value): value
        }
    }

    /// The number, also when it was given as text (`"80"`). `nil` for anything else.
    package var intValue: Int? {
        switch self {
        case .int(let value): Int(value)
        case .string(let value): Int(value)
        }
    }

    /// A count: the number itself, or that per cent of `total`. `nil` for a text that is not `N%`.
    package func scaled(of total: Int, roundingUp: Bool) -> Int? {
        switch self {
        case .int(let value):
            return Int(value)
        case .string(let text):
            guard text.hasSuffix("%"), let percent = Int(text.dropLast()) else { return nil }
            let (product, overflow) = percent.multipliedReportingOverflow(by: total)
            guard !overflow else { return nil }
            let quotient = product / 100
            return roundingUp && product % 100 > 0 ? quotient + 1 : quotient
        }
    }
}

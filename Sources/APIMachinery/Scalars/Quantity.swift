/// An exact amount of a resource, as Kubernetes' `resource.Quantity`: `100m`, `1536Mi`, `2`, `1e3`.
///
/// Holds `mantissa * 10^exponent` without trailing zeros in the mantissa, to the nano; equal amounts are equal
/// whatever their notation (`1` and `1000m`). The notation read is kept for printing only.
package struct Quantity: Hashable, Sendable {
    /// The family of suffixes a quantity is printed with.
    package enum Format: UInt8, Hashable, Sendable {
        /// `n u m k M G T P E`.
        case decimalSI
        /// `Ki Mi Gi Ti Pi Ei`; amounts below 1024 and fractions fall back to `decimalSI`.
        case binarySI
        /// `e3`, `e-3`.
        case decimalExponent
    }

    let mantissa: Int128
    let exponent: Int32
    /// How it prints. Not part of equality.
    package let format: Format

    /// Normalises; amounts out of range are held at the largest magnitude.
    init(mantissa: Int128, exponent: Int32, format: Format) {
        var mantissa = mantissa
        var exponent = exponent
        if mantissa == 0 {
            exponent = 0
        } else {
            while mantissa % 10 == 0 {
                mantissa /= 10
                exponent += 1
            }
        }
        self.mantissa = mantissa
        self.exponent = exponent
        self.format = format
    }

    /// Whole units: `Quantity(3)` prints `3`.
    package init(_ value: some BinaryInteger, format: Format = .decimalSI) {
        self.init(mantissa: Int128(clamping: value), exponent: 0, format: format)
    }

    /// Thousandths: `Quantity(milli: 1500)` prints `1500m`.
    package init(milli: Int64, format: Format = .decimalSI) {
        self.init(mantissa: Int128(milli), exponent: -3, format: format)
    }

    package static let zero = Quantity(0)

    package var isZero: Bool { mantissa == 0 }
    /// -1, 0 or 1.
    package var sign: Int { mantissa == 0 ? 0 : mantissa < 0 ? -1 : 1 }

    /// Whole units, rounded away from zero; held at the bounds of `Int64`.
    package var value: Int64 { scaledValue(0) }
    /// Thousandths, rounded away from zero; held at the bounds of `Int64`.
    package var milliValue: Int64 { scaledValue(-3) }
    /// Whether `value` is exact.
    package var isInteger: Bool { exponent >= 0 }

    /// The nearest double: for metrics and scores, never for accounting.
    package var approximateDouble: Double {
        var result = Double(mantissa)
        for _ in 0..<min(exponent.magnitude, 400) { result = exponent < 0 ? result / 10 : result * 10 }
        return result
    }

    /// The amount in units of `10^scale`, rounded away from zero and clamped.
    private func scaledValue(_ scale: Int32) -> Int64 {
        Int64(clamping: integer(atScale: scale) ?? (mantissa < 0 ? .min : .max))
    }

    /// Rounded away from zero; `nil` when too large.
    func integer(atScale scale: Int32) -> Int128? {
        guard mantissa != 0 else { return 0 }
        let shift = exponent - scale
        guard shift < 0 else { return mantissa.multiplied(byPowerOfTen: shift) }
        guard let divisor = Int128(1).multiplied(byPowerOfTen: -shift) else { return mantissa < 0 ? -1 : 1 }
        let (quotient, remainder) = mantissa.quotientAndRemainder(dividingBy: divisor)
        return remainder == 0 ? quotient : quotient + (mantissa < 0 ? -1 : 1)
    }

    package static func == (lhs: Quantity, rhs: Quantity) -> Bool {
        lhs.mantissa == rhs.mantissa && lhs.exponent == rhs.exponent
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(mantissa)
        hasher.combine(exponent)
    }

    /// The same amount printed in another family of suffixes.
    package func formatted(_ format: Format) -> Quantity {
        Quantity(mantissa: mantissa, exponent: exponent, format: format)
    }
}

extension Quantity: Comparable {
    package static func < (lhs: Quantity, rhs: Quantity) -> Bool {
        guard lhs.sign == rhs.sign else { return lhs.sign < rhs.sign }
        let scale = min(lhs.exponent, rhs.exponent)
        guard let left = lhs.mantissa.multiplied(byPowerOfTen: lhs.exponent - scale) else { return lhs.sign < 0 }
        guard let right = rhs.mantissa.multiplied(byPowerOfTen: rhs.exponent - scale) else { return lhs.sign > 0 }
        return left < right
    }
}

extension Quantity {
    /// The sum, printed like the left side (like the right side if the left is zero, as upstream does).
    package static func + (lhs: Quantity, rhs: Quantity) -> Quantity {
        combine(lhs, rhs) { $0.addingReportingOverflow($1) }
    }

    package static func - (lhs: Quantity, rhs: Quantity) -> Quantity {
        combine(lhs, rhs) { $0.subtractingReportingOverflow($1) }
    }

    package static func += (lhs: inout Quantity, rhs: Quantity) { lhs = lhs + rhs }
    package static func -= (lhs: inout Quantity, rhs: Quantity) { lhs = lhs - rhs }

    package static prefix func - (quantity: Quantity) -> Quantity {
        Quantity(mantissa: 0 - quantity.mantissa, exponent: quantity.exponent, format: quantity.format)
    }

    private static func combine(
        _ lhs: Quantity, _ rhs: Quantity, _ operation: (Int128, Int128) -> (partialValue: Int128, overflow: Bool)
    ) -> Quantity {
        let scale = min(lhs.exponent, rhs.exponent)
        let format = lhs.isZero ? rhs.format : lhs.format
        let largest = Quantity.magnitudeMax
        guard let left = lhs.mantissa.multiplied(byPowerOfTen: lhs.exponent - scale),
            let right = rhs.mantissa.multiplied(byPowerOfTen: rhs.exponent - scale)
        else {
            // One side is so much larger that the other does not count.
            return lhs.exponent >= rhs.exponent
                ? lhs
                : Quantity(mantissa: operation(0, rhs.mantissa).partialValue, exponent: rhs.exponent, format: format)
        }
        let (sum, overflow) = operation(left, right)
        guard !overflow, sum.magnitude <= largest.magnitude else {
            return Quantity(mantissa: left < 0 ? -largest : largest, exponent: scale, format: format)
        }
        return Quantity(mantissa: sum, exponent: scale, format: format)
    }

    /// Bound of the mantissa: 37 digits, so that a sum of two cannot overflow.
    static let magnitudeMax: Int128 = 9_999_999_999_999_999_999_999_999_999_999_999_999
}

extension Int128 {
    /// `nil` when the product is past `Quantity.magnitudeMax`.
    func multiplied(byPowerOfTen power: Int32) -> Int128? {
        guard self != 0 else { return 0 }
        guard power < 38 else { return nil }
        var result = self
        for _ in 0..<power {
            result *= 10
            guard result.magnitude <= Quantity.magnitudeMax.magnitude else { return nil }
        }
        return result
    }
}

/// Why a text is not a quantity. The texts are upstream's.
package enum QuantityError: Error, Equatable, CustomStringConvertible {
    case format
    case suffix
    case number

    package var description: String {
        switch self {
        case .format:
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        case .suffix: "unable to parse quantity's suffix"
        case .number: "unable to parse numeric part of quantity"
        }
    }
}

extension Quantity {
    /// `nil` unless `text` is a quantity; see `init(parsing:)` for the reason.
    package init?(_ text: some StringProtocol) {
        guard let quantity = try? Quantity(parsing: text) else { return nil }
        self = quantity
    }

    /// Parses `<sign>digits[.digits]<suffix>`. Amounts finer than a nano are rounded up to one.
    package init(parsing text: some StringProtocol) throws(QuantityError) {
        let parsed = try Parts(Array(text.utf8))
        let (base, power, format) = try Self.interpret(suffix: parsed.suffix)
        guard parsed.digitCount <= Self.digitsMax else { throw .number }
        if base == 10 {
            self.init(mantissa: parsed.mantissa, power: power - parsed.fractionDigits, format: format)
            return
        }
        let factor = Int128(1) << Int128(power)
        let (product, overflow) = parsed.mantissa.multipliedReportingOverflow(by: factor)
        guard !overflow, product.magnitude <= Self.magnitudeMax.magnitude else { throw .number }
        let limited = Quantity(mantissa: product, power: -parsed.fractionDigits, format: format)
        // Upstream holds binary amounts at the largest Int64.
        let bound = Quantity(parsed.isNegative ? -Int64.max : Int64.max, format: .binarySI)
        self = (parsed.isNegative ? limited < bound : limited > bound) ? bound : limited
    }

    /// Digits accepted before and after the point together, leading zeros aside.
    private static let digitsMax = 18 + 18
    /// Largest power of ten accepted in an exponent suffix.
    private static let exponentMax: Int32 = 1_000

    /// Rounds what is finer than a nano away from zero.
    private init(mantissa: Int128, power: Int32, format: Format) {
        let exact = Quantity(mantissa: mantissa, exponent: power, format: format)
        guard exact.exponent < -9 else {
            self = exact
            return
        }
        self.init(mantissa: exact.integer(atScale: -9) ?? 0, exponent: -9, format: format)
    }

    private static func interpret(
        suffix: [UInt8]
    ) throws(QuantityError) -> (base: Int, power: Int32, format: Format) {
        if let first = suffix.first, suffix.count > 1, first == UInt8(ascii: "e") || first == UInt8(ascii: "E"),
            suffix[1] != UInt8(ascii: "i")
        {
            guard let power = Int32(String(decoding: suffix.dropFirst(), as: UTF8.self)),
                power.magnitude <= exponentMax.magnitude
            else { throw .suffix }
            return (10, power, .decimalExponent)
        }
        switch String(decoding: suffix, as: UTF8.self) {
        case "n": return (10, -9, .decimalSI)
        case "u": return (10, -6, .decimalSI)
        case "m": return (10, -3, .decimalSI)
        case "": return (10, 0, .decimalSI)
        case "k": return (10, 3, .decimalSI)
        case "M": return (10, 6, .decimalSI)
        case "G": return (10, 9, .decimalSI)
        case "T": return (10, 12, .decimalSI)
        case "P": return (10, 15, .decimalSI)
        case "E": return (10, 18, .decimalSI)
        case "Ki": return (2, 10, .binarySI)
        case "Mi": return (2, 20, .binarySI)
        case "Gi": return (2, 30, .binarySI)
        case "Ti": return (2, 40, .binarySI)
        case "Pi": return (2, 50, .binarySI)
        case "Ei": return (2, 60, .binarySI)
        default: throw .suffix
        }
    }

    /// A quantity's text, split.
    private struct Parts {
        var isNegative = false
        var mantissa: Int128 = 0
        /// Digits in `mantissa`.
        var digitCount = 0
        var fractionDigits: Int32 = 0
        var suffix: [UInt8] = []

        init(_ bytes: [UInt8]) throws(QuantityError) {
            guard !bytes.isEmpty else { throw .format }
            var index = 0
            if bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
                isNegative = bytes[0] == UInt8(ascii: "-")
                index = 1
            }
            let start = index
            var inFraction = false
            var sawDigit = false
            while index < bytes.count {
                let byte = bytes[index]
                if byte == UInt8(ascii: "."), !inFraction {
                    inFraction = true
                } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                    sawDigit = true
                    take(digit: Int128(byte - UInt8(ascii: "0")), inFraction: inFraction)
                } else {
                    break
                }
                index += 1
            }
            let numberEnd = index
            while index < bytes.count, "eEinumkKMGTP".utf8.contains(bytes[index]) { index += 1 }
            if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
                index += 1
            }
            while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
            guard index == bytes.count else { throw .format }
            // Go accepts neither an empty number nor a lone point, with different words.
            guard numberEnd > start else { throw .format }
            guard sawDigit else { throw .number }
            suffix = Array(bytes[numberEnd...])
            if isNegative { mantissa = 0 - mantissa }
        }

        private mutating func take(digit: Int128, inFraction: Bool) {
            if mantissa != 0 || digit != 0 { digitCount += 1 }
            guard digitCount <= Quantity.digitsMax else { return }
            mantissa = mantissa * 10 + digit
            if inFraction { fractionDigits += 1 }
        }
    }
}

extension Quantity: CustomStringConvertible {
    /// The canonical form: no fraction, the largest suffix that keeps it exact (`1.5Gi` gives `1536Mi`).
    package var description: String {
        guard mantissa != 0 else { return "0" }
        if format == .binarySI, exponent >= 0, let value = integer(atScale: 0), value.magnitude >= 1024 {
            return binary(value)
        }
        return format == .decimalExponent ? decimalExponent : decimalSI
    }

    private func binary(_ value: Int128) -> String {
        let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
        var value = value
        var index = 0
        while index < suffixes.count - 1, value % 1024 == 0 {
            value /= 1024
            index += 1
        }
        return String(value) + suffixes[index]
    }

    private var decimalSI: String {
        let suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"]
        let power = min(floorToThree, 18)
        return digits(from: power) + suffixes[Int(power / 3) + 3]
    }

    private var decimalExponent: String {
        let power = floorToThree
        return power == 0 ? digits(from: 0) : digits(from: power) + "e" + String(power)
    }

    /// The largest multiple of three that is not above the exponent.
    private var floorToThree: Int32 {
        let remainder = exponent % 3
        return exponent - (remainder < 0 ? remainder + 3 : remainder)
    }

    private func digits(from power: Int32) -> String {
        String(mantissa) + String(repeating: "0", count: Int(exponent - power))
    }
}
